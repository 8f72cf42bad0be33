// SPDX-License-Identifier: MIT
// io/identity.h: as whom a program runs.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace uvhttpd {

struct Identity {
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;  // all of them
};

// The user with the group (empty: the user's own) and the groups that the user is a member of; with
// an empty user the server's own with that group alone. nullopt: that is who we are already, or
// both are empty. May ask a directory service: not from a loop that serves. The error is an unknown
// name, or that this process may not make its children somebody else.
Result<std::optional<Identity>> identity_of(const std::string& user, const std::string& group);

}  // namespace uvhttpd
