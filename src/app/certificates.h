// SPDX-License-Identifier: MIT
// app/certificates.h: what is wrong with the certificates of a configuration, and with its files
// of passwords.
#pragma once

#include <vector>

#include "config/config.h"
#include "config/diagnostics.h"

namespace uvhttpd {

// Reads all files. Errors are those with which nothing can be served, and certificates that have
// expired; what only some clients will refuse, for other hosts, say, is a warning. Each names the
// file that it is about, and no line.
std::vector<config::Diagnostic> check_certificates(const config::Config& config);
// Only those with which nothing can be served: an expired certificate does not keep a server down.
std::vector<config::Diagnostic> unusable_certificates(const config::Config& config);

// Warnings about files of `auth` that let nobody in. Those that cannot be read are left out.
std::vector<config::Diagnostic> empty_password_files(const config::Config& config);

}  // namespace uvhttpd
