// SPDX-License-Identifier: MIT
// handlers/redirect.h: answers with another place to go to.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"
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

// Fills {path}, {query}, {host} and {scheme}. The query goes along unless `to` has one of its own.
struct RedirectValues {
  std::string_view path;  // percent-encoded
  std::string_view query;
  bool has_query = false;
  std::string_view host;
  std::string_view scheme;
};
std::string expand_redirect(std::string_view to, const RedirectValues& values);

}  // namespace uvhttpd
