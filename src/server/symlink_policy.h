// SPDX-License-Identifier: MIT
// server/symlink_policy.h: what the configuration says of links, in the words of base/file.h.
#pragma once

#include "base/file.h"
#include "config/config.h"

namespace uvhttpd {

constexpr SymlinkPolicy symlink_policy(config::Symlinks rule) {
  switch (rule) {
    case config::Symlinks::deny: return SymlinkPolicy::deny;
    case config::Symlinks::follow: return SymlinkPolicy::follow;
    case config::Symlinks::inside: break;
  }
  return SymlinkPolicy::inside;
}

}  // namespace uvhttpd
