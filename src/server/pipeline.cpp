// SPDX-License-Identifier: MIT
#include "server/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "io/tls_info.h"
#include "server/allow.h"
#include "server/connection.h"
#include "server/worker_context.h"

namespace uvhttpd {
namespace {

constexpr unsigned kClientGone = 499;  // in the access log only
constexpr std::string_view kHttps = "https";
constexpr std::string_view kChallenges = "/.well-known/acme-challenge/";

bool may_have_other_type(const ResponseHead& head) {
  if (head.status != 200 && head.status != 206) return false;
  return std::none_of(
      head.fields().begin(), head.fields().end(), [](const http::ResponseField& field) {
        return field.name == "Content-Type" && field.value.starts_with("multipart/byteranges");
      });
}

// Adds the operator's fields to those of the handler.
void configure(ResponseHead& head, std::span<const http::ResponseField> fields, bool is_additive) {
  for (const http::ResponseField& field : fields) {
    // The type of a file may be overridden, not that of a page of ours, or of what holds several
    // parts and must say how they are told apart.
    if (equals_ignoring_case(field.name, "Content-Type") && !may_have_other_type(head)) continue;
    // These two are lists to which every writer adds; of others there is one, and the operator's
    // counts.
    const bool is_list =
        equals_ignoring_case(field.name, "Vary") || equals_ignoring_case(field.name, "Set-Cookie");
    if (is_additive || is_list) {
      head.add(field.name, field.value);
    } else {
      head.set(field.name, field.value);
    }
  }
}

// Fields that are about the request's body or ask for something to happen with it.
bool is_about_content(const http::Field& field) {
  constexpr std::string_view kContent = "Content-";
  return equals_ignoring_case(field.name.substr(0, kContent.size()), kContent) ||
         field.known == http::FieldName::transfer_encoding ||
         field.known == http::FieldName::trailer || field.known == http::FieldName::expect;
}

http::FieldList without_content_fields(const http::FieldList& fields, Arena& arena) {
  const std::span<http::Field> kept = arena.make_array<http::Field>(fields.all().size());
  std::size_t count = 0;
  for (const http::Field& field : fields.all()) {
    if (!is_about_content(field)) kept[count++] = field;
  }
  return http::FieldList(kept.first(count));
}

// Also to who has shown credentials: they were wrong, and others may be right (RFC 9110 section
// 15.5.2).
constexpr std::size_t kLongestLoggedUser = 64;

void ask_for_credentials(Exchange& exchange) {
  const http::ResponseField challenge{"WWW-Authenticate", exchange.route().challenge};
  exchange.fail(401, {}, {&challenge, 1});
}

void ask_again_later(Exchange& exchange) {
  const std::string seconds = std::to_string(Authenticator::kRetryAfter.count());
  const http::ResponseField retry_after{"Retry-After", seconds};
  exchange.fail(503, {}, {&retry_after, 1});
}

// Who asks, if the password is theirs.
struct PendingUser {
  using Decided = void (*)(Exchange& exchange, std::string_view user,
                           Authenticator::Verdict verdict);
  PendingUser(Exchange& its_exchange, std::string_view whose, Decided on_decided)
      : exchange(its_exchange),
        user(whose),
        decided(on_decided),
        waiter(
            [](void* self, Authenticator::Verdict verdict) {
              const auto& pending = *static_cast<PendingUser*>(self);
              pending.decided(pending.exchange, pending.user, verdict);
            },
            this) {}

  Exchange& exchange;
  const std::string_view user;  // of the arena
  const Decided decided;
  Authenticator::Waiter waiter;
};

}  // namespace

void Pipeline::before(Exchange& exchange) {
  if (!read_target(exchange)) return;
  if (!find_site(exchange)) return;
  if (redirect_to_https(exchange)) return;
  if (!check_client_certificate(exchange)) return;
  if (answer_for_server(exchange)) return;
  if (answer_preflight(exchange)) return;
  handle(exchange);
}

// What a request within the server goes through, too.
void Pipeline::handle(Exchange& exchange) {
  if (!find_route(exchange)) return;
  if (!check_client(exchange)) return;
  if (!check_rate(exchange)) return;
  if (!authenticate(exchange)) return;
  finish_handling(exchange);
}

// The part that may have to wait until it is known who asks.
void Pipeline::finish_handling(Exchange& exchange) {
  if (!check_body(exchange)) return;
  exchange.checkpoint_ = Checkpoint::handler;
  exchange.route_->handler->handle(exchange);
}

bool Pipeline::redirect(Exchange& exchange, std::string_view target) {
  if (!target.starts_with('/')) return false;
  Request& request = exchange.request_;
  http::RequestHead head = request.head;
  if (head.method != http::Method::head) {
    head.method = http::Method::get;
    head.method_text = "GET";
  }
  head.target = exchange.arena_.copy(target);
  head.fields = without_content_fields(head.fields, exchange.arena_);
  auto parsed = http::parse_target(head, exchange.arena_);
  if (!parsed) return false;
  // The client's own target may have named another host than its Host field.
  parsed->authority = request.target.authority;
  parsed->host = request.target.host;
  request.head = head;
  request.target = *parsed;
  request.matched = {};
  request.framing = {.keep_alive = request.framing.keep_alive};
  exchange.route_ = nullptr;
  exchange.answered_path_ = {};
  exchange.sink_ = nullptr;
  ++exchange.internal_redirects_;
  handle(exchange);
  return true;
}

void Pipeline::pass_on(Exchange& exchange, std::string_view path) {
  Request& request = exchange.request_;
  request.target.path = exchange.arena_.copy(path);
  request.matched = {};
  exchange.route_ = nullptr;
  exchange.answered_path_ = {};
  ++exchange.passes_;
  handle(exchange);
}

bool Pipeline::read_target(Exchange& exchange) {
  auto target = http::parse_target(exchange.request_.head, exchange.arena_);
  if (!target) {
    exchange.connection_->refuse(target.error());
    return false;
  }
  exchange.request_.target = *target;
  return true;
}

bool Pipeline::find_site(Exchange& exchange) {
  exchange.checkpoint_ = Checkpoint::site;
  exchange.site_ = exchange.runtime_->find_site(exchange.request_.target.host);
  if (exchange.site_ != nullptr) return true;
  exchange.fail(421, {});
  return false;
}

// A challenge of a certificate authority (RFC 8555 section 8.3), and a route that answers those:
// with files, or because it is for this. Whatever answers for all paths of an application does not.
bool Pipeline::is_challenge(const Exchange& exchange) {
  const Request& request = exchange.request_;
  if (!request.target.path.starts_with(kChallenges)) return false;
  const RouteRuntime* route =
      choose_route(*exchange.site_, request.target.path, request.head.method_text).route;
  return route != nullptr && (route->handler_name == "static" ||
                              route->config->path.text.starts_with(http::kWellKnown));
}

// But for challenges: before the first certificate there is nothing to redirect to.
bool Pipeline::redirect_to_https(Exchange& exchange) {
  exchange.checkpoint_ = Checkpoint::https;
  const Request& request = exchange.request_;
  const SiteRuntime& site = *exchange.site_;
  if (!site.config->redirect_https || request.scheme == kHttps) return false;
  if (request.target.path == "*" || is_challenge(exchange)) return false;
  if (request.target.host.empty()) {
    exchange.fail(400, {});
    return true;
  }
  const http::Method method = request.head.method;
  const bool is_safe = method == http::Method::get || method == http::Method::head;
  const std::string location = fmt::format(
      "https://{}{}{}{}{}", request.target.host, exchange.runtime_->https_port(request.server),
      request.target.raw_path, request.target.has_query ? "?" : "", request.target.query);
  ResponseHead head(exchange.arena(), is_safe ? 301 : 308);
  head.add("Location", exchange.arena().copy(location));
  head.content_length = 0;
  exchange.respond(head, nullptr);
  return true;
}

// A connection was let in by the rules of the site that its client named when it began (RFC 6066
// section 3); what another site asks of certificates nobody has looked at.
bool Pipeline::check_client_certificate(Exchange& exchange) {
  exchange.checkpoint_ = Checkpoint::certificate;
  const std::optional<config::Tls>& rules = exchange.site_->config->tls;
  if (!rules || rules->client_ca.empty()) return true;
  const TlsInfo* tls = exchange.request_.tls;
  if (tls == nullptr) {
    // The authority that renews the site's own certificate has none of this kind.
    const bool is_let_in = exchange.site_->config->redirect_https && is_challenge(exchange);
    if (!rules->client_required || is_let_in) return true;
    exchange.fail(403, {});
    return false;
  }
  if (tls->client_ca != rules->client_ca) {
    exchange.fail(421, {});
    return false;
  }
  if (tls->has_client_certificate) exchange.request_.certificate = tls;
  if (tls->has_client_certificate || !rules->client_required) return true;
  exchange.fail(403, {});
  return false;
}

// Requests that are for no resource: OPTIONS *, and the methods that no route may have.
bool Pipeline::answer_for_server(Exchange& exchange) {
  exchange.checkpoint_ = Checkpoint::server;
  const http::Method method = exchange.request_.head.method;
  if (method == http::Method::options && exchange.request_.target.path == "*") {
    respond_with_allow(exchange, kAllMethods);
    return true;
  }
  if (method == http::Method::trace || method == http::Method::connect) {
    const http::ResponseField allow{"Allow", "GET, HEAD, OPTIONS"};
    exchange.fail(405, {}, {&allow, 1});
    return true;
  }
  return false;
}

// For the route that would get the request which the browser asks about.
bool Pipeline::answer_preflight(Exchange& exchange) {
  exchange.checkpoint_ = Checkpoint::preflight;
  const Request& request = exchange.request_;
  if (!CorsRules::is_preflight(request)) return false;
  const std::string_view method =
      *request.head.fields.value(http::FieldName::access_control_request_method);
  const RouteChoice choice = choose_route(*exchange.site_, request.target.path, method);
  // Where no route takes that method, the site's rules let the refusal be read.
  const std::optional<CorsRules>& cors =
      choice.route != nullptr ? choice.route->cors : exchange.site_->cors;
  if (!cors) return false;
  exchange.route_ = choice.route;
  if (!check_client(exchange)) return true;
  exchange.checkpoint_ = Checkpoint::preflight;
  ResponseHead head(exchange.arena());
  cors->answer_preflight(request, head);
  exchange.respond(head, nullptr);
  return true;
}

bool Pipeline::find_route(Exchange& exchange) {
  exchange.checkpoint_ = Checkpoint::route;
  const std::string_view path = exchange.request_.target.path;
  const RouteChoice choice =
      choose_route(*exchange.site_, path, exchange.request_.head.method_text);
  if (choice.route != nullptr) {
    exchange.route_ = choice.route;
    exchange.request_.matched = choice.matched;
    if (!leads_elsewhere(exchange, *choice.route)) return true;
    exchange.log().debug(exchange.id(), "refused with 400: path parameters lead to another route");
    exchange.fail(400, {});
    return false;
  }
  if (!choice.allowed.empty() && find_route_instead(exchange)) return true;
  // Who is not let in learns nothing of what there is. The first route of the path says who is.
  if (!choice.allowed.empty()) exchange.route_ = first_of_path(exchange);
  if (!check_client(exchange) || !check_rate(exchange)) return false;
  exchange.route_ = nullptr;
  exchange.checkpoint_ = Checkpoint::route;
  if (choice.allowed.empty()) {
    exchange.fail(404, {});
    return false;
  }
  const std::string_view allow = allow_value(choice.allowed, exchange.arena_);
  if (exchange.request_.head.method == http::Method::options) {
    respond_with_allow(exchange, allow);
  } else {
    const http::ResponseField field{"Allow", allow};
    exchange.fail(405, {}, {&field, 1});
  }
  return false;
}

bool let_the_same_in(const config::Route& one, const config::Route& other) {
  return one.auth == other.auth && one.access.allow == other.access.allow &&
         one.access.deny == other.access.deny;
}

// To servlet containers "/admin;a/b" is "/admin/b", of which another route may say who is let in.
// "/app/a.css;jsessionid=1" is a file of theirs, though the server has files of that kind, too.
bool Pipeline::leads_elsewhere(Exchange& exchange, const RouteRuntime& route) {
  const http::Target& target = exchange.request_.target;
  if (route.handler_name != "proxy" || target.raw_path.find(';') == std::string_view::npos) {
    return false;
  }
  bool has_encoded_slash = false;
  const auto path = http::normalize_path(http::without_parameters(target.raw_path, exchange.arena_),
                                         exchange.arena_, has_encoded_slash);
  if (!path) return true;
  const RouteRuntime* other =
      choose_route(*exchange.site_, *path, exchange.request_.head.method_text).route;
  const bool is_harmless = other != nullptr && other->handler_name != "respond" &&
                           other->config->path.kind == config::PathPattern::Kind::extension &&
                           let_the_same_in(*other->config, *route.config);
  return other != &route && !is_harmless;
}

// Of the routes that have the path but do not take the method.
const RouteRuntime* Pipeline::first_of_path(const Exchange& exchange) {
  const SiteRuntime& site = *exchange.site_;
  std::vector<RouteVerdict> verdicts;
  choose_route(site, exchange.request_.target.path, exchange.request_.head.method_text, verdicts);
  const auto found = std::find(verdicts.begin(), verdicts.end(), RouteVerdict::other_method);
  return found == verdicts.end() ? nullptr
                                 : &site.routes[static_cast<std::size_t>(found - verdicts.begin())];
}

// A directory that none of its routes takes the method for: its index may be a program that does.
bool Pipeline::find_route_instead(Exchange& exchange) {
  const std::string_view path = exchange.request_.target.path;
  if (!path.ends_with('/')) return false;
  const SiteRuntime& site = *exchange.site_;
  std::vector<RouteVerdict> verdicts;
  choose_route(site, path, exchange.request_.head.method_text, verdicts);
  for (std::size_t i = 0; i < site.routes.size(); ++i) {
    if (verdicts[i] != RouteVerdict::other_method) continue;
    const RouteRuntime& route = site.routes[i];
    exchange.route_ = &route;
    path_matches(route.config->path, path, route.executes, exchange.request_.matched);
    if (!route.handler->path_instead(exchange).empty()) return true;
  }
  exchange.route_ = nullptr;
  exchange.request_.matched = {};
  return false;
}

// Without a route the site's rules count, here and below.
bool Pipeline::check_client(Exchange& exchange) {
  exchange.checkpoint_ = Checkpoint::client;
  const RouteRuntime* route = exchange.route_;
  const AccessRules& rules = route != nullptr ? route->access : exchange.site_->access;
  const PeerAddress& client = exchange.request_.client;
  if (rules.judge(client).lets_in) return true;
  exchange.log().debug(exchange.id(), "allow and deny do not let {} in", client.text());
  exchange.fail(403, {});
  return false;
}

// A request that is sent on within the server is not counted again by the limit that did so last.
bool Pipeline::check_rate(Exchange& exchange) {
  exchange.checkpoint_ = Checkpoint::rate;
  const RouteRuntime* route = exchange.route_;
  RateLimiter* limiter =
      (route != nullptr ? route->rate_limiter : exchange.site_->rate_limiter).get();
  if (limiter == nullptr || limiter == exchange.counted_by_) return true;
  exchange.counted_by_ = limiter;
  WorkerContext& context = exchange.connection_->context();
  const Request& request = exchange.request_;
  const std::chrono::seconds wait = limiter->take(limiter->key_of(request), context.loop.now());
  if (wait == std::chrono::seconds{0}) return true;
  context.refusal_log.add(limiter->refusals(), request.client);
  const std::string seconds = std::to_string(wait.count());
  const http::ResponseField retry_after{"Retry-After", seconds};
  exchange.fail(429, {}, {&retry_after, 1});
  return false;
}

// False when the exchange has been answered, or goes on when the password has been checked.
bool Pipeline::authenticate(Exchange& exchange) {
  exchange.checkpoint_ = Checkpoint::user;
  Request& request = exchange.request_;
  // Another route's user is nobody to this one.
  request.user = {};
  Authenticator* authenticator = exchange.route_->authenticator;
  if (authenticator == nullptr) return true;
  const auto credentials = http::basic_credentials(request.head.fields);
  if (!credentials) {
    ask_for_credentials(exchange);
    return false;
  }
  auto& pending = exchange.keep<PendingUser>(exchange, exchange.arena_.copy(credentials->user),
                                             &Pipeline::on_authenticated);
  const Authenticator::Verdict verdict =
      authenticator->check(*credentials, request.client, pending.waiter);
  return verdict != Authenticator::Verdict::later && accept_user(exchange, pending.user, verdict);
}

void Pipeline::on_authenticated(Exchange& exchange, std::string_view user,
                                Authenticator::Verdict verdict) {
  if (exchange.has_responded()) return;
  if (accept_user(exchange, user, verdict)) finish_handling(exchange);
}

// False when the exchange has been answered.
bool Pipeline::accept_user(Exchange& exchange, std::string_view user,
                           Authenticator::Verdict verdict) {
  Request& request = exchange.request_;
  switch (verdict) {
    case Authenticator::Verdict::right: request.user = user; return true;
    case Authenticator::Verdict::wrong:
      // Checks are few at a time, and so are these lines.
      exchange.log().info("auth", "{}: wrong user or password, as \"{}\" (request {})",
                          request.client.text(), escape_for_log(user.substr(0, kLongestLoggedUser)),
                          exchange.id());
      ask_for_credentials(exchange);
      return false;
    case Authenticator::Verdict::wrong_again: ask_for_credentials(exchange); return false;
    case Authenticator::Verdict::overloaded:
      exchange.connection_->context().refusal_log.add(exchange.route_->authenticator->refusals(),
                                                      request.client);
      ask_again_later(exchange);
      return false;
    case Authenticator::Verdict::later: break;
  }
  ASSERT(false && "a verdict that is none");
  return false;
}

bool Pipeline::check_body(Exchange& exchange) {
  exchange.checkpoint_ = Checkpoint::body;
  // Where another route answers in the place of this one, its limit counts.
  if (!exchange.route_->takes(exchange.request_.head.method_text)) return true;
  if (exchange.request_.framing.length <= exchange.route_->config->body_bytes) return true;
  exchange.fail(413, {});
  return false;
}

void Pipeline::after(Exchange& exchange) {
  const RouteRuntime* route = exchange.route_;
  const SiteRuntime* site = exchange.site_;
  ResponseHead& head = *exchange.response_;
  if (route == nullptr && site == nullptr) return;
  // What nobody else writes need not be looked for before it is added.
  bool is_additive = route != nullptr && route->headers_are_additive;
  for (const HeaderLayer& layer : route != nullptr ? route->headers : site->headers) {
    std::string_view matched;
    const bool takes = layer.pattern == nullptr ||
                       path_matches(*layer.pattern, exchange.answered_path(), false, matched);
    if (takes) configure(head, layer.fields, std::exchange(is_additive, false));
  }
  if (site != nullptr && site->config->tls && exchange.request_.scheme == kHttps) {
    const std::string& hsts = site->config->tls->hsts;
    if (!hsts.empty()) head.set("Strict-Transport-Security", hsts);
  }
  const std::optional<CorsRules>& cors = route != nullptr ? route->cors : site->cors;
  if (cors && !CorsRules::is_preflight(exchange.request_)) {
    cors->annotate(exchange.request_, head);
  }
}

void Pipeline::log(Exchange& exchange, WorkerContext& context, std::uint64_t body_bytes,
                   bool responded) {
  const bool has_status = responded && exchange.response_;
  context.figures.count_end(has_status ? exchange.response_->status : 0);
  if (context.observer.on_end != nullptr) context.observer.on_end(context.observer.owner, exchange);
  if (!context.access_log.is_on()) return;
  if (exchange.route_ != nullptr && !exchange.route_->config->access_log) return;
  const Request& request = exchange.request_;
  AccessRecord record;
  record.client = &request.client;
  // Of the client's own request, also when another was handled in its place.
  const http::RequestHead& asked =
      exchange.internal_redirects_ > 0 ? exchange.connection_->parser().head() : request.head;
  record.method = asked.method_text;
  record.target = asked.target;
  record.host = request.target.host;
  record.version = asked.version_text;
  record.status = has_status ? exchange.response_->status : kClientGone;
  record.bytes = body_bytes;
  record.elapsed = context.loop.now() - exchange.started_;
  if (exchange.site_ != nullptr) record.site = exchange.site_->name;
  if (exchange.route_ != nullptr) {
    record.route = exchange.route_->config->path.text;
    record.handler = exchange.route_->handler_name;
  }
  record.referer = request.head.fields.value(http::FieldName::referer).value_or("");
  record.user_agent = request.head.fields.value(http::FieldName::user_agent).value_or("");
  record.user = request.user;
  record.request_id = exchange.id();
  context.access_log.write(record);
}

}  // namespace uvhttpd
