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

void merge_fields(std::vector<http::ResponseField>& into, const config::Fields& more) {
  for (const auto& [name, value] : more) {
    std::erase_if(into, [&name = name](const http::ResponseField& field) {
      return equals_ignoring_case(field.name, name);
    });
  }
  for (const auto& [name, value] : more) into.push_back({name, value});
}

bool has_handler_field(const std::vector<http::ResponseField>& fields) {
  return std::any_of(fields.begin(), fields.end(),
                     [](const http::ResponseField& field) { return is_handler_field(field.name); });
}

void append_by_path(std::vector<PatternHeaders>& into,
                    const std::vector<config::PatternFields>& more) {
  for (const config::PatternFields& each : more) {
    PatternHeaders& added = into.emplace_back();
    added.pattern = &each.path;
    merge_fields(added.fields, each.fields);
  }
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

Result<RouteRuntime> build_route(const config::Route& route, const config::Site& site,
                                 BuildHandler build_handler, const HandlerContext& context) {
  TRY_ASSIGN(BuiltHandler built, build_handler(route, context));
  RouteRuntime runtime;
  runtime.config = &route;
  runtime.handler = std::move(built.handler);
  runtime.handler_name = std::move(built.name);
  runtime.executes = built.executes;
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
  merge_fields(runtime.headers, site.headers);
  merge_fields(runtime.headers, route.headers);
  append_by_path(runtime.headers_by_path, site.headers_by_path);
  append_by_path(runtime.headers_by_path, route.headers_by_path);
  if (route.cors) runtime.cors.emplace(*route.cors, runtime.methods);
  runtime.headers_are_additive =
      !runtime.executes && !has_handler_field(runtime.headers) &&
      std::none_of(runtime.headers_by_path.begin(), runtime.headers_by_path.end(),
                   [](const PatternHeaders& each) { return has_handler_field(each.fields); });
  return runtime;
}

}  // namespace

Result<std::shared_ptr<Runtime>> Runtime::build(std::shared_ptr<const config::Config> config,
                                                BuildHandler build_handler, EventLoop& loop,
                                                Log& log, unsigned workers) {
  std::shared_ptr<Runtime> runtime(new Runtime(std::move(config)));
  SharedObjects shared;
  for (const config::Site& site : runtime->config_->sites) {
    auto built = std::make_unique<SiteRuntime>();
    built->config = &site;
    built->name = site.hosts.empty() ? "default" : site.hosts.front();
    built->error_pages = std::make_unique<ErrorPages>(*runtime->config_, site);
    merge_fields(built->headers, site.headers);
    append_by_path(built->headers_by_path, site.headers_by_path);
    const HandlerContext context{loop, log, *runtime->config_, site, shared, workers};
    for (const config::Route& route : site.routes) {
      TRY_ASSIGN(RouteRuntime route_runtime, build_route(route, site, build_handler, context));
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
