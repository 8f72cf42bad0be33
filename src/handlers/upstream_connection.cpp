// SPDX-License-Identifier: MIT
#include "handlers/upstream_connection.h"

#include <utility>

namespace uvhttpd {

std::string authority_of(const config::Upstream& upstream) {
  if (upstream.kind == config::Upstream::Kind::unix_socket) return "localhost:80";
  const bool is_ipv6 = upstream.host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + upstream.host + "]" : upstream.host) + ":" +
         std::to_string(upstream.port);
}

std::unique_ptr<RecvBuffer> ConnectionShare::take_buffer() {
  if (free_buffers_.empty()) return std::make_unique<RecvBuffer>(kReceiveBytes);
  std::unique_ptr<RecvBuffer> buffer = std::move(free_buffers_.back());
  free_buffers_.pop_back();
  return buffer;
}

void ConnectionShare::give_back(std::unique_ptr<RecvBuffer> buffer) {
  if (buffer->capacity() != kReceiveBytes || free_buffers_.size() == kMaxFreeBuffers) return;
  buffer->clear();
  free_buffers_.push_back(std::move(buffer));
}

UpstreamConnection::UpstreamConnection(EventLoop& loop, UniqueFd socket, ConnectionShare& share,
                                       std::uint32_t address)
    : share_(share),
      address_(address),
      idle_(
          [](void* self) {
            auto* connection = static_cast<UpstreamConnection*>(self);
            connection->ready_(connection->user_, *connection, ready::kGone);
          },
          this),
      fd_(socket.get()),
      transport_(
          loop, std::move(socket),
          [](void* self, unsigned now_ready) {
            auto* connection = static_cast<UpstreamConnection*>(self);
            connection->ready_(connection->user_, *connection, now_ready);
          },
          this) {
  share_.add_in_use();
}

UpstreamConnection::~UpstreamConnection() {
  if (received_) share_.give_back(std::move(received_));
  if (is_lent_) {
    share_.drop_in_use();
  } else {
    share_.drop_idle();
  }
}

void UpstreamConnection::lend(Ready ready, void* user) {
  if (!std::exchange(is_lent_, true)) {
    share_.drop_idle();
    share_.add_in_use();
  }
  idle_.disarm();
  ready_ = ready;
  user_ = user;
}

void UpstreamConnection::take_back(Ready ended, void* owner, DeadlineList& patience,
                                   TimePoint now) {
  ASSERT(is_lent_ && out_.empty());
  is_lent_ = false;
  share_.drop_in_use();
  share_.add_idle();
  is_reused_ = true;
  idle_since_ = now;
  ready_ = ended;
  user_ = owner;
  if (received_) share_.give_back(std::move(received_));
  patience.arm(idle_);
  // Nothing is to come but the end.
  transport_.want(ready::kReadable);
}

RecvBuffer& UpstreamConnection::received() {
  if (!received_) received_ = share_.take_buffer();
  return *received_;
}

IoResult UpstreamConnection::receive() {
  RecvBuffer& buffer = received();
  if (buffer.room().empty() && buffer.capacity() < kMaxBufferBytes) {
    auto larger = std::make_unique<RecvBuffer>(kMaxBufferBytes);
    larger->assign(buffer.unread());
    received_ = std::move(larger);
  }
  const IoResult result = receive(received_->room());
  if (result.kind == IoResult::Kind::done) received_->commit(result.bytes);
  return result;
}

IoResult UpstreamConnection::receive(std::span<char> into) {
  const IoResult result = transport_.receive(into);
  may_hold_more_ = result.kind == IoResult::Kind::done && result.bytes == into.size();
  return result;
}

}  // namespace uvhttpd
