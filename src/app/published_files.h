// SPDX-License-Identifier: MIT
// app/published_files.h: what of a server's own files anybody could fetch from it.
#pragma once

#include <vector>

#include "config/config.h"
#include "config/diagnostics.h"

namespace uvhttpd {

// Warnings about a configuration and logs that lie below a root. Private keys and passwords there
// are no warning: Runtime::build refuses them.
std::vector<config::Diagnostic> published_files(const config::Config& config);

}  // namespace uvhttpd
