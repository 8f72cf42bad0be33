// SPDX-License-Identifier: MIT
// support/memory_transport.h: a Transport on byte queues in memory, and what can go wrong with one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

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
  explicit MemoryTransport(std::shared_ptr<Wire> wire);
  MemoryTransport(const MemoryTransport&) = delete;
  MemoryTransport& operator=(const MemoryTransport&) = delete;
  ~MemoryTransport() override;

  IoResult receive(std::span<char> into) override;
  IoResult send(SendQueue& queue, std::size_t limit) override;
  void want(unsigned interest) override { wire_->interest = interest; }
  void shutdown_write() override { wire_->half_closed = true; }
  void cut_off() override { wire_->cut_off = true; }
  std::uint64_t unacknowledged() const override { return wire_->unacknowledged; }

 private:
  IoResult fail(std::size_t moved, int error);
  // Moves up to `room` octets of what is at the front; 0 when a file has become too short.
  std::size_t send_piece(SendQueue& queue, std::size_t room);

  std::shared_ptr<Wire> wire_;
};

}  // namespace uvhttpd::tests
