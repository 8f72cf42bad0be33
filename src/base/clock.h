// SPDX-License-Identifier: MIT
// base/clock.h: the two kinds of time. Deadlines live on the steady clock, dates on the wall clock.
#pragma once

#include <chrono>

namespace uvhttpd {

using Duration = std::chrono::milliseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

}  // namespace uvhttpd
