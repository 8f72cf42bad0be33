// SPDX-License-Identifier: MIT
#include "server/site.h"

#include <algorithm>

namespace uvhttpd {

bool RouteRuntime::takes(std::string_view method) const {
  return methods.empty() || std::find(methods.begin(), methods.end(), method) != methods.end();
}

bool path_matches(const config::PathPattern& pattern, std::string_view path, bool path_info,
                  std::string_view& matched) {
  using Kind = config::PathPattern::Kind;
  matched = path.starts_with('/') ? path.substr(1) : path;
  switch (pattern.kind) {
    case Kind::exact: return path == pattern.prefix;
    case Kind::prefix:
      if (path.starts_with(pattern.prefix)) {
        matched = path.substr(pattern.prefix.size());
        return true;
      }
      // "/docs" itself belongs to "/docs/*".
      matched = {};
      return path.size() + 1 == pattern.prefix.size() && pattern.prefix.starts_with(path);
    case Kind::extension: {
      if (!path.starts_with(pattern.prefix)) return false;
      const std::string_view rest = path.substr(pattern.prefix.size());
      if (rest.ends_with(pattern.extension)) return true;
      return path_info && rest.find(pattern.extension + "/") != std::string_view::npos;
    }
  }
  return false;
}

namespace {

// `tell(verdict)` is called for each route that is considered, in their order.
template <class Tell>
RouteChoice choose(const SiteRuntime& site, std::string_view path, std::string_view method,
                   Tell&& tell) {
  RouteChoice choice;
  bool is_program = false;
  for (const RouteRuntime& route : site.routes) {
    std::string_view matched;
    if (!path_matches(route.config->path, path, route.executes, matched)) {
      tell(RouteVerdict::other_path);
      continue;
    }
    if (is_program && !route.executes) {
      tell(RouteVerdict::shielded);
      continue;
    }
    if (route.takes(method)) {
      tell(RouteVerdict::chosen);
      choice.route = &route;
      choice.matched = matched;
      return choice;
    }
    tell(RouteVerdict::other_method);
    is_program = is_program || route.executes;
    const bool is_last_word = route.config->methods.empty();
    for (const std::string& allowed : route.methods) {
      if (std::find(choice.allowed.begin(), choice.allowed.end(), allowed) ==
          choice.allowed.end()) {
        choice.allowed.push_back(allowed);
      }
    }
    // A route without methods of its own has the path for itself: what it does not take must not
    // come to a program behind it.
    if (is_last_word) return choice;
  }
  return choice;
}

}  // namespace

RouteChoice choose_route(const SiteRuntime& site, std::string_view path, std::string_view method) {
  return choose(site, path, method, [](RouteVerdict) {});
}

RouteChoice choose_route(const SiteRuntime& site, std::string_view path, std::string_view method,
                         std::vector<RouteVerdict>& verdicts) {
  verdicts.clear();
  RouteChoice choice = choose(site, path, method,
                              [&verdicts](RouteVerdict verdict) { verdicts.push_back(verdict); });
  verdicts.resize(site.routes.size(), RouteVerdict::not_asked);
  return choice;
}

}  // namespace uvhttpd
