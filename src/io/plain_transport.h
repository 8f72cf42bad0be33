// SPDX-License-Identifier: MIT
// io/plain_transport.h: a stream socket without encryption.
#pragma once

#include <optional>

#include "base/unique_fd.h"
#include "io/fd_watcher.h"
#include "io/transport.h"

namespace uvhttpd {

// Readiness goes to `callback(owner, ready)`. The descriptor meets the loop only when want() first
// asks for something: a connection that is answered and closed at once never does.
class PlainTransport final : public Transport {
 public:
  PlainTransport(EventLoop& loop, UniqueFd socket, FdWatcher::Callback callback, void* owner)
      : loop_(loop), socket_(std::move(socket)), callback_(callback), owner_(owner) {}

  IoResult receive(std::span<char> into) override;
  IoResult send(SendQueue& queue, std::size_t limit) override;
  void want(unsigned interest) override;
  void shutdown_write() override;
  void cut_off() override;
  std::uint64_t unacknowledged() const override;
  // For who goes on with the socket in another way: nothing may be called any more.
  UniqueFd take_socket() {
    watcher_.reset();
    return std::move(socket_);
  }

 private:
  EventLoop& loop_;
  UniqueFd socket_;
  FdWatcher::Callback callback_;
  void* owner_;
  std::optional<FdWatcher> watcher_;  // after socket_: stopped before the descriptor is closed
};

}  // namespace uvhttpd
