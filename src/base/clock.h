// SPDX-License-Identifier: MIT
// base/clock.h: time as deadlines know it: on the steady clock, in milliseconds.
#pragma once

#include <chrono>

namespace uvhttpd {

using Duration = std::chrono::milliseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

}  // namespace uvhttpd
