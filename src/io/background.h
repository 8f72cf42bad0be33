// SPDX-License-Identifier: MIT
// io/background.h: work that would hold a loop up, done on libuv's thread pool.
#pragma once

#include <functional>

#include "io/event_loop.h"

namespace uvhttpd {

// One piece of work at a time, with one owner. The pool's few threads serve the whole process, so
// whoever starts work bounds how much of it there is.
class BackgroundTask {
 public:
  using Callback = void (*)(void* owner);
  // `done(owner)` is called on the loop's thread when a piece of work has ended.
  BackgroundTask(EventLoop& loop, Callback done, void* owner);
  BackgroundTask(const BackgroundTask&) = delete;
  BackgroundTask& operator=(const BackgroundTask&) = delete;
  // Work that has not begun is not done any more, what has begun goes on; `done` is not called in
  // either case.
  ~BackgroundTask();

  // Runs `work` on another thread: it owns what it uses, or shares it. Not while one is running.
  void start(std::function<void()> work);
  bool is_running() const { return job_ != nullptr; }

 private:
  struct Job;
  EventLoop& loop_;
  Callback done_;
  void* owner_;
  Job* job_ = nullptr;  // owns itself: libuv always calls back, however late
};

}  // namespace uvhttpd
