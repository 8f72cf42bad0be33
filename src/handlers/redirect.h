// SPDX-License-Identifier: MIT
// handlers/redirect.h: answers with another place to go to.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"
#include "handlers/placeholders.h"
#include "server/handler.h"
#include "server/runtime.h"

namespace uvhttpd {

class Redirect final : public Handler {
 public:
  // For a config::RedirectHandler.
  static Result<BuiltHandler> build(const config::Route& route, const HandlerContext& context);

  explicit Redirect(const config::RedirectHandler& rule) : rule_(rule) {}
  void handle(Exchange& exchange) override;

 private:
  const config::RedirectHandler& rule_;
};

// The query goes along unless `to` has one of its own. The path is percent-encoded.
std::string expand_redirect(std::string_view to, const PlaceholderValues& values);

// To the same path with a slash at its end, for good: 301 for GET and HEAD, 308 for the methods
// that must stay what they are.
void redirect_to_directory(Exchange& exchange);

}  // namespace uvhttpd
