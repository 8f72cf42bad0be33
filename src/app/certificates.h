// SPDX-License-Identifier: MIT
// app/certificates.h: what is wrong with the certificates of a configuration.
#pragma once

#include <vector>

#include "config/config.h"
#include "config/diagnostics.h"

namespace uvhttpd {

// Reads all files. Errors are those with which nothing can be served, and certificates that have
// expired; one that is for other hosts is a warning. Each names the file that it is about, and no
// line.
std::vector<config::Diagnostic> check_certificates(const config::Config& config);
// Only those with which nothing can be served: an expired certificate does not keep a server down.
std::vector<config::Diagnostic> unusable_certificates(const config::Config& config);

}  // namespace uvhttpd
