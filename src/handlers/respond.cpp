// SPDX-License-Identifier: MIT
#include "handlers/respond.h"

#include "handlers/file_source.h"
#include "server/exchange.h"

namespace uvhttpd {

Result<BuiltHandler> Respond::build(const config::Route& route, const HandlerContext&) {
  return BuiltHandler{std::make_unique<Respond>(std::get<config::RespondHandler>(route.handler)),
                      "respond",
                      {},
                      false};
}

Respond::Respond(const config::RespondHandler& rule)
    : rule_(rule), body_(std::make_shared<const std::string>(rule.body)) {}

void Respond::handle(Exchange& exchange) {
  ResponseHead head(exchange.arena(), rule_.status);
  if (!body_->empty()) head.add("Content-Type", rule_.type);
  head.content_length = body_->size();
  exchange.respond(head, &exchange.keep<MemorySource>(*body_, body_));
}

}  // namespace uvhttpd
