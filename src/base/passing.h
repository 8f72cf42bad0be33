// SPDX-License-Identifier: MIT
// base/passing.h: errors that say nothing about what was asked for.
#pragma once

#include <cerrno>

namespace uvhttpd {

// No descriptors or no memory now, or a signal came.
inline bool is_passing(int os_error) {
  return os_error == EMFILE || os_error == ENFILE || os_error == ENOMEM || os_error == EINTR;
}

}  // namespace uvhttpd
