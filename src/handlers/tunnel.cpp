// SPDX-License-Identifier: MIT
#include "handlers/tunnel.h"

#include <algorithm>
#include <utility>

namespace uvhttpd {

Tunnel::Tunnel(Exchange& exchange, std::unique_ptr<UpstreamConnection> connection,
               DeadlineList& patience)
    : exchange_(exchange),
      connection_(std::move(connection)),
      patience_(patience),
      silence_(
          [](void* self) {
            auto* tunnel = static_cast<Tunnel*>(self);
            tunnel->is_silent_ = true;
            tunnel->exchange_.wake();
          },
          this) {
  connection_->lend([](void* self, UpstreamConnection&,
                       unsigned now_ready) { static_cast<Tunnel*>(self)->on_ready(now_ready); },
                    this);
  note_life();
  update_interest();
}

Tunnel::~Tunnel() = default;

void Tunnel::note_life() { patience_.arm(silence_); }

std::size_t Tunnel::write(std::string_view bytes) {
  if (is_broken_) return bytes.size();
  note_life();
  SendQueue& out = connection_->out();
  std::size_t taken = 0;
  while (taken < bytes.size() && !is_broken_ && out.bytes() < kMaxQueued) {
    const std::string_view piece = bytes.substr(taken, kMaxQueued - out.bytes());
    out.append(piece);
    taken += piece.size();
    flush();
  }
  if (is_broken_) taken = bytes.size();
  write_blocked_ = taken < bytes.size();
  update_interest();
  return taken;
}

void Tunnel::finish() {
  client_ended_ = true;
  flush();
}

void Tunnel::flush() {
  SendQueue& out = connection_->out();
  if (!out.empty()) {
    const IoResult result = connection_->transport().send(out, kMaxQueued);
    if (result.bytes > 0) note_life();
    if (result.kind == IoResult::Kind::failed) {
      is_broken_ = true;
      out.clear();
    }
  }
  if (client_ended_ && out.empty() && !is_broken_) connection_->transport().shutdown_write();
}

PullResult Tunnel::pull(SendQueue& out, std::size_t budget) {
  if (is_silent_) return PullResult::end;
  RecvBuffer& received = connection_->received();
  if (!received.empty()) {
    const std::string_view piece = received.unread().substr(0, budget);
    out.append(piece);
    received.consume(piece.size());
    return PullResult::more;
  }
  const std::size_t most = std::min(budget, kReceivePerPull);
  const IoResult result = connection_->transport().receive({out.reserve(most), most});
  out.commit(result.kind == IoResult::Kind::done ? result.bytes : 0);
  switch (result.kind) {
    case IoResult::Kind::done: note_life(); return PullResult::more;
    case IoResult::Kind::end:
    case IoResult::Kind::failed:
      upstream_ended_ = true;
      update_interest();
      return result.kind == IoResult::Kind::end ? PullResult::end : PullResult::failed;
    case IoResult::Kind::blocked: break;
  }
  pull_awaited_ = true;
  is_read_paused_ = false;
  update_interest();
  return PullResult::blocked;
}

void Tunnel::on_ready(unsigned now_ready) {
  if ((now_ready & (ready::kWritable | ready::kGone)) != 0) flush();
  if ((now_ready & ready::kGone) != 0) is_gone_ = true;
  const bool may_read = (now_ready & (ready::kReadable | ready::kGone)) != 0;
  if (may_read) is_read_paused_ = !pull_awaited_;
  bool is_awaited = may_read && std::exchange(pull_awaited_, false);
  if (write_blocked_ && connection_->out().bytes() <= kMaxQueued / 2) {
    write_blocked_ = false;
    is_awaited = true;
  }
  update_interest();
  if (is_awaited) exchange_.wake();
}

void Tunnel::update_interest() {
  if (is_gone_) return;
  // An end is readable for as long as the client takes what came before it.
  unsigned interest = is_read_paused_ || upstream_ended_ ? ready::kNothing : ready::kReadable;
  if (!connection_->out().empty()) interest |= ready::kWritable;
  connection_->transport().want(interest);
}

}  // namespace uvhttpd
