// SPDX-License-Identifier: MIT
#include "handlers/health_check.h"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "io/proxy_protocol.h"

namespace uvhttpd {
namespace {

constexpr http::ResponseLimits kLimits{.head_bytes = 16 << 10, .head_fields = 100};

}  // namespace

HealthCheck::HealthCheck(EventLoop& loop, Kind kind, const config::HealthCheck& rules,
                         const config::Upstream& upstream, config::ProxyProtocol announce,
                         const SocketAddress& address, Changed changed, void* owner)
    : loop_(loop),
      kind_(kind),
      rules_(rules),
      upstream_(upstream),
      announce_(announce),
      address_(address),
      changed_(changed),
      owner_(owner),
      next_(
          loop, [](void* self) { static_cast<HealthCheck*>(self)->ask(); }, this),
      timeout_(
          loop, [](void* self) { static_cast<HealthCheck*>(self)->on_timeout(); }, this),
      parser_(kLimits) {}

void HealthCheck::start(bool is_healthy) {
  is_healthy_ = is_healthy;
  ask();
}

void HealthCheck::ask() {
  Result<UniqueFd> socket = begin_connect(address_);
  if (!socket && is_lack_of_room(socket.error().os_error)) return next_.start(rules_.every);
  if (!socket) return conclude(false, socket.error().message);
  is_connected_ = false;
  connection_ = std::make_unique<UpstreamConnection>(loop_, *std::move(socket), share_);
  connection_->lend([](void* self, UpstreamConnection&,
                       unsigned) { static_cast<HealthCheck*>(self)->on_ready(); },
                    this);
  connection_->transport().want(ready::kWritable);
  timeout_.start(rules_.timeout);
}

void HealthCheck::on_ready() {
  if (!is_connected_) {
    if (const int error = connect_result(connection_->fd()); error != 0) {
      return conclude(false, Error::from_errno(error, "connecting").message);
    }
    is_connected_ = true;
    if (kind_ == Kind::connect) return conclude(true, {});
    if (announce_ != config::ProxyProtocol::off) {
      // For nobody: the question is the server's own.
      const unsigned version = announce_ == config::ProxyProtocol::v1 ? 1 : 2;
      connection_->out().append(encode_proxy_header(version, {}, {}));
    }
    const std::string host = rules_.host.empty() ? authority_of(upstream_) : rules_.host;
    connection_->out().append(
        fmt::format("GET {}{} HTTP/1.1\r\nHost: {}\r\nUser-Agent: uvhttpd/{} (health check)\r\n"
                    "Accept: */*\r\nConnection: close\r\n\r\n",
                    upstream_.base, rules_.path, host, UVHTTPD_VERSION));
    arena_.clear();
    parser_.start(http::Method::get);
  }
  if (!send_question()) return conclude(false, "it took no request");
  if (!connection_->out().empty()) return;
  connection_->transport().want(ready::kReadable);
  read_answer();
}

bool HealthCheck::send_question() {
  if (connection_->out().empty()) return true;
  const std::size_t all = connection_->out().bytes();
  return connection_->transport().send(connection_->out(), all).kind != IoResult::Kind::failed;
}

// Only the head is looked at.
void HealthCheck::read_answer() {
  for (;;) {
    switch (parser_.next(connection_->received(), arena_)) {
      case http::ResponseParser::Event::interim: continue;
      case http::ResponseParser::Event::need_more: break;
      case http::ResponseParser::Event::error: return conclude(false, parser_.fault());
      case http::ResponseParser::Event::head:
      case http::ResponseParser::Event::body:
      case http::ResponseParser::Event::end: {
        const http::Status status = parser_.head().status;
        const bool is_good = status >= 200 && status < 400;
        return conclude(is_good, is_good ? "" : fmt::format("it answers {}", status));
      }
    }
    const IoResult result = connection_->receive();
    if (result.kind == IoResult::Kind::blocked) return;
    if (result.kind == IoResult::Kind::failed) return conclude(false, "it closes the connection");
    if (result.kind == IoResult::Kind::end) parser_.input_ended();
  }
}

void HealthCheck::on_timeout() { conclude(false, "it does not answer in time"); }

void HealthCheck::conclude(bool is_good, std::string_view reason) {
  timeout_.stop();
  connection_.reset();
  next_.start(rules_.every);
  in_a_row_ = is_good == is_healthy_ ? 0 : in_a_row_ + 1;
  if (in_a_row_ < (is_healthy_ ? rules_.fall : rules_.rise)) return;
  if (in_a_row_ == 0) return;
  in_a_row_ = 0;
  is_healthy_ = is_good;
  changed_(owner_, is_healthy_, reason);
}

}  // namespace uvhttpd
