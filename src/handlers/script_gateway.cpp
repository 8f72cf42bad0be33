// SPDX-License-Identifier: MIT
#include "handlers/script_gateway.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <variant>
#include <vector>

#include "base/text.h"
#include "handlers/proxy.h"
#include "handlers/redirect.h"
#include "server/site.h"
#include "server/symlink_policy.h"

namespace uvhttpd {
namespace {

// Nothing that the client could learn from, but for a lack of rights or of means.
http::Status status_of(const Error& error) {
  switch (error.os_error) {
    case EACCES: return 403;
    case EMFILE:
    case ENFILE:
    case ENOMEM: return 503;
    default: return 404;
  }
}

bool is_worth_a_line(const Error& error) {
  return error.os_error != ENOENT && error.os_error != ENOTDIR && error.os_error != ENAMETOOLONG;
}

}  // namespace

ScriptGateway::ScriptGateway(const config::Route& route, const config::ScriptRules& rules,
                             ScriptCodec::Protocol protocol, std::optional<Directory> files,
                             const HandlerContext& context)
    : route_(route),
      rules_(rules),
      protocol_(protocol),
      files_(std::move(files)),
      symlinks_(symlink_policy(context.site.files.symlinks)),
      document_root_(context.site.files.root.empty() ? rules.root : context.site.files.root),
      // A PHP process serves the connection that it has taken, and no other.
      shared_(context, route, rules.pool, HealthCheck::Kind::connect,
              protocol == ScriptCodec::Protocol::fastcgi) {}

bool ScriptGateway::needs_slash(const Exchange& exchange) const {
  const Request& request = exchange.request();
  const std::string_view path = request.target.path;
  if (!files_) return false;
  const std::vector<wire::ScriptPath> indexes =
      wire::find_indexes(rules_, route_.path, path, request.matched);
  if (indexes.empty()) return false;
  const std::string& first = indexes.front().file;
  const Result<OpenedFile> directory =
      files_->locate_below(first.substr(0, first.rfind('/') + 1), symlinks_);
  if (!directory || !directory->info.is_directory()) return false;
  const bool has_index =
      std::any_of(indexes.begin(), indexes.end(), [this](const wire::ScriptPath& index) {
        const Result<OpenedFile> file = files_->locate_below(index.file, symlinks_);
        return file && file->info.is_regular();
      });
  if (!has_index) return false;
  // Another route may have the directory's own path.
  const RouteChoice choice =
      choose_route(*exchange.site(), std::string(path) + "/", request.head.method_text);
  return choice.route == &exchange.route();
}

std::optional<wire::ScriptPath> ScriptGateway::find_script(Exchange& exchange) {
  const Request& request = exchange.request();
  // PATH_INFO is decoded (RFC 3875 section 4.1.5).
  if (request.target.has_encoded_slash && !rules_.encoded_slashes) {
    exchange.fail(
        404, "encoded_slashes: the path has %2F, which the program could not tell from a slash");
    return std::nullopt;
  }
  std::vector<wire::ScriptPath> candidates =
      wire::find_scripts(rules_, route_.path, request.target.path, request.matched);
  if (files_) files_->reopen_if_replaced();
  if (!candidates.empty() && needs_slash(exchange)) {
    redirect_to_directory(exchange);
    return std::nullopt;
  }
  http::Status status = 404;
  for (wire::ScriptPath& candidate : candidates) {
    if (!files_ || candidate.file.empty()) return std::move(candidate);
    const Result<OpenedFile> file = files_->locate_below(candidate.file, symlinks_);
    if (file && file->info.is_regular()) return std::move(candidate);
    if (file) continue;
    status = status_of(file.error());
    if (!is_worth_a_line(file.error())) continue;
    exchange.fail(status, escape_for_log(file.error().message));
    return std::nullopt;
  }
  exchange.fail(status, {});
  return std::nullopt;
}

std::string ScriptGateway::filename_of(const wire::ScriptPath& script) const {
  if (script.file.empty()) return {};
  return rules_.root.ends_with('/') ? rules_.root + script.file : rules_.root + "/" + script.file;
}

wire::Variables ScriptGateway::variables_for(const Request& request,
                                             const wire::ScriptPath& script) const {
  return wire::merged(wire::meta_variables({
                          .head = request.head,
                          .target = request.target,
                          .client = request.client,
                          .server = request.server,
                          .script_name = script.script_name,
                          .path_info = script.path_info,
                          .script_filename = filename_of(script),
                          .document_root = document_root_,
                          .body_bytes = std::nullopt,  // the codec knows it
                          // The password that `auth` asked for was for us.
                          .pass_authorization = rules_.pass_authorization && request.user.empty(),
                          .peer_is_trusted = request.peer_is_trusted,
                          .scheme = request.scheme,
                          .auth_type = request.auth_type(),
                          .remote_user = request.user,
                          .tls = request.tls,
                          .certificate = request.certificate,
                      }),
                      rules_.params);
}

void ScriptGateway::handle(Exchange& exchange) {
  const std::optional<wire::ScriptPath> script = find_script(exchange);
  if (!script) return;
  const bool is_hashed = rules_.pool.balance == config::Balance::hash;
  const std::string_view key =
      is_hashed ? hash_key_of(rules_.pool.hash_key, exchange) : std::string_view{};
  exchange
      .keep<GatewayRun>(shared_, exchange,
                        ScriptCodec(protocol_, exchange, variables_for(exchange.request(), *script),
                                    rules_.pool.keep_alive > 0),
                        key, TunnelRules{})
      .begin();
}

AnswerSource ScriptGateway::foresee(Exchange& exchange) {
  const std::optional<wire::ScriptPath> script = find_script(exchange);
  if (!script) return {};
  AnswerSource source{filename_of(*script), {}, names_of(rules_.pool.upstreams)};
  if (!script->path_info.empty()) source.details = "with PATH_INFO " + script->path_info;
  return source;
}

namespace {

Result<BuiltHandler> build(const config::Route& route, const config::ScriptRules& rules,
                           ScriptCodec::Protocol protocol, const HandlerContext& context) {
  std::optional<Directory> files;
  if (rules.local_files && !rules.root.empty() && !rules.split.empty()) {
    TRY_ASSIGN(files, Directory::open(rules.root));
  }
  BuiltHandler built;
  built.executes = !rules.root.empty() && !rules.split.empty();
  built.asks_others = true;
  built.handler =
      std::make_unique<ScriptGateway>(route, rules, protocol, std::move(files), context);
  return built;
}

}  // namespace

Result<BuiltHandler> build_fastcgi(const config::Route& route, const HandlerContext& context) {
  const config::ScriptRules& rules = std::get<config::FastCgiHandler>(route.handler).script;
  TRY_ASSIGN(BuiltHandler built, build(route, rules, ScriptCodec::Protocol::fastcgi, context));
  built.name = "fastcgi";
  return built;
}

Result<BuiltHandler> build_scgi(const config::Route& route, const HandlerContext& context) {
  const config::ScriptRules& rules = std::get<config::ScgiHandler>(route.handler).script;
  TRY_ASSIGN(BuiltHandler built, build(route, rules, ScriptCodec::Protocol::scgi, context));
  built.name = "scgi";
  return built;
}

}  // namespace uvhttpd
