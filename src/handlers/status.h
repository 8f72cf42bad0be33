// SPDX-License-Identifier: MIT
// handlers/status.h: answers with what the server is doing.
#pragma once

#include "config/config.h"
#include "server/handler.h"
#include "server/runtime.h"

namespace uvhttpd {

// Unless it is public, only for clients on this machine that came here without another proxy: a
// proxy on this machine would make everybody a client of it.
class Status final : public Handler {
 public:
  Status(const config::StatusHandler& rule, const HandlerContext& context)
      : rule_(rule), activity_(context.activity), config_(context.config) {}
  void handle(Exchange& exchange) override;

 private:
  const config::StatusHandler& rule_;
  const Activity& activity_;
  const config::Config& config_;
};

// For a config::StatusHandler, which outlives the result.
Result<BuiltHandler> build_status(const config::Route& route, const HandlerContext& context);

}  // namespace uvhttpd
