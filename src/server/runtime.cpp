// SPDX-License-Identifier: MIT
#include "server/runtime.h"

#include <algorithm>

#include "base/text.h"

namespace uvhttpd {
namespace {

// Fields that handlers write, and that a configured field of the same name replaces.
constexpr std::string_view kHandlerFields[] = {
    "accept-ranges",    "allow",         "cache-control", "content-encoding",
    "content-location", "content-range", "content-type",  "etag",
    "last-modified",    "location",      "retry-after",   "vary",
};

bool is_handler_field(std::string_view name) {
  return std::any_of(std::begin(kHandlerFields), std::end(kHandlerFields),
                     [&](std::string_view known) { return equals_ignoring_case(known, name); });
}

// Fields without a pattern in neighbouring layers become one.
void append_layer(std::vector<HeaderLayer>& layers, const config::Fields& fields) {
  if (fields.empty()) return;
  if (layers.empty() || layers.back().pattern != nullptr) layers.emplace_back();
  std::vector<http::ResponseField>& into = layers.back().fields;
  for (const auto& [name, value] : fields) {
    std::erase_if(into, [&name = name](const http::ResponseField& field) {
      return equals_ignoring_case(field.name, name);
    });
  }
  for (const auto& [name, value] : fields) into.push_back({name, value});
}

// What a site or a route says of fields: `headers` and `headers_by_path`.
template <class Table>
void append_headers(std::vector<HeaderLayer>& layers, const Table& table) {
  append_layer(layers, table.headers);
  for (const config::PatternFields& each : table.headers_by_path) {
    HeaderLayer& added = layers.emplace_back();
    added.pattern = &each.path;
    for (const auto& [name, value] : each.fields) added.fields.push_back({name, value});
  }
}

constexpr std::uint16_t kHttpsPort = 443;

bool has_handler_field(const std::vector<http::ResponseField>& fields) {
  return std::any_of(fields.begin(), fields.end(),
                     [](const http::ResponseField& field) { return is_handler_field(field.name); });
}

std::vector<std::string> common_methods(const std::vector<std::string>& configured,
                                        const std::vector<std::string>& handled) {
  if (configured.empty()) return handled;
  if (handled.empty()) return configured;
  std::vector<std::string> common;
  for (const std::string& method : configured) {
    if (std::find(handled.begin(), handled.end(), method) != handled.end())
      common.push_back(method);
  }
  return common;
}

// Routes that have the site's limit count together.
std::shared_ptr<RateLimiter> limiter_of(const config::Route& route, const SiteRuntime& site,
                                        RateLimiters& limiters) {
  if (!route.rate_limit) return nullptr;
  if (route.rate_limit == site.config->rate_limit) return site.rate_limiter;
  std::string name = site.name + " ";
  for (const std::string& method : route.methods) name += method + " ";
  return limiters.get(name + route.path.text, *route.rate_limit);
}

Result<RouteRuntime> build_route(const config::Route& route, const config::Site& site,
                                 BuildHandler build_handler, const HandlerContext& context) {
  TRY_ASSIGN(BuiltHandler built, build_handler(route, context));
  RouteRuntime runtime;
  runtime.config = &route;
  runtime.handler = std::move(built.handler);
  runtime.handler_name = std::move(built.name);
  runtime.executes = built.executes;
  runtime.asks_others = built.asks_others;
  runtime.methods = common_methods(route.methods, built.methods);
  const auto& methods = runtime.methods;
  // None would mean all.
  if (methods.empty() && !route.methods.empty()) {
    return Unexpected(Error{"the route \"" + route.path.text +
                                "\" names no method that the handler \"" + runtime.handler_name +
                                "\" takes",
                            0});
  }
  // RFC 9110 section 9.1 wants both of every server.
  if (std::find(methods.begin(), methods.end(), "GET") != methods.end() &&
      std::find(methods.begin(), methods.end(), "HEAD") == methods.end()) {
    runtime.methods.push_back("HEAD");
  }
  append_headers(runtime.headers, site);
  append_headers(runtime.headers, route);
  if (route.cors) runtime.cors.emplace(*route.cors, runtime.methods);
  runtime.access = AccessRules(route.access);
  runtime.headers_are_additive =
      !runtime.executes && !runtime.asks_others &&
      std::none_of(runtime.headers.begin(), runtime.headers.end(),
                   [](const HeaderLayer& layer) { return has_handler_field(layer.fields); });
  return runtime;
}

Result<void> check_keys_are_unpublished(const config::Config& config, const PublishedRoots& roots) {
  for (const config::Site& site : config.sites) {
    if (!site.tls) continue;
    for (const config::KeyPair& pair : site.tls->key_pairs) {
      TRY(roots.check_is_unpublished(pair.key, "a private key"));
    }
  }
  return {};
}

}  // namespace

std::string route_identity(const config::Site& site, const config::Route& route) {
  // No host is empty: the default site is not one of that name.
  std::string identity = site.hosts.empty() ? std::string() : site.hosts.front();
  for (const std::string& method : route.methods) identity += " " + method;
  return identity + " " + route.path.text;
}

Result<std::shared_ptr<Runtime>> Runtime::build(std::shared_ptr<const config::Config> config,
                                                BuildHandler build_handler, EventLoop& loop,
                                                Log& log, Activity& activity, unsigned workers,
                                                bool serves, RateLimiters* rate_limiters,
                                                SharedObjects* lasting) {
  std::shared_ptr<Runtime> runtime(new Runtime(std::move(config)));
  const PublishedRoots roots(*runtime->config_);
  TRY(check_keys_are_unpublished(*runtime->config_, roots));
  runtime->find_https_ports();
  SharedObjects shared;
  for (const config::Site& site : runtime->config_->sites) {
    auto built = std::make_unique<SiteRuntime>();
    built->config = &site;
    built->name = site.hosts.empty() ? "default" : site.hosts.front();
    built->error_pages = std::make_unique<ErrorPages>(*runtime->config_, site);
    append_headers(built->headers, site);
    if (site.cors) built->cors.emplace(*site.cors, std::vector<std::string>{});
    built->access = AccessRules(site.access);
    if (rate_limiters != nullptr && site.rate_limit) {
      built->rate_limiter = rate_limiters->get(built->name, *site.rate_limit);
    }
    const HandlerContext context{loop,     log,     *runtime->config_,
                                 site,     shared,  lasting == nullptr ? shared : *lasting,
                                 activity, workers, serves};
    for (const config::Route& route : site.routes) {
      TRY_ASSIGN(RouteRuntime route_runtime, build_route(route, site, build_handler, context));
      if (rate_limiters != nullptr) {
        route_runtime.rate_limiter = limiter_of(route, *built, *rate_limiters);
      }
      TRY(runtime->protect(route_runtime, roots, loop, log));
      built->routes.push_back(std::move(route_runtime));
    }
    for (const std::string& host : site.hosts) {
      if (host.starts_with("*.")) {
        runtime->wildcard_.emplace(host.substr(1), built.get());
      } else {
        runtime->exact_.emplace(host, built.get());
      }
    }
    if (site.hosts.empty()) runtime->default_site_ = built.get();
    runtime->sites_.push_back(std::move(built));
  }
  return runtime;
}

Result<void> Runtime::protect(RouteRuntime& route, const PublishedRoots& roots, EventLoop& loop,
                              Log& log) {
  const std::optional<config::Auth>& auth = route.config->auth;
  if (!auth) return {};
  std::unique_ptr<Authenticator>& authenticator = authenticators_[auth->users];
  if (!authenticator) {
    TRY(roots.check_is_unpublished(auth->users, "a file of passwords"));
    TRY_ASSIGN(authenticator, Authenticator::open(auth->users, loop, log));
  }
  route.authenticator = authenticator.get();
  route.challenge = http::basic_challenge(auth->realm);
  return {};
}

void Runtime::find_https_ports() {
  for (const config::Listener& listener : config_->listeners) {
    if (!listener.tls || listener.kind != config::Listener::Kind::ip) continue;
    const auto address = PeerAddress::parse(listener.host);
    const bool is_usual = listener.port == kHttpsPort || listener.port == 0;
    https_ports_.push_back({address.value_or(PeerAddress{}), listener.port == kHttpsPort,
                            is_usual ? std::string() : ":" + std::to_string(listener.port)});
  }
}

std::string_view Runtime::https_port(const PeerAddress& reached) const {
  const auto rank_of = [&reached](const HttpsPort& port) {
    const PeerAddress& bound = port.address;
    const bool is_same_family = bound.kind == reached.kind;
    // The wildcard of IPv6 listens for IPv4 too.
    const bool is_covered =
        bound.is_wildcard() && (is_same_family || (bound.kind == PeerAddress::Kind::ipv6 &&
                                                   reached.kind == PeerAddress::Kind::ipv4));
    const int nearness = is_same_family && bound.ip == reached.ip ? 2 : is_covered ? 1 : 0;
    return 2 * nearness + (port.is_usual ? 1 : 0);
  };
  // The first of the best.
  const auto best = std::max_element(
      https_ports_.begin(), https_ports_.end(),
      [&](const HttpsPort& a, const HttpsPort& b) { return rank_of(a) < rank_of(b); });
  return best != https_ports_.end() ? std::string_view(best->suffix) : std::string_view();
}

const SiteRuntime* Runtime::find_site(std::string_view host) const {
  if (!exact_.empty()) {
    if (const auto found = exact_.find(host); found != exact_.end()) return found->second;
  }
  if (!wildcard_.empty()) {
    for (std::size_t dot = host.find('.'); dot != std::string_view::npos;
         dot = host.find('.', dot + 1)) {
      if (const auto found = wildcard_.find(host.substr(dot)); found != wildcard_.end()) {
        return found->second;
      }
    }
  }
  return default_site_;
}

}  // namespace uvhttpd
