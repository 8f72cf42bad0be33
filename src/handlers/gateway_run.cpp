// SPDX-License-Identifier: MIT
#include "handlers/gateway_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/text.h"
#include "handlers/tunnel.h"
#include "io/proxy_protocol.h"

namespace uvhttpd {
namespace {

constexpr std::size_t kSendPerTurn = 256 << 10;
constexpr std::size_t kMaxQueued = 64 << 10;  // of the request's body; then the client waits
constexpr std::size_t kQueuedAgain = kMaxQueued / 2;
constexpr std::size_t kSpoolPiece = 32 << 10;
constexpr Duration kContinueWait{1'000};  // for upstreams that know nothing of Expect
// A request that cannot be repeated does not go out on a connection that may be closing.
constexpr Duration kFreshEnough{500};
// A new connection without an octet may wait for a process that a kept one holds.
constexpr Duration kHeldUpAfter{250};

// RFC 9110 section 9.2.2.
bool is_idempotent(http::Method method) {
  switch (method) {
    case http::Method::get:
    case http::Method::head:
    case http::Method::put:
    case http::Method::delete_:
    case http::Method::options: return true;
    default: return false;
  }
}

}  // namespace

GatewayShared::GatewayShared(const HandlerContext& context, const config::Route& route,
                             const config::UpstreamRules& its_rules, HealthCheck::Kind check,
                             bool is_one_at_a_time, config::ProxyProtocol announce)
    : pool(context, its_rules, route.path.text, check, announce),
      rules(its_rules),
      one_at_a_time(is_one_at_a_time),
      connect_deadlines(pool.clock(), rules.connect_timeout),
      head_deadlines(pool.clock(), rules.head_timeout),
      idle_deadlines(pool.clock(), rules.idle_timeout),
      continue_deadlines(pool.clock(), kContinueWait),
      held_up_deadlines(pool.clock(), kHeldUpAfter) {
  if (one_at_a_time) pool.give_way();
  if (context.serves) pool.start();
}

GatewayRun::GatewayRun(GatewayShared& shared, Exchange& exchange, GatewayCodec codec,
                       std::string_view hash_key, TunnelRules tunnel)
    : shared_(shared),
      exchange_(exchange),
      codec_(std::move(codec)),
      hash_key_(hash_key),
      tunnel_(tunnel),
      waiter_([](void* self) { static_cast<GatewayRun*>(self)->attempt(); }, this),
      asked_([](void* self) { static_cast<GatewayRun*>(self)->on_out_of_order(); }, this),
      deadline_([](void* self) { static_cast<GatewayRun*>(self)->on_deadline(); }, this),
      held_up_([](void* self) { static_cast<GatewayRun*>(self)->on_held_up(); }, this) {}

GatewayRun::~GatewayRun() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  drop_connection();
}

void GatewayRun::begin() {
  const http::Framing::Body body = exchange_.request().framing.body;
  const bool needs_length =
      std::visit([](const auto& codec) { return codec.kNeedsLength; }, codec_);
  const bool is_chunked = body == http::Framing::Body::chunked;
  const bool is_wanted_whole = shared_.rules.buffer_body || (is_chunked && needs_length);
  if (body == http::Framing::Body::none || !is_wanted_whole) return attempt();
  phase_ = Phase::spooling;
  spool_.emplace(spool_directory());
  body_asked_ = true;
  exchange_.receive_body(*this);
}

// ---- An upstream is chosen, and a connection to it made.

void GatewayRun::attempt() {
  phase_ = Phase::choosing;
  const UpstreamPool::Choice choice = shared_.pool.choose({hash_key_, &tried_});
  switch (choice.verdict) {
    case UpstreamPool::Verdict::chosen: break;
    case UpstreamPool::Verdict::unresolved: shared_.pool.wait(waiter_); return update_deadline();
    case UpstreamPool::Verdict::no_address:
      return give_up(502, "the name of the upstream has no address");
    case UpstreamPool::Verdict::unhealthy: return give_up(503, "all upstreams are out of order");
  }
  server_ = choice.server;
  addresses_tried_ = 0;
  connect(!std::exchange(is_retry_fresh_, false));
}

void GatewayRun::connect(bool may_reuse) {
  has_sent_ = is_sent_ = takes_nothing_ = is_gone_ = has_received_ = input_ended_ = was_reset_ =
      is_turned_away_ = false;
  body_sent_ = 0;
  connection_.reset();
  not_held_up();
  // One whose body comes from the client as it is sent cannot be sent again.
  const bool may_repeat = is_idempotent(exchange_.request().head.method) &&
                          (!exchange_.request().has_body() || body_file_);
  if (may_reuse && tunnel_.announce == config::ProxyProtocol::off) {
    connection_ = shared_.pool.take_idle(*server_, may_repeat ? Duration::max() : kFreshEnough);
  }
  const bool is_new = connection_ == nullptr;
  if (is_new) {
    auto made = server_->connect(shared_.pool.loop());
    if (!made) {
      return connecting_failed(is_lack_of_room(made.error().os_error) ? 503 : 502,
                               made.error().message);
    }
    connection_ = *std::move(made);
    if (shared_.one_at_a_time) shared_.held_up_deadlines.arm(held_up_);
  }
  connection_->lend([](void* self, UpstreamConnection&,
                       unsigned now_ready) { static_cast<GatewayRun*>(self)->on_ready(now_ready); },
                    this);
  if (!is_new) return send_request();
  phase_ = Phase::connecting;
  update_interest();
  update_deadline();
}

// A name has often an address that nobody listens at.
bool GatewayRun::has_other_address() { return ++addresses_tried_ < server_->address_count(); }

void GatewayRun::connecting_failed(http::Status status, std::string_view reason) {
  if (connection_) shared_.pool.note_unreachable(*server_, *connection_, reason);
  if (has_other_address()) return connect(false);
  attempt_failed(status, reason, false);
}

void GatewayRun::on_connected() {
  if (const int error = connect_result(connection_->fd()); error != 0) {
    return connecting_failed(502, Error::from_errno(error, "connecting").message);
  }
  if (tunnel_.announce != config::ProxyProtocol::off) {
    const Request& request = exchange_.request();
    const unsigned version = tunnel_.announce == config::ProxyProtocol::v1 ? 1 : 2;
    connection_->out().append(encode_proxy_header(version, request.client, request.server));
  }
  send_request();
}

// ---- The request.

GatewayBody GatewayRun::body_to_send() const {
  const http::Framing& framing = exchange_.request().framing;
  if (body_file_) return {GatewayBody::Kind::length, body_bytes_};
  switch (framing.body) {
    case http::Framing::Body::chunked: return {GatewayBody::Kind::chunked, 0};
    case http::Framing::Body::length: return {GatewayBody::Kind::length, framing.length};
    case http::Framing::Body::none: break;
  }
  return {framing.has_length ? GatewayBody::Kind::length : GatewayBody::Kind::none, 0};
}

void GatewayRun::send_request() {
  phase_ = Phase::head;
  if (shared_.rules.health) server_->await_answer(*connection_, asked_);
  SendQueue& out = connection_->out();
  bool asks_for_continue = false;
  std::visit(
      [&](auto& codec) {
        codec.start(server_->rules());
        codec.encode_head(out, body_to_send());
        asks_for_continue = codec.asks_for_continue();
      },
      codec_);
  // One without octets may have ended in an attempt before.
  const bool has_body = exchange_.request().has_body() && !body_ended_;
  if (has_body && !body_file_) {
    flush();
    update_interest();
    // Last: the body may come at once, and end all this.
    return asks_for_continue && !body_asked_ ? update_deadline() : ask_for_body();
  }
  if (!has_body) {
    std::visit([&](auto& codec) { codec.encode_body_end(out); }, codec_);
    is_sent_ = true;
  }
  flush();
  update_interest();
  update_deadline();
}

void GatewayRun::ask_for_body() {
  const bool is_first = !std::exchange(body_asked_, true);
  const bool is_awaited = std::exchange(body_blocked_, false);
  // From now on it is the client that is waited for.
  update_deadline();
  if (is_first) {
    exchange_.receive_body(*this);
  } else if (is_awaited) {
    exchange_.wake();
  }
}

std::size_t GatewayRun::write(std::string_view bytes) {
  switch (phase_) {
    case Phase::spooling:
      if (const Result<void> kept = spool_->append(bytes); !kept) {
        phase_ = Phase::over;
        exchange_.fail(503, kept.error().message, kRetryAfter);
      }
      return bytes.size();
    case Phase::choosing:
    case Phase::connecting: body_blocked_ = true; return 0;
    case Phase::over: return bytes.size();
    case Phase::head:
    case Phase::body: break;
  }
  body_taken_ = true;
  std::size_t taken = 0;
  // An upstream need not read what it does not want.
  while (taken < bytes.size() && !takes_nothing_) {
    SendQueue& out = connection_->out();
    if (out.bytes() >= kMaxQueued) break;
    const std::string_view piece = bytes.substr(taken, kMaxQueued - out.bytes());
    std::visit([&](auto& codec) { codec.encode_body(out, piece); }, codec_);
    taken += piece.size();
    flush();
  }
  if (takes_nothing_) taken = bytes.size();
  body_blocked_ = taken < bytes.size();
  update_interest();
  update_deadline();
  return taken;
}

void GatewayRun::finish() {
  if (phase_ == Phase::spooling) {
    Result<UniqueFd> file = spool_->take();
    if (!file) {
      phase_ = Phase::over;
      return exchange_.fail(503, file.error().message, kRetryAfter);
    }
    body_bytes_ = spool_->bytes();
    body_file_ = std::make_shared<const UniqueFd>(*std::move(file));
    return attempt();
  }
  body_ended_ = true;
  if (phase_ != Phase::head && phase_ != Phase::body) return;
  is_sent_ = true;
  if (!takes_nothing_) {
    std::visit([&](auto& codec) { codec.encode_body_end(connection_->out()); }, codec_);
    flush();
  }
  update_interest();
  update_deadline();
}

void GatewayRun::fill_from_spool() {
  SendQueue& out = connection_->out();
  while (body_file_ && !is_sent_ && out.bytes() < kMaxQueued) {
    char piece[kSpoolPiece];
    const std::uint64_t left = body_bytes_ - body_sent_;
    const ssize_t got =
        left == 0 ? 0
                  : ::pread(body_file_->get(), piece, std::min<std::uint64_t>(left, sizeof piece),
                            static_cast<off_t>(body_sent_));
    if (got < 0 && errno == EINTR) continue;
    if (left > 0 && got <= 0) {
      // The upstream must not take what it has for all there is.
      shared_.pool.log().error(exchange_.id(), "a kept request body cannot be read: {}",
                               Error::from_errno(got < 0 ? errno : EIO, "reading").message);
      out.clear();
      connection_->transport().shutdown_write();
      takes_nothing_ = is_sent_ = true;
      return;
    }
    const std::string_view bytes(piece, static_cast<std::size_t>(got));
    std::visit(
        [&](auto& codec) {
          if (!bytes.empty()) codec.encode_body(out, bytes);
          body_sent_ += bytes.size();
          is_sent_ = body_sent_ == body_bytes_;
          if (is_sent_) codec.encode_body_end(out);
        },
        codec_);
  }
}

// Sends what can be sent in this turn; false when the rest must wait for room, or for its turn.
bool GatewayRun::flush() {
  SendQueue& out = connection_->out();
  for (std::uint64_t sent = 0;;) {
    fill_from_spool();
    if (out.empty()) return true;
    if (sent >= kSendPerTurn) return false;
    const IoResult result = connection_->transport().send(out, kSendPerTurn);
    sent += result.bytes;
    if (result.bytes > 0) {
      has_sent_ = true;
      end_wait();
    }
    if (result.kind == IoResult::Kind::failed) {
      // It may have answered all the same.
      takes_nothing_ = is_sent_ = true;
      out.clear();
      return true;
    }
    if (!out.empty()) return false;
    if (is_sent_) return true;
    if (!body_file_) return true;
  }
}

// ---- Readiness of the connection.

void GatewayRun::on_ready(unsigned now_ready) {
  if (phase_ == Phase::connecting) return on_connected();
  if ((now_ready & ready::kGone) != 0) is_gone_ = true;
  const bool may_write = (now_ready & (ready::kWritable | ready::kGone)) != 0;
  const bool may_read = (now_ready & (ready::kReadable | ready::kGone)) != 0;
  if (may_write && !connection_->out().empty()) flush();
  if (may_read && phase_ == Phase::head) return read_head();
  bool is_awaited = has_room_again();
  if (may_read && store_) {
    store_some();
    is_awaited = is_awaited || std::exchange(store_awaited_, false);
    // Who has ended takes what is left of the request.
    if (!connection_) is_awaited = std::exchange(body_blocked_, false) || is_awaited;
    if (is_awaited) exchange_.wake();
    return;
  }
  // Told again and again of what nobody takes: it is asked for when somebody does.
  if (may_read) is_read_paused_ = !pull_awaited_;
  if (may_read && std::exchange(pull_awaited_, false)) is_awaited = true;
  update_interest();
  update_deadline();
  if (is_awaited) exchange_.wake();
}

// The exchange waits for room, and there is some: it is to be woken.
bool GatewayRun::has_room_again() {
  if (!body_blocked_ || connection_->out().bytes() > kQueuedAgain) return false;
  body_blocked_ = false;
  return true;
}

void GatewayRun::update_interest() {
  if (!connection_ || is_gone_) return;
  unsigned interest = ready::kNothing;
  if (phase_ == Phase::connecting) interest = ready::kWritable;
  if (phase_ == Phase::head || (phase_ == Phase::body && !is_read_paused_)) {
    interest |= ready::kReadable;
  }
  if (phase_ != Phase::connecting && !connection_->out().empty()) interest |= ready::kWritable;
  connection_->transport().want(interest);
}

// ---- Time.

// The upstream's time runs only while it is the upstream that is waited for, and not the client.
void GatewayRun::update_deadline() {
  DeadlineList* list = nullptr;
  const bool is_sending = connection_ && !connection_->out().empty();
  switch (phase_) {
    case Phase::choosing:
    case Phase::connecting: list = &shared_.connect_deadlines; break;
    case Phase::head:
      if (is_sending) {
        list = &shared_.idle_deadlines;
      } else if (is_sent_) {
        list = &shared_.head_deadlines;
      } else if (!body_asked_) {
        list = &shared_.continue_deadlines;
      }
      break;
    case Phase::body:
      // While the client takes nothing, neither need the upstream; nor can it answer what has not
      // come yet.
      if (pull_awaited_ && (is_sent_ || is_sending || !body_asked_)) list = &shared_.idle_deadlines;
      break;
    case Phase::spooling:
    case Phase::over: break;
  }
  if (list == armed_in_) return;
  armed_in_ = list;
  if (list != nullptr) {
    list->arm(deadline_);
  } else {
    deadline_.disarm();
  }
}

void GatewayRun::end_wait() {
  deadline_.disarm();
  armed_in_ = nullptr;
}

void GatewayRun::on_deadline() {
  armed_in_ = nullptr;
  switch (phase_) {
    case Phase::choosing: return give_up(504, "the upstream's name was not resolved in time");
    case Phase::connecting: return connecting_failed(504, "no connection within connect_timeout");
    case Phase::head:
      if (!is_sent_ && !body_asked_) return ask_for_body();
      return fallen_silent(connection_->out().empty() ? "no answer within head_timeout"
                                                      : "it takes nothing within idle_timeout");
    case Phase::body:
      if (store_) {
        fault_ = "nothing has come within idle_timeout";
        drop_connection();
      } else {
        (void)break_off("nothing has come within idle_timeout");
      }
      return exchange_.wake();
    case Phase::spooling:
    case Phase::over: return;
  }
}

// ---- When it goes wrong.

bool GatewayRun::may_be_repeated() const {
  if (body_taken_ && !body_file_) return false;
  const bool is_safe = !has_sent_ || is_turned_away_;
  return is_safe || is_idempotent(exchange_.request().head.method);
}

bool GatewayRun::may_try_again(bool is_stale) const {
  return may_be_repeated() && (is_stale || retries_ < shared_.rules.retries);
}

// Its health checks fail: whoever can be asked again need not wait for its silence to end. What
// cannot be repeated may still be answered.
void GatewayRun::on_out_of_order() {
  if (phase_ != Phase::head || has_received_ || !may_try_again(false)) return;
  attempt_failed(504, "it is out of order");
}

void GatewayRun::note_tried() {
  if (tried_.empty() || tried_.back() != server_) tried_.push_back(server_);
}

// Whoever waits has waited long: another may be asked, the same is not asked again.
void GatewayRun::fallen_silent(std::string_view reason) {
  note_tried();
  if (!has_received_ && may_try_again(false) && shared_.pool.has_another(tried_)) {
    return attempt_failed(504, reason);
  }
  shared_.pool.note_failure(*server_, connection_.get(), reason);
  give_up(504, reason);
}

// No octet of an answer has come, or only that there will be none.
void GatewayRun::attempt_failed(http::Status status, std::string_view reason, bool is_connected) {
  // A kept connection may have been closed before the request reached its other end.
  const bool is_stale = connection_ && connection_->is_reused() && status == 502;
  if (is_stale) {
    shared_.pool.drop_idle(*server_);
    is_retry_fresh_ = true;
  } else if (status != 503) {
    shared_.pool.note_failure(*server_, connection_.get(), reason);
  }
  if (!is_stale) note_tried();
  is_turned_away_ = status == 503;
  // That an upstream takes no connection costs nothing: each of the others may be asked.
  const bool is_free = !is_connected && status == 502 && shared_.rules.retries > 0 &&
                       may_be_repeated() && shared_.pool.has_another(tried_);
  if (!is_free && !may_try_again(is_stale)) return give_up(status, reason);
  drop_connection();
  if (!is_stale) {
    if (!is_free) ++retries_;
    shared_.pool.log().debug(exchange_.id(), "upstream {}: {}: trying again", server_->rules().text,
                             escape_for_log(reason));
  }
  attempt();
}

void GatewayRun::give_up(http::Status status, std::string_view reason) {
  drop_connection();
  phase_ = Phase::over;
  if (status == 503) {
    return exchange_.fail(
        503, shared_.overload.is_due(shared_.pool.loop().now()) ? reason : std::string_view{},
        kRetryAfter);
  }
  exchange_.fail(status, server_ == nullptr ? std::string(reason)
                                            : fmt::format("upstream {}: {}", server_->rules().text,
                                                          escape_for_log(reason)));
}

// The client has all it is to have. Where the upstream has not ended, too, it is left.
void GatewayRun::part_with_upstream() {
  if (next_event() == GatewayEvent::end) {
    release_connection();
  } else {
    drop_connection();
  }
}

// The exchange with the upstream is complete: the connection is kept when it can be.
void GatewayRun::release_connection() {
  const bool is_reusable =
      std::visit([](const auto& codec) { return codec.is_reusable(); }, codec_) && is_sent_ &&
      !takes_nothing_ && !is_gone_ && tunnel_.announce == config::ProxyProtocol::off &&
      connection_->out().empty() && connection_->received().empty();
  // Somebody waits for a process, and this connection may be what holds it.
  const bool is_wanted = !shared_.one_at_a_time || server_->load().held_up == 0;
  if (is_reusable && is_wanted) shared_.pool.give_back(*server_, std::move(connection_));
  drop_connection();
}

void GatewayRun::drop_connection() {
  waiter_.unlink();
  asked_.unlink();
  takes_nothing_ = true;
  not_held_up();
  end_wait();
  pull_awaited_ = false;
  connection_.reset();
}

// Those that are kept are given up, here at once and by other workers when they are given back.
void GatewayRun::on_held_up() {
  is_held_up_ = true;
  ++server_->load().held_up;
  shared_.pool.drop_idle(*server_);
}

void GatewayRun::not_held_up() {
  held_up_.disarm();
  if (std::exchange(is_held_up_, false)) --server_->load().held_up;
}

}  // namespace uvhttpd
