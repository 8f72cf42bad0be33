// SPDX-License-Identifier: MIT
#include "handlers/status.h"

#include <array>
#include <memory>
#include <string>

#include "handlers/status_page.h"
#include "server/exchange.h"
#include "server/memory_source.h"

namespace uvhttpd {
namespace {

bool is_on_this_machine(const PeerAddress& client) {
  constexpr std::array<std::uint8_t, 16> kLoopback6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  switch (client.kind) {
    case PeerAddress::Kind::unix_socket: return true;
    case PeerAddress::Kind::ipv4: return client.ip[0] == 127;
    case PeerAddress::Kind::ipv6: return client.ip == kLoopback6;
    case PeerAddress::Kind::none: break;
  }
  return false;
}

// RFC 9110 section 7.6.3, RFC 7239, and what proxies write besides.
bool came_through_proxy(const http::FieldList& fields) {
  using http::FieldName;
  return fields.has(FieldName::via) || fields.has(FieldName::forwarded) ||
         fields.has(FieldName::x_forwarded_for) || fields.has(FieldName::x_real_ip);
}

}  // namespace

void Status::handle(Exchange& exchange) {
  const Request& request = exchange.request();
  const bool is_near = is_on_this_machine(request.peer) && is_on_this_machine(request.client) &&
                       !came_through_proxy(request.head.fields);
  if (!rule_.is_public && !is_near) return exchange.fail(403, {});
  const ServerStatus status = read_status(activity_, config_);
  const bool as_json = request.target.query == "json";
  const auto body = std::make_shared<const std::string>(
      as_json ? render_status_json(status)
              : render_status_html(status, request.target.query != "pause"));
  ResponseHead head(exchange.arena());
  head.add("Content-Type", as_json ? "application/json" : "text/html; charset=utf-8");
  head.add("Cache-Control", "no-store");
  head.content_length = body->size();
  exchange.respond(head, &exchange.keep<MemorySource>(*body, body));
}

Result<BuiltHandler> build_status(const config::Route& route, const HandlerContext& context) {
  BuiltHandler built;
  built.handler = std::make_unique<Status>(std::get<config::StatusHandler>(route.handler), context);
  built.name = "status";
  built.methods = {"GET", "HEAD"};
  return built;
}

}  // namespace uvhttpd
