// SPDX-License-Identifier: MIT
// tests/unit/config/support.h: configurations as text, and what is wrong with them as text.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "config/load.h"

namespace uvhttpd::config::tests {

constexpr const char* kPath = "/etc/uvhttpd/uvhttpd.toml";
constexpr std::string_view kSite = "[[site]]\nroot = \"/srv/www\"\n";

// The diagnostics as "line:column+length message (hint)", one a line; "warning: " before the
// message of one.
inline std::string faults_of(std::string_view text, bool check_disk = false) {
  std::string out;
  for (const Diagnostic& one : load_text(std::string(text), kPath, check_disk).diagnostics) {
    if (!out.empty()) out += "\n";
    out += std::to_string(one.line) + ":" + std::to_string(one.column) + "+" +
           std::to_string(one.length) + " " +
           (one.severity == Diagnostic::Severity::warning ? "warning: " : "") + one.message;
    if (!one.hint.empty()) out += " (" + one.hint + ")";
  }
  return out;
}

// The Config of a text that has to be good.
inline Config config_of(std::string_view text) {
  Loaded loaded = load_text(std::string(text), kPath, false);
  CAPTURE(faults_of(text));
  REQUIRE(loaded.config.has_value());
  return *std::move(loaded.config);
}

}  // namespace uvhttpd::config::tests
