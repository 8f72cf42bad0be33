// SPDX-License-Identifier: MIT
// base/passing.h: errors that say nothing about what was asked for.
#pragma once

#include <cerrno>

namespace uvhttpd {

// This process, or the machine, has no descriptors or no memory left.
inline bool is_lack_of_resources(int os_error) {
  return os_error == EMFILE || os_error == ENFILE || os_error == ENOBUFS || os_error == ENOMEM;
}

// The same may go well the next time: that lack, or a signal came.
inline bool is_passing(int os_error) { return is_lack_of_resources(os_error) || os_error == EINTR; }

}  // namespace uvhttpd
