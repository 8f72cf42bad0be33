// SPDX-License-Identifier: MIT
#include "app/print_diagnostics.h"

#include <fmt/format.h>

#include <cstdio>

namespace uvhttpd {

void print_diagnostics(const std::vector<config::Diagnostic>& diagnostics) {
  for (const config::Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.line == 0) {
      const bool is_warning = diagnostic.severity == config::Diagnostic::Severity::warning;
      fmt::print(stderr, "uvhttpd: {}: {}{}\n", diagnostic.file, is_warning ? "warning: " : "",
                 diagnostic.message);
    } else {
      fmt::print(stderr, "{}\n", config::render(diagnostic));
    }
  }
}

}  // namespace uvhttpd
