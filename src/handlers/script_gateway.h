// SPDX-License-Identifier: MIT
// handlers/script_gateway.h: hands requests to programs that speak FastCGI or SCGI.
#pragma once

#include <optional>
#include <string>

#include "base/file.h"
#include "handlers/gateway_run.h"
#include "handlers/wire/script_path.h"
#include "server/runtime.h"

namespace uvhttpd {

class ScriptGateway final : public Handler {
 public:
  // `files` is absent where the scripts are on another machine, or there are none.
  ScriptGateway(const config::Route& route, const config::ScriptRules& rules,
                ScriptCodec::Protocol protocol, std::optional<Directory> files,
                const HandlerContext& context);
  void handle(Exchange& exchange) override;
  AnswerSource foresee(Exchange& exchange) override;

 private:
  // Whether the path is that of a directory with an index, without its slash: relative addresses
  // would mean other things to the client than to the index.
  bool needs_slash(const Exchange& exchange) const;
  // Nothing when the exchange has been answered: there is no script for it.
  std::optional<wire::ScriptPath> find_script(Exchange& exchange);
  wire::Variables variables_for(const Request& request, const wire::ScriptPath& script) const;
  std::string filename_of(const wire::ScriptPath& script) const;

  const config::Route& route_;
  const config::ScriptRules& rules_;
  const ScriptCodec::Protocol protocol_;
  std::optional<Directory> files_;
  const SymlinkPolicy symlinks_;
  const std::string document_root_;
  GatewayShared shared_;
};

// The route's handler must be a config::FastCgiHandler or config::ScgiHandler, which outlives the
// result. The error is a directory of scripts that cannot be opened.
Result<BuiltHandler> build_fastcgi(const config::Route& route, const HandlerContext& context);
Result<BuiltHandler> build_scgi(const config::Route& route, const HandlerContext& context);

}  // namespace uvhttpd
