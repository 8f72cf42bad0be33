// SPDX-License-Identifier: MIT
// handlers/upstream_connection.h: one connection to an upstream, lent to one request at a time.
#pragma once

#include <cstddef>
#include <memory>

#include "base/clock.h"
#include "base/recv_buffer.h"
#include "base/send_queue.h"
#include "io/deadline_list.h"
#include "io/plain_transport.h"

namespace uvhttpd {

class UpstreamConnection {
 public:
  static constexpr std::size_t kMaxHeadBytes = 64 << 10;  // of an answer
  using Ready = void (*)(void* user, UpstreamConnection& connection, unsigned now_ready);

  // `in_use` counts the connections that are lent, this one too until it is freed; it outlives
  // this.
  UpstreamConnection(EventLoop& loop, UniqueFd socket, std::size_t& in_use);
  ~UpstreamConnection();
  UpstreamConnection(const UpstreamConnection&) = delete;
  UpstreamConnection& operator=(const UpstreamConnection&) = delete;

  // Readiness goes to `ready(user, …)` from now on, which may free the connection.
  void lend(Ready ready, void* user);
  // Nobody uses it any more: its buffers are given up, and `ended` is called when it closes or when
  // it has been idle for as long as `patience` lasts.
  void take_back(Ready ended, void* owner, DeadlineList& patience, TimePoint now);

  Transport& transport() { return transport_; }
  int fd() const { return fd_; }
  SendQueue& out() { return out_; }
  RecvBuffer& received();
  // Receives what there is room for into received().
  IoResult receive();

  // It has carried a whole exchange before: its end may have been on its way already.
  bool is_reused() const { return is_reused_; }
  TimePoint idle_since() const { return idle_since_; }

 private:
  static constexpr std::size_t kReceiveBytes = 16 << 10;
  // For a head that is larger, with what a chunk's line needs.
  static constexpr std::size_t kMaxBufferBytes = kMaxHeadBytes + 4096;

  std::size_t& in_use_;
  bool is_lent_ = true;
  bool is_reused_ = false;
  TimePoint idle_since_{};
  Ready ready_ = nullptr;
  void* user_ = nullptr;
  DeadlineNode idle_;
  std::unique_ptr<RecvBuffer> received_;
  SendQueue out_;
  const int fd_;
  PlainTransport transport_;
};

}  // namespace uvhttpd
