// SPDX-License-Identifier: MIT
// The response side of a connection: the head is encoded, the body pulled, the queue sent.
#include <algorithm>
#include <charconv>

#include "server/connection.h"
#include "server/pipeline.h"
#include "server/worker_context.h"

namespace uvhttpd {

using http::RequestPhase;
using http::ResponsePhase;

namespace {

constexpr std::size_t kPullBelow = 16 << 10;  // queued octets under which the source is asked
constexpr std::size_t kPullBudget = 256 << 10;
constexpr std::size_t kMaxInformQueue = 64 << 10;  // behind which no interim response is put
constexpr std::size_t kPipelineQueue = 64 << 10;   // answers collected before they are sent

}  // namespace

bool Connection::flush() {
  if (response_ == ResponsePhase::ready) {
    encode_head();
    response_ = ResponsePhase::sending;
  }
  if (is_output_held()) return false;
  if (!source_ended_ && (is_queue_empty() || queue_->bytes() < kPullBelow) && !fill_queue()) {
    // Blocked on the source, or broken.
    if (response_ == ResponsePhase::broken) return true;
    if (!is_queue_empty()) send_queued();
    return false;
  }
  // With more requests at hand their answers leave together.
  const bool may_wait = source_ended_ && keep_alive_ && request_ == RequestPhase::done &&
                        !context_.received->empty() && !is_queue_empty() &&
                        queue_->bytes() < kPipelineQueue;
  if (!may_wait && !send_queued()) return false;
  if (source_ended_) response_ = ResponsePhase::done;
  return true;
}

void Connection::inform(const ResponseHead& head) {
  if (!is_queue_empty() && queue_->bytes() > kMaxInformQueue) return;
  http::EncodedParts parts;
  parts.status = head.status;
  parts.reason = head.reason;
  parts.fields = head.fields();
  parts.prepared = head.prepared;
  http::encode_response_head(queue(), parts);
  advance();
}

void Connection::encode_head() {
  Exchange& exchange = *exchange_;
  Pipeline::after(exchange);
  set_pace();
  const ResponseHead& head = *exchange.response_;
  const http::Method method = exchange.request_.head.method;
  const bool is_old = exchange.request_.head.minor_version == 0;

  // A body that is awaited behind "Expect" may never come, one that is long is not worth reading.
  if (continue_due_ || head.is_last) keep_alive_ = false;
  if (request_ == RequestPhase::body && exchange.sink_ == nullptr &&
      parser_.framing().length > kMaxDiscard) {
    keep_alive_ = false;
  }

  http::EncodedParts parts;
  parts.status = head.status;
  parts.reason = head.reason;
  parts.fields = head.fields();
  parts.prepared = head.prepared;
  parts.date = head.date.empty() ? context_.date() : head.date;
  parts.server = exchange.runtime_->config().server.server_header;
  const bool is_upgrade = exchange.is_upgraded_;
  bodiless_ = !is_upgrade && (method == http::Method::head || http::forbids_content(head.status));
  const bool is_empty = exchange.source_ == nullptr;
  chunked_ = false;
  until_close_ = is_upgrade;
  if (!http::forbids_body(head.status)) {
    if (http::forbids_content(head.status)) {
      parts.body = http::EncodedParts::Body::length;
    } else if (head.content_length || is_empty) {
      parts.body = http::EncodedParts::Body::length;
      parts.length = head.content_length.value_or(0);
    } else if (!is_old) {
      parts.body = http::EncodedParts::Body::chunked;
      chunked_ = !bodiless_;
    } else {
      keep_alive_ = keep_alive_ && bodiless_;
      until_close_ = !bodiless_;
    }
  }
  // HEAD of an empty source says nothing of the length that GET would have.
  if (method == http::Method::head && is_empty && !head.content_length) {
    parts.body = http::EncodedParts::Body::unsaid;
  }
  if (is_upgrade) {
    parts.connection = http::EncodedParts::Connection::unsaid;  // a field of the handler's
  } else if (!keep_alive_) {
    parts.connection = http::EncodedParts::Connection::close;
  } else if (is_old) {
    parts.connection = http::EncodedParts::Connection::keep_alive;
  }
  source_ended_ = bodiless_ || is_empty;
  body_sent_ = 0;
  http::encode_response_head(queue(), parts);
}

// Asks the source for the next piece; false when there is none for now, or never.
bool Connection::fill_queue() {
  switch (pull_piece()) {
    case PullResult::more: return true;
    case PullResult::end: source_ended_ = true; break;
    case PullResult::blocked: return false;
    case PullResult::failed: response_ = ResponsePhase::broken; return false;
  }
  const std::optional<std::uint64_t>& length = exchange_->response_->content_length;
  if (length && body_sent_ != *length) {
    response_ = ResponsePhase::broken;
    return false;
  }
  return true;
}

PullResult Connection::pull_piece() {
  if (!chunked_) {
    const std::uint64_t queued = queue().bytes();
    const PullResult result = exchange_->source_->pull(*queue_, kPullBudget);
    body_sent_ += queue_->bytes() - queued;
    const std::optional<std::uint64_t>& length = exchange_->response_->content_length;
    if (length && body_sent_ > *length) {
      queue_->clear();  // what is too much would be taken for the next answer
      return PullResult::failed;
    }
    return result;
  }
  SendQueue& piece = context_.piece;
  const PullResult result = exchange_->source_->pull(piece, kPullBudget);
  if (result == PullResult::failed) {
    piece.clear();
    return result;
  }
  if (!piece.empty()) {
    body_sent_ += piece.bytes();
    zero_sent_ = false;
    char size[20];
    char* end = std::to_chars(size, size + 16, piece.bytes(), 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    queue().append({size, static_cast<std::size_t>(end - size)});
    queue_->append_all(piece);
    queue_->append("\r\n");
  }
  if (result == PullResult::end) {
    zero_sent_ = false;
    queue().append("0\r\n");
    queue_->append(exchange_->source_->trailers());
    queue_->append("\r\n");
  }
  return result;
}

// The pace is the connection's and not the exchange's: many small answers are one large one.
void Connection::set_pace() {
  if (!context_.keeps_pace || exchange_->route_ == nullptr) return;
  const config::Bytes rate = exchange_->route_->config->send_rate;
  if (rate != 0 && !pace_) pace_ = std::make_unique<SendPace>(context_.loop.now());
  if (pace_) pace_->set_rate(rate);
}

// At once, of its share of a turn; 0 when it is too little to be worth a call.
std::size_t Connection::may_send(std::size_t share) {
  const std::size_t left_this_turn = share - sent_this_turn_;
  // What is broken off ends now.
  if (!pace_ || response_ == ResponsePhase::broken) return left_this_turn;
  return std::min<std::size_t>(left_this_turn,
                               pace_->allowance(queue_->bytes(), context_.loop.now()));
}

bool Connection::send_queued() {
  if (is_queue_empty()) return true;
  const std::size_t share = context_.send_share.octets();
  if (sent_this_turn_ >= share) {
    output_blocked_ = true;
    return false;
  }
  const std::size_t limit = may_send(share);
  paused_ = limit == 0;
  if (paused_) return false;
  const IoResult result = transport_->send(*queue_, limit);
  sent_this_turn_ += static_cast<std::uint32_t>(result.bytes);
  sent_total_ += result.bytes;
  context_.send_share.spend(result.bytes);
  context_.figures.sent_bytes.add(result.bytes);
  if (pace_) pace_->spend(result.bytes);
  if (result.kind == IoResult::Kind::failed) {
    queue_->clear();
    request_ = RequestPhase::lost;
    response_ = ResponsePhase::broken;
    again_ = true;
    return false;
  }
  if (queue_->empty()) return true;
  paused_ = result.bytes >= limit && sent_this_turn_ < share;
  output_blocked_ = !paused_;
  return false;
}

SendQueue& Connection::queue() {
  if (!queue_) queue_ = context_.queues.acquire();
  return *queue_;
}

}  // namespace uvhttpd
