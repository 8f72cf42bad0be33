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

std::string expand_redirect(std::string_view to, const RedirectValues& values) {
  const bool has_own_query =
      to.find('?') != std::string_view::npos || to.find("{query}") != std::string_view::npos;
  std::string out;
  while (!to.empty()) {
    const std::size_t open = to.find('{');
    out.append(to.substr(0, open));
    if (open == std::string_view::npos) break;
    to.remove_prefix(open);
    const std::size_t close = to.find('}');
    const std::string_view name = close == std::string_view::npos ? "" : to.substr(1, close - 1);
    if (name == "path") {
      out.append(values.path);
    } else if (name == "query") {
      out.append(values.query);
    } else if (name == "host") {
      out.append(values.host);
    } else if (name == "scheme") {
      out.append(values.scheme);
    } else {
      out.push_back('{');
      to.remove_prefix(1);
      continue;
    }
    to.remove_prefix(close + 1);
  }
  if (has_own_query && out.ends_with('?')) out.pop_back();
  if (!has_own_query && values.has_query) out.append("?").append(values.query);
  return out;
}

void Redirect::handle(Exchange& exchange) {
  const Request& request = exchange.request();
  const std::string location = expand_redirect(
      rule_.to, {http::encode_path(request.matched, exchange.arena()), request.target.query,
                 request.target.has_query, request.target.authority, "http"});
  const http::ResponseField field{"Location", location};
  exchange.fail(rule_.status, {}, {&field, 1});
}

}  // namespace uvhttpd
