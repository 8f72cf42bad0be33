// SPDX-License-Identifier: MIT
// base/assert.h: ASSERT for what only a bug can break. It stays on in release builds.
#pragma once

#include <cstdio>
#include <cstdlib>

#define ASSERT(condition)                                                                \
  do {                                                                                   \
    if (!(condition)) [[unlikely]] {                                                     \
      std::fprintf(stderr, "uvhttpd: %s:%d: assertion failed: %s\n", __FILE__, __LINE__, \
                   #condition);                                                          \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)
