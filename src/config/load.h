// SPDX-License-Identifier: MIT
// config/load.h: a TOML file becomes a Config, or the complete list of what is wrong with it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "config/diagnostics.h"

namespace uvhttpd::config {

// Reads and validates the file. Every fault that can be found is reported in this one run, in file
// order. Fails (without touching the disk further) on a missing file, a directory, a file over
// kMaxFileBytes, a line over kMaxLineBytes, or nesting over kMaxDepth. Warnings come with success
// as well as with failure.
struct Loaded {
  std::optional<Config> config;  // absent when any diagnostic is an error
  std::vector<Diagnostic> diagnostics;
};
// With `check_disk` false the files that it names need not be there.
Loaded load_file(const std::string& path, bool check_disk = true);

// The same for text; `path` names it in messages and is what relative paths are relative to.
// With `check_disk` false nothing but the text decides (for fuzzing and unit tests).
Loaded load_text(std::string text, const std::string& path, bool check_disk = true);

// The configuration in force as TOML that load_text reads back to the same Config: every key,
// defaults included.
std::string to_toml(const Config& config);

constexpr std::size_t kMaxFileBytes = 1 << 20;
constexpr std::size_t kMaxLineBytes = 16 << 10;
constexpr std::size_t kMaxDepth = 32;
// Where a file without a [[listener]] is served.
constexpr const char* kDefaultAddress = "127.0.0.1:8080";

}  // namespace uvhttpd::config
