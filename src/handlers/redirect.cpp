// SPDX-License-Identifier: MIT
#include "handlers/redirect.h"

#include "server/exchange.h"

namespace uvhttpd {

Result<BuiltHandler> Redirect::build(const config::Route& route, const HandlerContext&) {
  return BuiltHandler{std::make_unique<Redirect>(std::get<config::RedirectHandler>(route.handler)),
                      "redirect",
                      {},
                      false};
}

std::string expand_redirect(std::string_view to, const PlaceholderValues& values) {
  const bool has_own_query =
      to.find('?') != std::string_view::npos || to.find("{query}") != std::string_view::npos;
  std::string out =
      fill_placeholders(to, values, [](std::string_view value) { return std::string(value); });
  if (has_own_query && out.ends_with('?')) out.pop_back();
  if (!has_own_query && values.has_query) out.append("?").append(values.query);
  return out;
}

void Redirect::handle(Exchange& exchange) {
  const Request& request = exchange.request();
  const std::string location = expand_redirect(
      rule_.to, {http::encode_path(request.matched, exchange.arena()), request.target.query,
                 request.target.has_query, request.target.authority, request.scheme});
  const http::ResponseField field{"Location", location};
  exchange.fail(rule_.status, {}, {&field, 1});
}

void redirect_to_directory(Exchange& exchange) {
  const Request& request = exchange.request();
  const http::Target& target = request.target;
  // The normalised path begins with exactly one slash, so this never names another host.
  const std::string_view path = http::encode_path(target.path, exchange.arena());
  const std::string_view location =
      target.has_query ? exchange.arena().concat(path, std::string_view("/?"), target.query)
                       : exchange.arena().concat(path, std::string_view("/"));
  const http::Method method = request.head.method;
  const bool is_safe = method == http::Method::get || method == http::Method::head;
  const http::ResponseField field{"Location", location};
  exchange.fail(is_safe ? 301 : 308, {}, {&field, 1});
}

}  // namespace uvhttpd
