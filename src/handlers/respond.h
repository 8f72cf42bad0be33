// SPDX-License-Identifier: MIT
// handlers/respond.h: a fixed answer from the configuration.
#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "server/handler.h"
#include "server/runtime.h"

namespace uvhttpd {

class Respond final : public Handler {
 public:
  // For a config::RespondHandler.
  static Result<BuiltHandler> build(const config::Route& route, const HandlerContext& context);

  explicit Respond(const config::RespondHandler& rule);
  void handle(Exchange& exchange) override;

 private:
  const config::RespondHandler& rule_;
  std::string type_;
  bool has_placeholders_ = false;
  std::shared_ptr<const std::string> body_;
};

}  // namespace uvhttpd
