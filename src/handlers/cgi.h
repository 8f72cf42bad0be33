// SPDX-License-Identifier: MIT
// handlers/cgi.h: answers by CGI/1.1 programs (RFC 3875).
#pragma once

#include <optional>

#include "handlers/cgi_program.h"
#include "handlers/cgi_run.h"
#include "server/runtime.h"

namespace uvhttpd {

// Finds the program, waits for a place where too many run, and leaves the rest to a CgiRun.
class Cgi final : public Handler {
 public:
  // The route's handler must be a config::CgiHandler; it outlives this.
  Cgi(const config::Route& route, CgiPrograms programs, CgiRights rights,
      const HandlerContext& context);
  void handle(Exchange& exchange) override;
  AnswerSource foresee(Exchange& exchange) override;

 private:
  // Nothing when the exchange has been failed: there is no program for it.
  std::optional<CgiProgram> find_program(Exchange& exchange);

  CgiPrograms programs_;
  CgiShared shared_;
};

// The route's handler must be a config::CgiHandler, which outlives the result. The error is a
// directory of programs that cannot be opened, or a user that programs cannot run as.
Result<BuiltHandler> build_cgi(const config::Route& route, const HandlerContext& context);

}  // namespace uvhttpd
