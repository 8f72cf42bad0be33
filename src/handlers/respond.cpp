// SPDX-License-Identifier: MIT
#include "handlers/respond.h"

#include <fmt/format.h>

#include "base/text.h"
#include "handlers/file_source.h"
#include "handlers/placeholders.h"
#include "http/mime.h"
#include "server/exchange.h"

namespace uvhttpd {
namespace {

constexpr std::string_view kPlaceholders[] = {"{path}", "{query}", "{host}", "{scheme}"};

std::string unchanged(std::string_view value) { return std::string(value); }

// Inside a string of any of the three kinds.
std::string escape_for_script(std::string_view value) {
  std::string out;
  for (const char c : escape_for_json(value)) {
    if (std::string_view("'`$<>&").find(c) == std::string_view::npos) {
      out.push_back(c);
    } else {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    }
  }
  return out;
}

// What a client sent must not become markup or syntax of the answer.
Escape escape_for(std::string_view media_type) {
  const std::string type = to_lower(trim_ows(media_type.substr(0, media_type.find(';'))));
  if (type == "text/html" || type.ends_with("xml")) return escape_for_html;
  if (type.ends_with("json")) return escape_for_json;
  if (type.ends_with("javascript")) return escape_for_script;
  return unchanged;
}

}  // namespace

Result<BuiltHandler> Respond::build(const config::Route& route, const HandlerContext&) {
  return BuiltHandler{std::make_unique<Respond>(std::get<config::RespondHandler>(route.handler)),
                      "respond",
                      {},
                      false};
}

Respond::Respond(const config::RespondHandler& rule)
    : rule_(rule), type_(rule.type), body_(std::make_shared<const std::string>(rule.body)) {
  // A body from the configuration is always UTF-8.
  if (http::takes_charset(type_)) type_ += "; charset=utf-8";
  for (const std::string_view each : kPlaceholders) {
    has_placeholders_ = has_placeholders_ || rule.body.find(each) != std::string::npos;
  }
}

void Respond::handle(Exchange& exchange) {
  std::shared_ptr<const std::string> body = body_;
  if (has_placeholders_) {
    const Request& request = exchange.request();
    const PlaceholderValues values{request.matched, request.target.query, request.target.has_query,
                                   request.target.authority, request.scheme};
    body = std::make_shared<const std::string>(
        fill_placeholders(rule_.body, values, escape_for(rule_.type)));
  }
  ResponseHead head(exchange.arena(), rule_.status);
  if (!body->empty()) head.add("Content-Type", type_);
  head.content_length = body->size();
  exchange.respond(head, &exchange.keep<MemorySource>(*body, body));
}

}  // namespace uvhttpd
