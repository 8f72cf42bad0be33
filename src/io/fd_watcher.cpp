// SPDX-License-Identifier: MIT
#include "io/fd_watcher.h"

#include "base/assert.h"

namespace uvhttpd {

FdWatcher::FdWatcher(EventLoop& loop, int fd, Callback callback, void* owner)
    : handle_(new Handle{{}, this, callback, owner}) {
  ASSERT(uv_poll_init(loop.raw(), &handle_->handle, fd) == 0);
}

FdWatcher::~FdWatcher() { uv_poll_stop(&handle_->handle); }

void FdWatcher::watch(unsigned interest, bool or_gone) {
  if (interest == watched_ && or_gone == or_gone_) return;
  watched_ = interest;
  or_gone_ = or_gone;
  int events = 0;
  if ((interest & ready::kReadable) != 0) events |= UV_READABLE;
  if ((interest & ready::kWritable) != 0) events |= UV_WRITABLE;
  if ((interest & ready::kEnded) != 0) events |= UV_DISCONNECT;
  // epoll reports errors and hang-ups for whatever is registered; urgent data is the mask under
  // which nothing else comes.
  if (events == 0 && or_gone) events = UV_PRIORITIZED;
  if (events == 0) {
    uv_poll_stop(&handle_->handle);
  } else {
    uv_poll_start(&handle_->handle, events, on_poll);
  }
}

void FdWatcher::on_poll(uv_poll_t* handle, int status, int events) {
  auto* self = reinterpret_cast<Handle*>(handle);
  unsigned now_ready = ready::kNothing;
  if (status < 0) {
    // libuv has stopped the watcher.
    self->watcher->watched_ = ready::kNothing;
    self->watcher->or_gone_ = false;
    now_ready = ready::kGone;
  } else {
    if ((events & UV_READABLE) != 0) now_ready |= ready::kReadable;
    if ((events & UV_WRITABLE) != 0) now_ready |= ready::kWritable;
    if ((events & UV_DISCONNECT) != 0) now_ready |= ready::kEnded;
    if (now_ready == ready::kNothing) {
      // Under the urgent-data mask: an error, a hang-up, or urgent data, which nobody speaks here.
      self->watcher->watch(ready::kNothing);
      now_ready = ready::kGone;
    }
  }
  self->callback(self->owner, now_ready);
}

}  // namespace uvhttpd
