// SPDX-License-Identifier: MIT
// handlers/proxy.h: hands requests on to HTTP/1.1 servers (a reverse proxy, or "gateway", RFC 9110
// section 3.7), WebSockets among them.
#pragma once

#include <string>

#include "handlers/gateway_run.h"
#include "server/runtime.h"

namespace uvhttpd {

class Proxy final : public Handler {
 public:
  Proxy(const config::Route& route, const config::ProxyHandler& rules,
        const HandlerContext& context);
  void handle(Exchange& exchange) override;
  AnswerSource foresee(Exchange& exchange) override;

 private:
  // True: it has, for no upstream is to be asked.
  bool answers_itself(Exchange& exchange) const;

  const config::ProxyHandler& rules_;
  HttpCodec::Settings settings_;
  GatewayShared shared_;
  DeadlineList tunnel_deadlines_;
};

// What requests with the same upstream have in common. Lives as long as the exchange.
std::string_view hash_key_of(const config::HashKey& key, Exchange& exchange);
// "http://127.0.0.1:9000, http://127.0.0.1:9001", for people.
std::string names_of(const std::vector<config::Upstream>& upstreams);

// The route's handler must be a config::ProxyHandler, which outlives the result.
Result<BuiltHandler> build_proxy(const config::Route& route, const HandlerContext& context);

}  // namespace uvhttpd
