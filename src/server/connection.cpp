// SPDX-License-Identifier: MIT
#include "server/connection.h"

#include <algorithm>
#include <cstring>

#include "io/fd_watcher.h"
#include "io/proxy_protocol.h"
#include "io/tls_info.h"
#include "server/pipeline.h"
#include "server/trusted_proxies.h"
#include "server/worker_context.h"

namespace uvhttpd {

using http::RequestPhase;
using http::ResponsePhase;
using http::Step;

namespace {

constexpr int kStepsPerTurn = 64;       // some twenty requests; then the others have their turn
constexpr Duration kRateGrace{10'000};  // before the minimum rate counts

}  // namespace

Connection::Connection(WorkerContext& context, const PeerAddress& peer, const PeerAddress& server,
                       std::shared_ptr<const config::Listener> listener)
    : context_(context),
      listener_(std::move(listener)),
      peer_(peer),
      client_(peer),
      server_(server),
      parser_(context.request_limits),
      deadline_([](void* self) { static_cast<Connection*>(self)->on_deadline(); }, this) {
  if (listener_ != nullptr && listener_->proxy_protocol) {
    request_ = RequestPhase::preface;
  }
  context_.connections.push_back(*this);
  ++context_.connection_count;
  context_.figures.connections_accepted.add(1);
}

Connection::~Connection() = default;

void Connection::start(std::unique_ptr<Transport> transport, ConnectionPlace place) {
  transport_ = std::move(transport);
  place_ = std::move(place);
  receive();
  advance();
}

void Connection::on_ready(void* self, unsigned now_ready) {
  auto* connection = static_cast<Connection*>(self);
  if ((now_ready & ready::kWritable) != 0) connection->output_blocked_ = false;
  if ((now_ready & ready::kReadable) != 0) connection->receive();
  if ((now_ready & ready::kEnded) != 0) connection->peer_has_ended_ = true;
  if ((now_ready & ready::kGone) != 0) {
    // Nobody is left to answer to.
    connection->request_ = RequestPhase::lost;
    if (connection->response_ == ResponsePhase::done) {
      connection->response_ = ResponsePhase::broken;
    }
    if (connection->lingering_ || connection->exchange_ == nullptr) {
      connection->context_.received->clear();
      return connection->close();
    }
  }
  connection->sent_this_turn_ = 0;
  connection->advance();
}

void Connection::wake() { advance(); }

// The buffer is the worker's: octets that must wait go to the stash, and come back here.
void Connection::receive() {
  if (buried_ || read_closed_) return;
  ASSERT(context_.advancing == nullptr);
  load_stash();
  const IoResult result = transport_->receive(context_.received->room());
  switch (result.kind) {
    case IoResult::Kind::done: context_.received->commit(result.bytes); break;
    case IoResult::Kind::blocked: break;
    case IoResult::Kind::end: read_closed_ = true; break;
    case IoResult::Kind::failed:
      // Who speaks TLS 1.3 sends its request along with the certificate, and takes the connection
      // for gone when the end of it comes close behind the alert: the client ends it.
      if (!lingering_ && note_refused_certificate()) {
        discard_input();
        break;
      }
      read_closed_ = true;
      request_ = RequestPhase::lost;
      break;
  }
  if (lingering_ && !context_.received->empty()) {
    context_.received->clear();
    if (waiting_ == Waiting::linger) waiting_ = Waiting::nothing;  // it speaks on: armed anew
  }
  // advance() follows in all callers and expects the octets there.
  stash_bytes_ = 0;
  stash_.reset();
}

// Handshakes fail for other reasons, too: those of scanners.
bool Connection::note_refused_certificate() {
  const TlsInfo* tls = transport_->tls();
  if (tls == nullptr || tls->certificate_fault.empty()) return false;
  context_.note_refused_certificate(client_, tls->certificate_fault);
  return true;
}

void Connection::load_stash() {
  context_.received->clear();
  if (stash_bytes_ == 0) return;
  context_.received->assign({stash_.get(), stash_bytes_});
  stash_.reset();
  stash_bytes_ = 0;
}

void Connection::store_stash() {
  const std::string_view rest = context_.received->unread();
  if (!rest.empty()) {
    stash_ = std::make_unique_for_overwrite<char[]>(rest.size());
    std::memcpy(stash_.get(), rest.data(), rest.size());
    stash_bytes_ = static_cast<std::uint32_t>(rest.size());
  }
  context_.received->clear();
}

void Connection::advance() {
  if (buried_) return;
  if (context_.advancing != nullptr) {
    if (context_.advancing == this) {
      again_ = true;
    } else {
      context_.schedule(*this);
    }
    return;
  }
  context_.advancing = this;
  if (stash_bytes_ > 0) load_stash();
  for (int steps = 0; !buried_; ++steps) {
    if (steps == kStepsPerTurn) {
      context_.schedule(*this);
      break;
    }
    again_ = false;
    if (!take_step() && !again_) break;
  }
  if (!buried_ && !is_queue_empty() && !is_output_held()) {
    send_queued();
    if (response_ == ResponsePhase::broken) take_step();
  }
  if (!buried_) {
    store_stash();
    update_interest();
    update_deadline();
    if (queue_ && queue_->empty()) context_.queues.release(std::move(queue_));
  }
  context_.received->clear();
  sent_this_turn_ = 0;
  context_.advancing = nullptr;
}

bool Connection::take_step() {
  if (lingering_) {
    const Duration longest = context_.runtime()->config().limits.send_timeout;
    const bool is_over = context_.loop.now() - linger_began_ > longest;
    if (read_closed_ || request_ == RequestPhase::lost || is_over) close();
    return false;
  }
  switch (http::next_step(request_, response_, keep_alive_)) {
    case Step::identify: return identify();
    case Step::parse: return parse();
    case Step::feed: return feed();
    case Step::flush:
      if (flush()) return true;
      // A program that answers while it reads needs both directions driven.
      return request_ == RequestPhase::body && response_ == ResponsePhase::sending && feed();
    case Step::relay: return relay();
    case Step::discard: return discard();
    case Step::recycle: return recycle();
    case Step::close: return finish();
    case Step::abandon:
      end_exchange();
      close();
      return false;
    case Step::break_off: return break_off();
  }
  return false;
}

// A listener of the PROXY protocol takes no other connections: who could leave the header out could
// be whoever it likes.
bool Connection::identify() {
  RecvBuffer& received = *context_.received;
  const ProxyHeader header = parse_proxy_header(received.unread());
  switch (header.state) {
    case ProxyHeader::State::need_more:
      if (read_closed_ || (drained_ && received.empty())) close_unidentified("it ended");
      return false;
    case ProxyHeader::State::fault: close_unidentified("something else came"); return false;
    case ProxyHeader::State::done: break;
  }
  received.consume(header.size);
  request_ = RequestPhase::head;
  if (transport_->end_preface(received.unread())) received.clear();
  if (!header.is_local) {
    client_ = header.client;
    server_ = header.server;
    is_proxied_tls_ = header.is_tls;
  }
  if (!place_.admit(client_)) {
    context_.refusal_log.add(context_.quota->refusals(), client_);
    // Before a handshake nothing can be said, and none is owed.
    if (transport_->tls() != nullptr) {
      context_.received->clear();
      close();
      return false;
    }
    refuse({503, "too many connections of one client"});
  }
  return true;
}

// Without an answer: nobody has asked for anything.
void Connection::close_unidentified(std::string_view reason) {
  context_.log.debug("proxy_protocol", "no header from {}: {}", peer_.text(), reason);
  context_.received->clear();
  close();
}

bool Connection::parse() {
  RecvBuffer& received = *context_.received;
  if (received.empty()) {
    const bool is_over = read_closed_ || (drained_ && parser_.is_between_messages());
    return is_over && close_when_sent();
  }
  if (!exchange_) exchange_ = context_.exchanges.acquire();
  switch (parser_.next(received, exchange_->arena())) {
    case http::RequestParser::Event::need_more:
      context_.exchanges.release(std::move(exchange_));
      return read_closed_ && close_when_sent();
    case http::RequestParser::Event::head: begin_exchange(); return true;
    case http::RequestParser::Event::error:
      exchange_->request_.head = parser_.head();
      refuse(parser_.refusal());
      return true;
    case http::RequestParser::Event::body:
    case http::RequestParser::Event::end: break;
  }
  ASSERT(false && "a body before its head");
  return false;
}

void Connection::describe_client(Request& request) const {
  request.peer = peer_;
  request.sender = client_;
  request.client = client_;
  request.server = server_;
  if (is_proxied_tls_) request.scheme = "https";
  const TlsInfo* tls = transport_->tls();
  if (tls == nullptr || !tls->is_established) return;
  request.tls = tls;
  request.scheme = "https";
}

void Connection::begin_exchange() {
  Exchange& exchange = *exchange_;
  exchange.connection_ = this;
  exchange.runtime_ = context_.runtime();
  exchange.number_ = context_.next_exchange_number();
  exchange.started_ = context_.loop.now();
  exchange.request_.head = parser_.head();
  exchange.request_.framing = parser_.framing();
  describe_client(exchange.request_);
  const std::string_view doubt =
      listener_ == nullptr ? "" : believe_proxies(exchange.request_, *listener_, exchange.arena());
  ++requests_;
  body_sent_ = 0;
  const std::uint64_t most = exchange.runtime_->config().limits.requests_per_connection;
  keep_alive_ =
      parser_.framing().keep_alive && !context_.draining && (most == 0 || requests_ < most);
  continue_due_ = parser_.framing().expect_continue;
  request_ = RequestPhase::body;
  if (!exchange.request_.has_body()) {
    const auto event = parser_.next(*context_.received, exchange.arena());
    ASSERT(event == http::RequestParser::Event::end);
    request_ = RequestPhase::done;
  }
  if (!doubt.empty()) {
    context_.note_refused_request(client_, doubt);
    return refuse({400, doubt});
  }
  const TlsInfo* tls = transport_->tls();
  if (tls != nullptr && tls->is_plain) return refuse_plain();
  Pipeline::before(exchange);
}

// Nothing of the request is looked at: what it asks for is not to be had without encryption.
void Connection::refuse_plain() {
  refused_ = true;
  keep_alive_ = false;
  request_ = RequestPhase::done;
  exchange_->explain_failure(400,
                             "This port speaks HTTPS, and the request came unencrypted. Use an "
                             "address that begins with https://.");
}

void Connection::refuse(const http::Refusal& refusal) {
  if (!exchange_) exchange_ = context_.exchanges.acquire();
  Exchange& exchange = *exchange_;
  if (exchange.connection_ == nullptr) {
    exchange.connection_ = this;
    exchange.runtime_ = context_.runtime();
    exchange.number_ = context_.next_exchange_number();
    exchange.started_ = context_.loop.now();
    describe_client(exchange.request_);
    body_sent_ = 0;
  }
  refused_ = true;
  keep_alive_ = false;
  request_ = RequestPhase::done;
  if (response_ == ResponsePhase::none) {
    context_.log.debug(exchange.id(), "refused with {}: {} (from {})", refusal.status,
                       refusal.reason, client_.text());
    exchange.fail(refusal.status, {});
  } else {
    response_ = ResponsePhase::broken;
  }
}

bool Connection::feed() {
  if (request_ == RequestPhase::done || exchange_->sink_ == nullptr) return false;
  RecvBuffer& received = *context_.received;
  sink_full_ = false;
  const http::RequestParser::Event event = parser_.next(received, exchange_->arena());
  const std::uint64_t most = exchange_->route_->config->body_bytes;
  if (parser_.body_taken() > most || parser_.body_announced() > most - parser_.body_taken()) {
    refuse({413, "request body too large"});
    return true;
  }
  switch (event) {
    case http::RequestParser::Event::need_more:
      if (!read_closed_) return false;
      request_ = RequestPhase::lost;
      return true;
    case http::RequestParser::Event::body: break;
    case http::RequestParser::Event::end:
      request_ = RequestPhase::done;
      exchange_->sink_->finish();
      return true;
    case http::RequestParser::Event::error: refuse(parser_.refusal()); return true;
    case http::RequestParser::Event::head: ASSERT(false && "a head inside a body");
  }
  if (body_is_too_slow()) {
    refuse({408, "request body too slow"});
    return true;
  }
  const std::size_t given = parser_.body().size();
  const std::size_t taken = exchange_->sink_->write(parser_.body());
  ASSERT(taken <= given);
  parser_.take(received, taken);
  if (taken > 0 && waiting_ == Waiting::body) waiting_ = Waiting::nothing;  // progress: armed anew
  sink_full_ = taken < given;
  return !sink_full_;
}

// Neither direction waits for the other.
bool Connection::relay() {
  const bool has_passed_on = pass_on();
  return flush() || has_passed_on;
}

bool Connection::pass_on() {
  RecvBuffer& received = *context_.received;
  if (received.empty()) {
    if (!read_closed_) return false;
    request_ = RequestPhase::done;
    exchange_->sink_->finish();
    return true;
  }
  const std::size_t taken = exchange_->sink_->write(received.unread());
  received.consume(taken);
  sink_full_ = !received.empty();
  return !sink_full_;
}

// Only the time spent waiting for the client counts, not what a slow sink takes.
bool Connection::body_is_too_slow() {
  if (waiting_ == Waiting::body) {
    body_waited_ += context_.loop.now() - body_wait_began_;
    body_wait_began_ = context_.loop.now();
  }
  const std::uint64_t rate = exchange_->runtime_->config().limits.body_min_rate;
  if (rate == 0 || body_waited_ <= kRateGrace) return false;
  const auto waited = static_cast<std::uint64_t>(body_waited_.count());
  return (parser_.body_taken() + parser_.body().size()) * 1000 < rate * waited;
}

// An early answer is out, and the rest of the body stands between us and the next request.
bool Connection::discard() {
  sink_full_ = false;  // the sink takes nothing any more
  RecvBuffer& received = *context_.received;
  const std::size_t unread = received.size();
  const http::RequestParser::Event event = parser_.next(received, exchange_->arena());
  if (event == http::RequestParser::Event::body) parser_.take(received, parser_.body().size());
  // Chunks may be an octet long: what surrounds them counts.
  discarded_ += unread - received.size();
  if (discarded_ > kMaxDiscard) keep_alive_ = false;
  switch (event) {
    case http::RequestParser::Event::body: return true;
    case http::RequestParser::Event::end: request_ = RequestPhase::done; return true;
    case http::RequestParser::Event::need_more:
      if (read_closed_) request_ = RequestPhase::lost;
      return read_closed_;
    case http::RequestParser::Event::error:
      refused_ = true;
      keep_alive_ = false;
      return true;
    case http::RequestParser::Event::head: ASSERT(false && "a head inside a body");
  }
  return false;
}

bool Connection::recycle() {
  end_exchange();
  request_ = RequestPhase::head;
  response_ = ResponsePhase::none;
  waiting_ = Waiting::nothing;
  discarded_ = 0;
  body_waited_ = Duration{0};
  probed_ = zero_sent_ = false;
  sink_full_ = false;
  return true;
}

// What was queued before the fault, answers to earlier requests above all, is still owed.
bool Connection::break_off() {
  if (until_close_) {
    transport_->cut_off();
  } else if (!is_queue_empty() && !output_blocked_ && request_ != RequestPhase::lost) {
    send_queued();
  }
  end_exchange();
  close();
  return false;
}

// The answer is complete and the connection ends with it.
bool Connection::finish() {
  if (!is_queue_empty() && (is_output_held() || !send_queued())) return again_;
  // Only when the client itself has asked for the end can nothing more be on its way, but for the
  // goodbye that TLS has it say.
  const bool input_is_over = !refused_ && request_ == RequestPhase::done &&
                             context_.received->empty() && !parser_.framing().keep_alive &&
                             transport_->tls() == nullptr;
  end_exchange();
  if (input_is_over || read_closed_ || request_ == RequestPhase::lost) {
    close();
  } else {
    linger();
  }
  return false;
}

// No further request comes. Answers that were collected leave first.
bool Connection::close_when_sent() {
  if (!is_queue_empty() && (is_output_held() || !send_queued())) return again_;
  close();
  return false;
}

// RFC 9112 section 9.6: closing with octets unread would reset the connection and take the answer
// along. However much it is that the client has yet to send: time is the bound.
void Connection::linger() {
  transport_->shutdown_write();
  discard_input();
}

void Connection::discard_input() {
  lingering_ = true;
  linger_began_ = context_.loop.now();
  context_.received->clear();
}

void Connection::end_exchange() {
  if (!exchange_) return;
  if (exchange_->connection_ != nullptr) {
    // What a client that went has not taken is not counted.
    const std::uint64_t unsent =
        response_ == ResponsePhase::done || is_queue_empty() ? 0 : queue_->bytes();
    Pipeline::log(*exchange_, context_, body_sent_ - std::min(body_sent_, unsent),
                  response_ != ResponsePhase::none);
  }
  exchange_->reset();
  context_.exchanges.release(std::move(exchange_));
}

void Connection::close() {
  if (buried_) return;
  end_exchange();
  buried_ = true;
  deadline_.disarm();
  unlink();
  --context_.connection_count;
  context_.figures.connections_closed.add(1);
  place_.leave();
  if (zero_sent_) transport_->cut_off();
  transport_.reset();
  queue_.reset();
  context_.bury(*this);
  if (context_.connection_count == 0 && context_.on_all_closed) context_.on_all_closed();
}

void Connection::want_body() {
  if (continue_due_) {
    continue_due_ = false;
    // RFC 9110 section 10.1.1: not when the body is already coming.
    if (context_.advancing == this && context_.received->empty()) {
      queue().append("HTTP/1.1 100 Continue\r\n\r\n");
    } else if (context_.advancing != this && stash_bytes_ == 0) {
      queue().append("HTTP/1.1 100 Continue\r\n\r\n");
    }
  }
  if (request_ == RequestPhase::done) exchange_->sink_->finish();
  advance();
}

void Connection::on_response() {
  ASSERT(response_ == ResponsePhase::none);
  response_ = ResponsePhase::ready;
  advance();
}

void Connection::on_upgrade() {
  ASSERT(has_whole_request());
  request_ = RequestPhase::tunnel;
  keep_alive_ = false;
  sink_full_ = false;
  on_response();
}

void Connection::drain() {
  // A head that is out has said that another request may follow.
  const bool is_promised = response_ == ResponsePhase::sending || response_ == ResponsePhase::done;
  if (!is_promised) keep_alive_ = false;
  if (exchange_ != nullptr || lingering_) return;
  // A request may be on its way already: it is answered, with `Connection: close`. A proxy sends
  // what it cannot send twice on connections only that were used a moment ago.
  drained_ = quiet_for() >= WorkerContext::kDrainGrace;
  receive();
  advance();
}

void Connection::abort() { close(); }

}  // namespace uvhttpd
