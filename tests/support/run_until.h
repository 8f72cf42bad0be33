// SPDX-License-Identifier: MIT
// support/run_until.h: turns a loop until what a test waits for has come.
#pragma once

#include <chrono>

#include "io/event_loop.h"

namespace uvhttpd::tests {

// Makes sure that no turn of the loop waits for long.
class Nudge {
 public:
  explicit Nudge(EventLoop& loop)
      : timer_(
            loop, [](void* self) { static_cast<Nudge*>(self)->start(); }, this) {
    start();
  }
  Nudge(const Nudge&) = delete;
  Nudge& operator=(const Nudge&) = delete;

 private:
  void start() { timer_.start(Duration{2}); }
  Timer timer_;
};

// False when the condition does not hold within `limit`. It is looked at every two milliseconds at
// the latest, so it may depend on other threads and processes too.
template <class Condition>
bool run_until(EventLoop& loop, Condition&& holds, Duration limit = Duration{10'000}) {
  const auto end = std::chrono::steady_clock::now() + limit;
  const Nudge nudge(loop);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    uv_run(loop.raw(), UV_RUN_ONCE);
  }
  return true;
}

}  // namespace uvhttpd::tests
