// SPDX-License-Identifier: MIT
// handlers/upstream_connection.h: one connection to an upstream, lent to one request at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/recv_buffer.h"
#include "base/send_queue.h"
#include "config/gateways.h"
#include "io/deadline_list.h"
#include "io/plain_transport.h"
#include "server/activity.h"

namespace uvhttpd {

// What an upstream calls itself, as far as is known: host and port, as in a Host field.
std::string authority_of(const config::Upstream& upstream);

// What the connections of one worker to one upstream have in common: how many there are, for those
// who watch, too, and buffers that are used again while they are warm in the CPU's caches.
class ConnectionShare {
 public:
  // Where they are shown, too; it outlives all connections. Before the first.
  void show_in(UpstreamFigures& figures) { figures_ = &figures; }
  std::size_t in_use() const { return in_use_; }

 private:
  friend class UpstreamConnection;
  static constexpr std::size_t kReceiveBytes = 16 << 10;
  static constexpr std::size_t kMaxFreeBuffers = 2;

  std::unique_ptr<RecvBuffer> take_buffer();
  // Larger ones are freed.
  void give_back(std::unique_ptr<RecvBuffer> buffer);

  void add_in_use() {
    ++in_use_;
    if (figures_ != nullptr) figures_->active.fetch_add(1, std::memory_order_relaxed);
  }
  void drop_in_use() {
    --in_use_;
    if (figures_ != nullptr) figures_->active.fetch_sub(1, std::memory_order_relaxed);
  }
  void add_idle() {
    if (figures_ != nullptr) figures_->idle.fetch_add(1, std::memory_order_relaxed);
  }
  void drop_idle() {
    if (figures_ != nullptr) figures_->idle.fetch_sub(1, std::memory_order_relaxed);
  }

  std::vector<std::unique_ptr<RecvBuffer>> free_buffers_;
  std::size_t in_use_ = 0;
  UpstreamFigures* figures_ = nullptr;
};

class UpstreamConnection {
 public:
  static constexpr std::size_t kMaxHeadBytes = 64 << 10;  // of an answer
  using Ready = void (*)(void* user, UpstreamConnection& connection, unsigned now_ready);

  // It is lent from the beginning, and counted until it is freed; `share` outlives it. `address`
  // is the number of the upstream's address that it leads to, for whoever has several.
  UpstreamConnection(EventLoop& loop, UniqueFd socket, ConnectionShare& share,
                     std::uint32_t address = 0);
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
  // Receives what there is room for into received(), or to somewhere else.
  IoResult receive();
  IoResult receive(std::span<char> into);
  // What was received last filled its room: there may be more, unasked.
  bool may_hold_more() const { return may_hold_more_; }

  // It has carried a whole exchange before: its end may have been on its way already.
  bool is_reused() const { return is_reused_; }
  std::uint32_t address() const { return address_; }
  TimePoint idle_since() const { return idle_since_; }

 private:
  // For a head that is larger, with what a chunk's line needs.
  static constexpr std::size_t kMaxBufferBytes = kMaxHeadBytes + 4096;

  ConnectionShare& share_;
  const std::uint32_t address_;
  bool is_lent_ = true;
  bool is_reused_ = false;
  bool may_hold_more_ = false;
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
