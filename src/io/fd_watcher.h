// SPDX-License-Identifier: MIT
// io/fd_watcher.h: readiness of one descriptor, level-triggered.
#pragma once

#include "io/event_loop.h"

namespace uvhttpd {

// Bits of what is awaited or has come. `ended` is a socket's: its peer has finished sending, though
// octets may still be unread; it comes until it is no longer asked for. `gone` cannot be asked for:
// it comes with an error or when both directions are closed, whatever was asked; the descriptor's
// own calls then tell the reason.
namespace ready {
constexpr unsigned kNothing = 0;
constexpr unsigned kReadable = 1;
constexpr unsigned kWritable = 2;
constexpr unsigned kGone = 4;
constexpr unsigned kEnded = 8;
}  // namespace ready

// The descriptor stays its owner's, must be non-blocking, and must outlive the watcher. One watcher
// for a descriptor at a time. Changing the mask costs two system calls: the mask is changed only
// when it differs.
class FdWatcher {
 public:
  using Callback = void (*)(void* owner, unsigned ready);
  FdWatcher(EventLoop& loop, int fd, Callback callback, void* owner);
  ~FdWatcher();
  FdWatcher(const FdWatcher&) = delete;
  FdWatcher& operator=(const FdWatcher&) = delete;

  // kNothing with `or_gone` still tells of kGone.
  void watch(unsigned interest, bool or_gone = false);
  unsigned watched() const { return watched_; }

 private:
  struct Handle {
    uv_poll_t handle;
    FdWatcher* watcher;
    Callback callback;
    void* owner;
  };
  static void on_poll(uv_poll_t* handle, int status, int events);

  UvHandle<Handle> handle_;
  unsigned watched_ = ready::kNothing;
  bool or_gone_ = false;
};

}  // namespace uvhttpd
