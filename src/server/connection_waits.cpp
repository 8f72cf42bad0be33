// SPDX-License-Identifier: MIT
// What a connection waits for: the readiness it asks for, and the one deadline it has.
#include <algorithm>
#include <utility>

#include "io/fd_watcher.h"
#include "io/tls_info.h"
#include "server/connection.h"
#include "server/worker_context.h"

namespace uvhttpd {

using http::RequestPhase;
using http::ResponsePhase;

namespace {

constexpr std::size_t kMaxStash = 64 << 10;

}  // namespace

bool Connection::wants_input() const {
  if (lingering_) return true;
  switch (request_) {
    case RequestPhase::preface:
    case RequestPhase::head: return true;
    case RequestPhase::body:
      if (response_ == ResponsePhase::done) return true;  // discarding
      return exchange_->sink_ != nullptr ? !sink_full_ : stash_bytes_ < kMaxStash / 2;
    case RequestPhase::tunnel: return !sink_full_;
    case RequestPhase::done: return stash_bytes_ == 0;
    case RequestPhase::lost: return false;
  }
  return false;
}

void Connection::update_interest() {
  unsigned interest = ready::kNothing;
  if (!read_closed_) {
    if (wants_input()) {
      interest |= ready::kReadable;
    } else if (!peer_has_ended_) {
      interest |= ready::kEnded;
    }
  }
  if (output_blocked_) interest |= ready::kWritable;
  transport_->want(interest);
}

bool Connection::is_in_handshake() const {
  if (requests_ > 0) return false;
  const TlsInfo* tls = transport_->tls();
  return tls != nullptr && !tls->is_established && !tls->is_plain;
}

Connection::Waiting Connection::what_is_awaited() const {
  if (lingering_) return Waiting::linger;
  if (output_blocked_) return Waiting::send;
  if (paused_) return Waiting::pace;
  const bool may_say_nothing = request_ == RequestPhase::preface || request_ == RequestPhase::head;
  if (context_.draining && may_say_nothing && stash_bytes_ == 0 && parser_.is_between_messages()) {
    return Waiting::drain;
  }
  if (is_in_handshake()) return Waiting::handshake;
  if (request_ == RequestPhase::preface) return Waiting::head;
  if (request_ == RequestPhase::head) {
    const bool is_idle = requests_ > 0 && stash_bytes_ == 0 && parser_.is_between_messages();
    return is_idle ? Waiting::idle : Waiting::head;
  }
  if (request_ == RequestPhase::body && !sink_full_ &&
      (response_ == ResponsePhase::done || (exchange_ && exchange_->sink_ != nullptr))) {
    return Waiting::body;
  }
  const bool waits_for_handler =
      response_ == ResponsePhase::none ||
      (response_ == ResponsePhase::sending && chunked_ && !source_ended_);
  const bool may_be_gone = (read_closed_ || peer_has_ended_) && waits_for_handler && !probed_ &&
                           exchange_->request().head.minor_version > 0;
  return may_be_gone ? Waiting::probe : Waiting::nothing;
}

void Connection::update_deadline() {
  const Waiting now_waiting = what_is_awaited();
  if (now_waiting == waiting_) return;
  waiting_ = now_waiting;
  const WorkerContext::Deadlines& lists = context_.deadlines;
  switch (waiting_) {
    case Waiting::nothing: deadline_.disarm(); break;
    case Waiting::handshake: lists.handshake->arm(deadline_); break;
    case Waiting::head: lists.head->arm(deadline_); break;
    case Waiting::idle: lists.keep_alive->arm(deadline_); break;
    case Waiting::body:
      body_wait_began_ = context_.loop.now();
      lists.body->arm(deadline_);
      break;
    case Waiting::send:
      progress_mark_ = acknowledged();
      stalled_looks_ = 0;
      lists.send->arm(deadline_);
      break;
    case Waiting::pace: lists.pace->arm(deadline_); break;
    case Waiting::linger: lists.linger->arm(deadline_); break;
    case Waiting::drain: lists.drain->arm(deadline_); break;
    case Waiting::probe: lists.probe->arm(deadline_); break;
  }
}

void Connection::on_deadline() {
  const Waiting expired = std::exchange(waiting_, Waiting::nothing);
  switch (expired) {
    case Waiting::head:
      if (request_ == RequestPhase::preface) return close_unidentified("head_timeout is over");
      // Who has said nothing is told nothing.
      if (stash_bytes_ == 0 && parser_.is_between_messages()) return close();
      refuse({408, "request head too slow"});
      return advance();
    case Waiting::body:
      if (response_ != ResponsePhase::none) {
        end_exchange();
        return close();
      }
      refuse({408, "request body too slow"});
      return advance();
    case Waiting::send: return on_send_deadline();
    case Waiting::pace: paused_ = false; return advance();
    case Waiting::probe: return probe_client();
    case Waiting::idle:
      if (context_.is_making_room()) return give_way();
      return close();
    case Waiting::handshake:
    case Waiting::linger:
    case Waiting::drain:
    case Waiting::nothing: return close();
  }
}

// How long it has been waiting for a request.
Duration Connection::quiet_for() const {
  const DeadlineList* list = waiting_ == Waiting::idle   ? context_.deadlines.keep_alive
                             : waiting_ == Waiting::head ? context_.deadlines.head
                                                         : nullptr;
  if (list == nullptr || !deadline_.is_armed()) return Duration{0};
  return context_.loop.now() - (deadline_.due() - list->duration());
}

// Looked at several times within send_timeout. Progress is what the client has acknowledged at the
// least rate, not that some octet was taken.
void Connection::on_send_deadline() {
  const std::uint64_t arrived = acknowledged();
  const auto milliseconds = static_cast<std::uint64_t>(context_.deadlines.send->duration().count());
  const std::uint64_t rate = is_tunnel() ? 0 : context_.runtime()->config().limits.body_min_rate;
  const std::uint64_t least = std::max<std::uint64_t>(1, rate * milliseconds / 1000);
  if (arrived - progress_mark_ >= least) {
    stalled_looks_ = 0;
    progress_mark_ = arrived;
  } else if (++stalled_looks_ == WorkerContext::kLooksPerSendTimeout) {
    end_exchange();
    return close();
  }
  waiting_ = Waiting::send;
  context_.deadlines.send->arm(deadline_);
}

// A request may have come already, and the last answer still be on its way.
void Connection::give_way() {
  if (transport_->unacknowledged() == 0) {
    receive();
    if (context_.received->empty()) return close();
  }
  advance();
}

std::uint64_t Connection::acknowledged() const {
  return sent_total_ - std::min(sent_total_, transport_->unacknowledged());
}

// The client has closed its side and waits for an answer, or is gone: TCP cannot tell. An interim
// response, or within a chunked body a zero in front of the next chunk's size (RFC 9112
// section 7.1), means nothing to the one and makes the kernel of the other reset the connection.
void Connection::probe_client() {
  probed_ = true;
  zero_sent_ = response_ != ResponsePhase::none;
  queue().append(zero_sent_ ? "0" : "HTTP/1.1 100 Continue\r\n\r\n");
  advance();
}

}  // namespace uvhttpd
