// SPDX-License-Identifier: MIT
// handlers/health_check.h: asks one address of an upstream now and then whether it is in order.
#pragma once

#include <memory>
#include <string_view>

#include "base/arena.h"
#include "config/gateways.h"
#include "handlers/upstream_connection.h"
#include "http/response_parser.h"
#include "io/connect.h"

namespace uvhttpd {

// Begins with start(); each question has a connection of its own.
class HealthCheck {
 public:
  enum class Kind {
    connect,  // good when it takes a connection
    http,     // good when GET of the path gives 2xx or 3xx
  };
  // How it is from now on; `reason` says what was wrong.
  using Changed = void (*)(void* owner, bool is_healthy, std::string_view reason);

  // `rules`, `upstream` and `address`, which is the one that is asked, outlive it. `announce`: the
  // upstream awaits a PROXY protocol header.
  HealthCheck(EventLoop& loop, Kind kind, const config::HealthCheck& rules,
              const config::Upstream& upstream, config::ProxyProtocol announce,
              const SocketAddress& address, Changed changed, void* owner);
  HealthCheck(const HealthCheck&) = delete;
  HealthCheck& operator=(const HealthCheck&) = delete;

  // Once; with what is known of it already.
  void start(bool is_healthy = true);
  bool is_healthy() const { return is_healthy_; }

 private:
  void ask();
  void on_ready();
  bool send_question();
  void read_answer();
  void on_timeout();
  void conclude(bool is_good, std::string_view reason);

  EventLoop& loop_;
  const Kind kind_;
  const config::HealthCheck& rules_;
  const config::Upstream& upstream_;
  const config::ProxyProtocol announce_;
  const SocketAddress& address_;
  const Changed changed_;
  void* const owner_;
  Timer next_;
  Timer timeout_;
  ConnectionShare share_;
  std::unique_ptr<UpstreamConnection> connection_;
  bool is_connected_ = false;
  http::ResponseParser parser_;
  Arena arena_;
  bool is_healthy_ = true;
  unsigned in_a_row_ = 0;  // answers that say the other thing
};

}  // namespace uvhttpd
