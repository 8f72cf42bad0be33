// SPDX-License-Identifier: MIT
// The answer's side of a gateway's run: the head is read, the body given on or kept for the client.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "handlers/gateway_run.h"
#include "handlers/tunnel.h"

namespace uvhttpd {
namespace {

constexpr std::size_t kReceivePerPull = 64 << 10;
constexpr int kReceivesPerTurn = 32;  // that bring the client nothing
constexpr int kStoredPerTurn = 32;    // pieces of an answer; then the others have their turn
constexpr std::uint64_t kMaxStored = 1ULL << 30;  // of an answer that its client does not take
constexpr std::string_view kCutOff = "it reset the connection within its answer";

}  // namespace

GatewayEvent GatewayRun::next_event() {
  return std::visit([this](auto& codec) { return codec.next(connection_->received()); }, codec_);
}

void GatewayRun::note_closed(IoResult::Kind kind) {
  is_gone_ = true;
  was_reset_ = kind == IoResult::Kind::failed;
  if (std::exchange(input_ended_, true)) return;
  std::visit([](auto& codec) { codec.input_ended(); }, codec_);
}

IoResult GatewayRun::receive() {
  const IoResult result = connection_->receive();
  if (result.kind == IoResult::Kind::done) {
    has_received_ = true;
    not_held_up();
  }
  if (result.kind == IoResult::Kind::end || result.kind == IoResult::Kind::failed) {
    note_closed(result.kind);
  }
  return result;
}

void GatewayRun::read_head() {
  for (int receives = 0;; ++receives) {
    const GatewayEvent event = next_event();
    switch (event) {
      case GatewayEvent::head: return answer();
      case GatewayEvent::interim: {
        bool is_continue = false;
        ResponseHead head(exchange_.arena(), 103);
        std::visit(
            [&](auto& codec) {
              is_continue = codec.is_continue();
              if (!is_continue) codec.fill(head);
            },
            codec_);
        // The exchange, and this with it, may be no more afterwards.
        const bool goes_on = outlives([&] {
          if (!is_continue) return exchange_.inform(head);
          if (!body_asked_) ask_for_body();
        });
        if (!goes_on || phase_ != Phase::head) return;
        continue;
      }
      case GatewayEvent::fault:
        if (!has_received_) {
          return attempt_failed(502, "it closed the connection before it answered");
        }
        return std::visit(
            [this](auto& codec) {
              // Turned away before it began: another may have room.
              if (codec.fault_status() == 503) return attempt_failed(503, codec.fault());
              note_if_broken(codec.fault());
              return give_up(codec.fault_status(), codec.fault());
            },
            codec_);
      case GatewayEvent::end:
      case GatewayEvent::body: ASSERT(false && "a body before its head"); return;
      case GatewayEvent::need_more: break;
    }
    if (input_ended_) {
      note_if_broken("its answer has no end");
      return give_up(502, "its answer has no end");
    }
    if (receives >= kReceivesPerTurn && !is_gone_) break;
    if (receive().kind == IoResult::Kind::blocked) break;
  }
  update_interest();
  update_deadline();
  if (has_room_again()) exchange_.wake();
}

// Who does not speak HTTP is not the server that is meant, or is out of order. What FastCGI and
// SCGI carry is a script's, and others of the same upstream may be in order.
void GatewayRun::note_if_broken(std::string_view reason) {
  if (!std::holds_alternative<HttpCodec>(codec_)) return;
  shared_.pool.note_failure(*server_, connection_.get(), reason);
}

bool GatewayRun::outlives(const std::function<void()>& call) {
  bool destroyed = false;
  destroyed_ = &destroyed;
  call();
  if (destroyed) return false;
  destroyed_ = nullptr;
  return true;
}

void GatewayRun::answer() {
  asked_.unlink();
  shared_.pool.note_success(*server_, *connection_);
  end_wait();
  bool is_upgraded = false;
  std::optional<std::string_view> redirect;
  ResponseHead head(exchange_.arena());
  std::visit(
      [&](auto& codec) {
        is_upgraded = codec.is_upgraded();
        redirect = codec.local_redirect();
        codec.fill(head);
      },
      codec_);
  phase_ = Phase::body;
  if (redirect) return handle_again(*redirect);
  if (is_upgraded) return open_tunnel(head);
  left_ = head.content_length;
  const bool is_bodiless =
      exchange_.request().head.method == http::Method::head || http::forbids_content(head.status);
  if (is_bodiless || left_ == 0) return answer_without_body(head);
  if (shared_.rules.buffer_response) store_.emplace(spool_directory());
  if (store_) store_some();
  exchange_.respond(head, this);
}

void GatewayRun::answer_without_body(const ResponseHead& head) {
  part_with_upstream();
  phase_ = Phase::over;
  exchange_.respond(head, nullptr);
}

// RFC 3875 section 6.2.2.
void GatewayRun::handle_again(std::string_view target) {
  drop_connection();
  phase_ = Phase::over;
  if (exchange_.redirect_internally(target)) return;
  exchange_.fail(502, fmt::format("upstream {}: too many local redirects, or an invalid one: {}",
                                  server_->rules().text, escape_for_log(target)));
}

void GatewayRun::open_tunnel(const ResponseHead& head) {
  ASSERT(tunnel_.deadlines != nullptr);
  phase_ = Phase::over;
  Tunnel& tunnel = exchange_.keep<Tunnel>(exchange_, std::move(connection_), *tunnel_.deadlines);
  exchange_.upgrade(head, tunnel, tunnel);
}

// ---- The answer's body.

PullResult GatewayRun::pull(SendQueue& out, std::size_t budget) {
  if (store_) return pull_stored(out, budget);
  if (phase_ != Phase::body) return PullResult::failed;
  for (int receives = 0;;) {
    const GatewayEvent event = next_event();
    switch (event) {
      case GatewayEvent::body: {
        std::string_view piece;
        std::visit([&](auto& codec) { piece = codec.body().substr(0, budget); }, codec_);
        const std::size_t wanted = within_length(piece.size());
        out.append(piece.substr(0, wanted));
        std::visit([&](auto& codec) { codec.take(connection_->received(), piece.size()); }, codec_);
        if (left_ == 0) return end_of_body();
        return PullResult::more;
      }
      case GatewayEvent::end:
        if (is_cut_off()) return break_off(kCutOff);
        return end_of_body();
      case GatewayEvent::fault:
        return break_off(std::visit([](auto& codec) { return codec.fault(); }, codec_));
      case GatewayEvent::head:
      case GatewayEvent::interim: ASSERT(false && "a head inside a body"); break;
      case GatewayEvent::need_more: break;
    }
    if (input_ended_) return break_off("its answer has no end");
    const std::uint64_t direct =
        std::visit([](const auto& codec) { return codec.announced(); }, codec_);
    if (direct >= kReceivePerPull / 4 && connection_->received().empty()) {
      const std::size_t most = static_cast<std::size_t>(
          std::min<std::uint64_t>({direct, budget, kReceivePerPull, left_.value_or(direct)}));
      if (const auto result = pull_directly(out, most)) return *result;
      continue;
    }
    const bool is_long_enough = ++receives > kReceivesPerTurn && !is_gone_;
    if (is_long_enough || receive().kind == IoResult::Kind::blocked) return wait_for_body();
  }
}

// Straight into the client's queue. Nothing: the upstream has closed, and the codec knows what that
// means.
std::optional<PullResult> GatewayRun::pull_directly(SendQueue& out, std::size_t most) {
  const IoResult result = connection_->receive({out.reserve(most), most});
  out.commit(result.kind == IoResult::Kind::done ? result.bytes : 0);
  switch (result.kind) {
    case IoResult::Kind::blocked: return wait_for_body();
    case IoResult::Kind::done: break;
    case IoResult::Kind::end:
    case IoResult::Kind::failed: note_closed(result.kind); return std::nullopt;
  }
  end_wait();
  if (left_) *left_ -= result.bytes;
  std::visit([&](auto& codec) { codec.skip(result.bytes); }, codec_);
  return left_ == 0 ? end_of_body() : PullResult::more;
}

// Takes the answer as fast as it comes, whatever the client does: the upstream is free for others
// when it has given it.
void GatewayRun::store_some() {
  // What has been received is taken in any case: nothing tells of it again. Nor is anything told of
  // a connection that is gone.
  for (int pieces = 0; phase_ == Phase::body; pieces += is_gone_ ? 0 : 1) {
    const GatewayEvent event = next_event();
    if (event == GatewayEvent::body) {
      std::visit(
          [&](auto& codec) {
            const std::string_view piece = codec.body();
            const Result<void> kept = store_->append(piece.substr(0, within_length(piece.size())));
            if (!kept) fault_ = kept.error().message;
            codec.take(connection_->received(), piece.size());
          },
          codec_);
      if (!fault_.empty()) return drop_connection();
      if (left_ == 0) return (void)end_of_body();
    } else if (event == GatewayEvent::end && is_cut_off()) {
      fault_ = kCutOff;
      return drop_connection();
    } else if (event == GatewayEvent::end) {
      return (void)end_of_body();
    } else if (event == GatewayEvent::fault || input_ended_) {
      fault_ = event == GatewayEvent::fault
                   ? std::visit([](auto& codec) { return std::string(codec.fault()); }, codec_)
                   : "its answer has no end";
      return drop_connection();
    } else if (pieces >= kStoredPerTurn || receive().kind == IoResult::Kind::blocked) {
      break;
    }
  }
  // What nobody has taken has its bound, too.
  is_read_paused_ = store_->bytes() - stored_taken_ > kMaxStored;
  pull_awaited_ = !is_read_paused_;
  update_interest();
  update_deadline();
}

PullResult GatewayRun::pull_stored(SendQueue& out, std::size_t budget) {
  const std::size_t most = std::min(budget, kReceivePerPull);
  const Result<std::size_t> got = store_->read(stored_taken_, {out.reserve(most), most});
  out.commit(got ? *got : 0);
  if (!got) return break_off(got.error().message);
  stored_taken_ += *got;
  if (is_read_paused_ && connection_) store_some();
  if (*got > 0) return PullResult::more;
  if (!fault_.empty()) return break_off(fault_);
  if (phase_ == Phase::over) return has_ended_ ? PullResult::end : PullResult::failed;
  store_awaited_ = true;
  return PullResult::blocked;
}

PullResult GatewayRun::wait_for_body() {
  pull_awaited_ = true;
  is_read_paused_ = false;
  update_interest();
  update_deadline();
  return PullResult::blocked;
}

// An answer that lasts until its connection ends has no end when that is reset. Who has not read
// the whole request resets it, too.
bool GatewayRun::is_cut_off() const { return was_reset_ && !exchange_.request().has_body(); }

// How many of the next octets belong to the body, when its length has been said.
std::size_t GatewayRun::within_length(std::size_t bytes) {
  end_wait();
  if (!left_) return bytes;
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, *left_));
  *left_ -= wanted;
  if (wanted < bytes && !std::exchange(surplus_noted_, true)) {
    shared_.pool.log().warn(exchange_.id(), "upstream {}: more than its Content-Length is dropped",
                            server_->rules().text);
  }
  return wanted;
}

PullResult GatewayRun::end_of_body() {
  if (left_.value_or(0) != 0) return break_off("its answer is shorter than its Content-Length");
  part_with_upstream();
  phase_ = Phase::over;
  has_ended_ = true;
  return PullResult::end;
}

PullResult GatewayRun::break_off(std::string_view reason) {
  shared_.pool.log().error(exchange_.id(), "upstream {}: {}", server_->rules().text,
                           escape_for_log(reason));
  drop_connection();
  phase_ = Phase::over;
  return PullResult::failed;
}

std::string_view GatewayRun::trailers() {
  return std::visit([](auto& codec) { return codec.trailers(); }, codec_);
}

}  // namespace uvhttpd
