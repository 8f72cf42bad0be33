// SPDX-License-Identifier: MIT
#include "config/programs.h"

#include <algorithm>

#include "base/text.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

void add(std::vector<std::string>& list, std::string text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(std::move(text));
}

}  // namespace

std::vector<std::string> program_extensions(const Site& site) {
  std::vector<std::string> extensions;
  for (const Route& route : site.routes) {
    const auto* cgi = std::get_if<CgiHandler>(&route.handler);
    if (cgi == nullptr) continue;
    if (route.path.kind == PathPattern::Kind::extension) {
      add(extensions, to_lower(route.path.extension));
    }
    for (const auto& [extension, program] : cgi->interpreter) add(extensions, to_lower(extension));
  }
  return extensions;
}

std::vector<std::string> program_places(const Site& site) {
  std::vector<std::string> places;
  for (const Route& route : site.routes) {
    const auto* cgi = std::get_if<CgiHandler>(&route.handler);
    if (cgi == nullptr) continue;
    if (!cgi->program.empty()) {
      add(places, cgi->program);
    } else if (route.path.kind == PathPattern::Kind::prefix && cgi->own_root) {
      add(places, cgi->root);
    } else if (route.path.kind != PathPattern::Kind::extension) {
      // "/cgi-bin/*" without a root of its own runs what is in cgi-bin below the site's.
      add(places, absolute_path(cgi->root, std::string_view(route.path.prefix).substr(1)));
    }
  }
  return places;
}

}  // namespace uvhttpd::config
