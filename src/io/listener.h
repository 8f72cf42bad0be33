// SPDX-License-Identifier: MIT
// io/listener.h: accepts connections from one listening socket, and lives through a lack of
// descriptors.
#pragma once

#include <memory>

#include "base/unique_fd.h"
#include "io/fd_watcher.h"
#include "io/socket.h"

namespace uvhttpd {

class Listener {
 public:
  using Accepted = void (*)(void* owner, UniqueFd socket, const PeerAddress& peer);
  // Calls back once in each pause that a lack of descriptors, or a socket that cannot accept,
  // causes.
  using Exhausted = void (*)(void* owner, int error);

  // The socket may be shared with listeners of other loops.
  Listener(EventLoop& loop, std::shared_ptr<const UniqueFd> socket, Accepted accepted,
           Exhausted exhausted, void* owner);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start();
  // Accepts what is already waiting in the kernel's queue, then no more.
  void stop();
  int fd() const { return socket_->get(); }

 private:
  void accept_some(int limit);
  void on_exhausted(int error);
  void pause(int error);

  std::shared_ptr<const UniqueFd> socket_;
  Accepted accepted_;
  Exhausted exhausted_;
  void* owner_;
  UniqueFd spare_;  // given up to take, and so refuse, one connection when descriptors run out
  FdWatcher watcher_;
  Timer pause_;
  bool stopped_ = true;
};

}  // namespace uvhttpd
