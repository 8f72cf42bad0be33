// SPDX-License-Identifier: MIT
#include "handlers/cgi.h"

#include <utility>
#include <variant>

#include "base/text.h"
#include "server/exchange.h"

namespace uvhttpd {
namespace {

const config::CgiHandler& settings_of(const config::Route& route) {
  return std::get<config::CgiHandler>(route.handler);
}

const std::string& document_root(const config::CgiHandler& settings, const config::Site& site) {
  return site.files.root.empty() ? settings.root : site.files.root;
}

}  // namespace

Cgi::Cgi(const config::Route& route, CgiPrograms programs, CgiRights rights,
         const HandlerContext& context)
    : programs_(std::move(programs)),
      shared_(context.loop, context.log, context.activity, settings_of(route),
              context.activity.places(route_identity(context.site, route),
                                      settings_of(route).max_running),
              document_root(settings_of(route), context.site), std::move(rights)) {}

std::optional<CgiProgram> Cgi::find_program(Exchange& exchange) {
  const Request& request = exchange.request();
  // PATH_INFO is decoded (RFC 3875 section 4.1.5).
  if (request.target.has_encoded_slash && !shared_.settings.encoded_slashes) {
    exchange.fail(
        404, "encoded_slashes: the path has %2F, which the program could not tell from a slash");
    return std::nullopt;
  }
  auto program = programs_.find(request.target.path, request.matched);
  if (!program) {
    exchange.fail(program.error().status, escape_for_log(program.error().reason));
    return std::nullopt;
  }
  return *std::move(program);
}

void Cgi::handle(Exchange& exchange) {
  std::optional<CgiProgram> program = find_program(exchange);
  if (program) exchange.keep<CgiRun>(shared_, exchange, *std::move(program)).begin();
}

AnswerSource Cgi::foresee(Exchange& exchange) {
  const std::optional<CgiProgram> program = find_program(exchange);
  if (!program) return {};
  AnswerSource source{program->filename, {}};
  if (!program->interpreter.empty()) source.details = "run by " + program->interpreter;
  if (!program->path_info.empty()) {
    source.details += source.details.empty() ? "" : ", ";
    source.details += "with PATH_INFO " + program->path_info;
  }
  return source;
}

Result<BuiltHandler> build_cgi(const config::Route& route, const HandlerContext& context) {
  const config::CgiHandler& settings = settings_of(route);
  TRY_ASSIGN(CgiPrograms programs,
             CgiPrograms::open(route.path, settings, context.site.files.symlinks));
  auto identity = identity_of(settings.user, settings.group);
  if (!identity) {
    return Unexpected(
        std::move(identity).error().with_context("the route \"" + route.path.text + "\""));
  }
  TRY_ASSIGN(CgiConfinement confinement,
             CgiConfinement::prepare(settings, identity->has_value(),
                                     document_root(settings, context.site), context.config));
  BuiltHandler built;
  built.handler =
      std::make_unique<Cgi>(route, std::move(programs),
                            CgiRights{*std::move(identity), context.config.program_descriptors,
                                      ignored_signals(), std::move(confinement)},
                            context);
  built.name = "cgi";
  built.executes = true;
  return built;
}

}  // namespace uvhttpd
