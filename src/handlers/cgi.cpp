// SPDX-License-Identifier: MIT
#include "handlers/cgi.h"

#include <utility>
#include <variant>

#include "base/text.h"
#include "server/exchange.h"

namespace uvhttpd {
namespace {

const std::string& document_root(const config::CgiHandler& settings, const config::Site& site) {
  return site.files.root.empty() ? settings.root : site.files.root;
}

}  // namespace

Cgi::Cgi(const config::CgiHandler& settings, CgiPrograms programs, const HandlerContext& context)
    : programs_(std::move(programs)),
      shared_(context.loop, context.log, settings, document_root(settings, context.site)) {}

void Cgi::handle(Exchange& exchange) {
  const Request& request = exchange.request();
  // PATH_INFO is decoded: the program could not tell such a slash from a real one.
  if (request.target.has_encoded_slash) return exchange.fail(404, {});
  auto program = programs_.find(request.target.path, request.matched);
  if (!program) {
    return exchange.fail(program.error().status, escape_for_log(program.error().reason));
  }
  const bool is_chunked = request.framing.body == http::Framing::Body::chunked;
  if (is_chunked && !shared_.settings.buffer_body) return exchange.fail(411, {});
  exchange.keep<CgiRun>(shared_, exchange, *std::move(program)).begin();
}

Result<BuiltHandler> build_cgi(const config::Route& route, const HandlerContext& context) {
  const auto& settings = std::get<config::CgiHandler>(route.handler);
  TRY_ASSIGN(CgiPrograms programs,
             CgiPrograms::open(route.path, settings, context.site.files.symlinks));
  BuiltHandler built;
  built.handler = std::make_unique<Cgi>(settings, std::move(programs), context);
  built.name = "cgi";
  built.executes = true;
  return built;
}

}  // namespace uvhttpd
