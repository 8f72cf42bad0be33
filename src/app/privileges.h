// SPDX-License-Identifier: MIT
// app/privileges.h: what the process may do, given up as early as it can be.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
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

// Whom `server.user` and `server.group` make of the process.
struct Account {
  std::string user;  // empty: only the group is another
  uid_t uid;
  gid_t gid;
};
// The group is the user's own unless it is named. Absent when the process stays what it is; fails
// when a name is unknown.
Result<std::optional<Account>> account_of(const config::Server& server);

// Becomes the account for good. Fails when the process may not; then it must not go on.
Result<void> become(const std::optional<Account>& account);

// For root that will be the account, before it is: calls `use`, which opens `file` or makes it. As
// the account if that may put another file in its place: a link to what is root's own, say.
Result<void> use_file(const std::optional<Account>& account, const std::string& file,
                      const std::function<Result<void>()>& use);
// Makes the log if `file` is an absolute path, and gives it to the account, so that it can be
// opened again after a rotation.
Result<void> hand_over(const std::optional<Account>& account, const std::string& file);

// Warnings about the logs and Unix sockets whose directory is not there (the service manager may
// make it yet), and errors about those that are directories themselves.
std::vector<config::Diagnostic> missing_directories(const config::Config& config);

// Warnings about the roots that this process may not read or enter: it would answer with 403.
std::vector<config::Diagnostic> closed_roots(const config::Config& config);

}  // namespace uvhttpd
