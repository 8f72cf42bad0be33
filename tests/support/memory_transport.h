// SPDX-License-Identifier: MIT
// support/memory_transport.h: a Transport on byte queues in memory, and what can go wrong with one.
#pragma once

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "io/fd_watcher.h"
#include "io/transport.h"

namespace uvhttpd::tests {

// What goes wrong with the calls of one direction, which are counted from 1; 0 means never.
struct FaultPlan {
  std::size_t most = SIZE_MAX;  // octets that one call moves
  int blocked_at = 0;           // the call that moves nothing, though it could
  int failed_at = 0;            // the call that ends the stream with an error
  int ended_at = 0;             // receive only: the call that finds the peer's end
  int calls = 0;
};

// Both ends of the stream as a test sees them. Lives longer than the transport.
struct Wire {
  std::string inbound;            // from the client, not received yet
  bool client_ended = false;      // nothing follows `inbound`
  std::string outbound;           // all that was sent to the client
  std::size_t window = SIZE_MAX;  // octets that the client will still take
  std::uint64_t unacknowledged = 0;
  bool half_closed = false;     // the server has finished sending
  bool cut_off = false;         // closing will be seen as a reset
  bool closed = false;          // the transport is gone
  bool failed = false;          // a planned failure has happened
  bool sent_after_end = false;  // a call to send that no server may make
  unsigned interest = ready::kNothing;
  FaultPlan receive;
  FaultPlan send;
};

class MemoryTransport final : public Transport {
 public:
  explicit MemoryTransport(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}
  MemoryTransport(const MemoryTransport&) = delete;
  MemoryTransport& operator=(const MemoryTransport&) = delete;
  ~MemoryTransport() override {
    wire_->closed = true;
    wire_->interest = ready::kNothing;
  }

  IoResult receive(std::span<char> into) override {
    FaultPlan& plan = wire_->receive;
    ++plan.calls;
    if (plan.calls == plan.failed_at) return fail(0, ECONNRESET);
    if (plan.calls == plan.ended_at) {
      wire_->inbound.clear();
      wire_->client_ended = true;
    }
    if (plan.calls == plan.blocked_at) return {IoResult::Kind::blocked, 0, 0};
    const std::size_t size = std::min({into.size(), wire_->inbound.size(), plan.most});
    if (size == 0 && !into.empty()) {
      return {wire_->client_ended ? IoResult::Kind::end : IoResult::Kind::blocked, 0, 0};
    }
    std::copy_n(wire_->inbound.data(), size, into.data());
    wire_->inbound.erase(0, size);
    return {IoResult::Kind::done, size, 0};
  }

  IoResult send(SendQueue& queue, std::size_t limit) override {
    FaultPlan& plan = wire_->send;
    ++plan.calls;
    wire_->sent_after_end = wire_->sent_after_end || wire_->failed || wire_->half_closed;
    if (plan.calls == plan.failed_at) return fail(0, EPIPE);
    if (plan.calls == plan.blocked_at) return {IoResult::Kind::blocked, 0, 0};
    std::size_t room = std::min({limit, plan.most, wire_->window});
    const bool is_short = room < limit;
    std::size_t total = 0;
    while (!queue.empty() && room > 0) {
      const std::size_t moved = send_piece(queue, room);
      if (moved == 0) return fail(total, EIO);
      room -= moved;
      total += moved;
      wire_->window -= wire_->window == SIZE_MAX ? 0 : moved;
    }
    const bool is_blocked = is_short && !queue.empty();
    return {is_blocked ? IoResult::Kind::blocked : IoResult::Kind::done, total, 0};
  }

  void want(unsigned interest) override { wire_->interest = interest; }
  void shutdown_write() override { wire_->half_closed = true; }
  void cut_off() override { wire_->cut_off = true; }
  std::uint64_t unacknowledged() const override { return wire_->unacknowledged; }

 private:
  IoResult fail(std::size_t moved, int error) {
    wire_->failed = true;
    return {IoResult::Kind::failed, moved, error};
  }

  // Moves up to `room` octets of what is at the front; 0 when a file has become too short.
  std::size_t send_piece(SendQueue& queue, std::size_t room) {
    const SendQueue::FileRange file = queue.front_file();
    std::size_t moved = 0;
    if (file.fd >= 0) {
      std::array<char, 16384> bytes;
      const std::size_t asked =
          std::min({bytes.size(), room, static_cast<std::size_t>(file.length)});
      const ssize_t got = ::pread(file.fd, bytes.data(), asked, static_cast<off_t>(file.offset));
      moved = got > 0 ? static_cast<std::size_t>(got) : 0;
      wire_->outbound.append(bytes.data(), moved);
    } else {
      std::array<iovec, 4> pieces;
      const std::size_t count = queue.gather(pieces, room);
      for (std::size_t i = 0; i < count; ++i) {
        wire_->outbound.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
        moved += pieces[i].iov_len;
      }
    }
    queue.consume(moved);
    return moved;
  }

  std::shared_ptr<Wire> wire_;
};

}  // namespace uvhttpd::tests
