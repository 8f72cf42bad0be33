// SPDX-License-Identifier: MIT
// support/memory_transport.cpp
#include "support/memory_transport.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace uvhttpd::tests {

MemoryTransport::MemoryTransport(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}

MemoryTransport::~MemoryTransport() {
  wire_->closed = true;
  wire_->interest = ready::kNothing;
}

IoResult MemoryTransport::receive(std::span<char> into) {
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

IoResult MemoryTransport::send(SendQueue& queue, std::size_t limit) {
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

IoResult MemoryTransport::fail(std::size_t moved, int error) {
  wire_->failed = true;
  return {IoResult::Kind::failed, moved, error};
}

std::size_t MemoryTransport::send_piece(SendQueue& queue, std::size_t room) {
  const SendQueue::FileRange file = queue.front_file();
  std::size_t moved = 0;
  if (file.fd >= 0) {
    std::array<char, 16384> bytes;
    const std::size_t asked = std::min({bytes.size(), room, static_cast<std::size_t>(file.length)});
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

}  // namespace uvhttpd::tests
