// SPDX-License-Identifier: MIT
#include "handlers/proxy.h"

#include <utility>
#include <variant>

#include "base/text.h"
#include "http/framing.h"
#include "server/allow.h"
#include "server/site.h"

namespace uvhttpd {
namespace {

constexpr int kMostTimesPassed = 10;  // tiers of proxies; more are a circle

// "a" of "x=1; name=a; y=2" (RFC 6265 section 5.4).
std::string_view cookie_value(const Request& request, std::string_view name) {
  std::string_view found;
  request.head.fields.for_each(http::FieldName::cookie, [&](std::string_view pairs) {
    while (!pairs.empty()) {
      const std::size_t end = pairs.find(';');
      const std::string_view pair = trim_ows(pairs.substr(0, end));
      const std::size_t equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
        found = pair.substr(equals + 1);
      }
      if (end == std::string_view::npos) return;
      pairs.remove_prefix(end + 1);
    }
  });
  return found;
}

// How often Via (RFC 9110 section 7.6.3) names a server of this kind.
int times_passed(const Request& request) {
  int times = 0;
  request.head.fields.for_each(http::FieldName::via, [&](std::string_view value) {
    http::for_each_token(value, [&](std::string_view member) {
      if (member.ends_with(" uvhttpd")) ++times;
    });
  });
  return times;
}

}  // namespace

// Requests without the cookie or field are told apart by their clients.
std::string_view hash_key_of(const config::HashKey& key, Exchange& exchange) {
  const Request& request = exchange.request();
  std::string_view found;
  switch (key.kind) {
    case config::HashKey::Kind::client: break;
    case config::HashKey::Kind::path: return request.target.path;
    case config::HashKey::Kind::cookie: found = cookie_value(request, key.name); break;
    case config::HashKey::Kind::header: found = request.head.fields.value_of(key.name); break;
  }
  return found.empty() ? exchange.arena().copy(request.client.text()) : found;
}

std::string names_of(const std::vector<config::Upstream>& upstreams) {
  std::string names;
  for (const config::Upstream& upstream : upstreams) {
    if (!names.empty()) names += ", ";
    names += upstream.text;
  }
  return names;
}

Proxy::Proxy(const config::Route& route, const config::ProxyHandler& rules,
             const HandlerContext& context)
    : rules_(rules),
      settings_(rules),
      shared_(context, route, rules.pool, HealthCheck::Kind::http, false, rules.proxy_protocol),
      tunnel_deadlines_(shared_.pool.clock(), rules.tunnel_timeout) {}

bool Proxy::answers_itself(Exchange& exchange) const {
  if (times_passed(exchange.request()) >= kMostTimesPassed) {
    exchange.fail(508, "this request has come through here before: a route leads back");
    return true;
  }
  if (!ends_here(exchange.request())) return false;
  respond_with_allow(exchange, allow_value(exchange.route().methods, exchange.arena()));
  return true;
}

void Proxy::handle(Exchange& exchange) {
  if (answers_itself(exchange)) return;
  const bool is_hashed = rules_.pool.balance == config::Balance::hash;
  const std::string_view key =
      is_hashed ? hash_key_of(rules_.pool.hash_key, exchange) : std::string_view{};
  exchange
      .keep<GatewayRun>(shared_, exchange, HttpCodec(settings_, exchange), key,
                        TunnelRules{&tunnel_deadlines_, rules_.proxy_protocol})
      .begin();
}

AnswerSource Proxy::foresee(Exchange& exchange) {
  if (answers_itself(exchange)) return {};
  return {{}, {}, names_of(rules_.pool.upstreams)};
}

Result<BuiltHandler> build_proxy(const config::Route& route, const HandlerContext& context) {
  BuiltHandler built;
  built.handler =
      std::make_unique<Proxy>(route, std::get<config::ProxyHandler>(route.handler), context);
  built.name = "proxy";
  built.asks_others = true;
  return built;
}

}  // namespace uvhttpd
