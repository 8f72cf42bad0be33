// SPDX-License-Identifier: MIT
// tests/fuzz/config_fuzz.cpp: whatever the text, loading it ends in a Config or in diagnostics, and
// a Config written out reads back as the same one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/assert.h"
#include "config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace uvhttpd::config;
  const std::string path = "/etc/uvhttpd/uvhttpd.toml";
  const Loaded loaded = load_text(std::string(data, data + size), path, false);
  const bool has_errors = std::any_of(
      loaded.diagnostics.begin(), loaded.diagnostics.end(),
      [](const Diagnostic& one) { return one.severity == Diagnostic::Severity::error; });
  ASSERT(loaded.config.has_value() != has_errors);
  for (const Diagnostic& diagnostic : loaded.diagnostics) ASSERT(!render(diagnostic).empty());
  ASSERT(!render_json(loaded.diagnostics).empty());
  if (!loaded.config) return 0;

  const std::string written = to_toml(*loaded.config);
  const Loaded again = load_text(written, path, false);
  ASSERT(again.config.has_value());
  ASSERT(to_toml(*again.config) == written);
  return 0;
}
