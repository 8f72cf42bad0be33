// SPDX-License-Identifier: MIT
// app/privileges.h: what the process may do, given up as early as it can be.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "config/diagnostics.h"

namespace uvhttpd {

// Descriptors up to the hard limit, no SIGPIPE, and no ambient capabilities: those are for binding
// ports, not for CGI programs. Returns the soft limit of descriptors as it was, which programs are
// given: those that use select() cannot have more than 1024. Call before any thread is started.
std::uint64_t prepare_process();

// Becomes the user (and the group, else the user's own) for good. Nothing happens with both empty.
// Fails when the names are unknown or the process may not; then it must not go on.
// Those of `files` that are absolute paths are made, and given to the user, before.
Result<void> become(const std::string& user, const std::string& group,
                    const std::vector<std::string>& files);

// Warnings about the roots that this process may not read or enter: it would answer with 403.
std::vector<config::Diagnostic> closed_roots(const config::Config& config);

}  // namespace uvhttpd
