// SPDX-License-Identifier: MIT
// app/print_diagnostics.h: what is wrong with a configuration, on standard error.
#pragma once

#include <vector>

#include "config/diagnostics.h"

namespace uvhttpd {

// A fault with a place in a file reads as compilers write it, others as the program's own errors.
void print_diagnostics(const std::vector<config::Diagnostic>& diagnostics);

}  // namespace uvhttpd
