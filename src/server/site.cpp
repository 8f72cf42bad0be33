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

RouteChoice choose_route(const SiteRuntime& site, std::string_view path, std::string_view method) {
  RouteChoice choice;
  bool is_program = false;
  for (const RouteRuntime& route : site.routes) {
    std::string_view matched;
    if (!path_matches(route.config->path, path, route.executes, matched)) continue;
    if (is_program && !route.executes) continue;
    if (route.takes(method)) {
      choice.route = &route;
      choice.matched = matched;
      return choice;
    }
    is_program = is_program || route.executes;
    for (const std::string& allowed : route.methods) {
      if (std::find(choice.allowed.begin(), choice.allowed.end(), allowed) ==
          choice.allowed.end()) {
        choice.allowed.push_back(allowed);
      }
    }
  }
  return choice;
}

}  // namespace uvhttpd
