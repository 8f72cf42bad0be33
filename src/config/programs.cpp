// SPDX-License-Identifier: MIT
#include "config/programs.h"

#include <algorithm>

#include "base/text.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

template <class T>
void add(std::vector<T>& list, T one) {
  if (std::find(list.begin(), list.end(), one) == list.end()) list.push_back(std::move(one));
}

}  // namespace

std::vector<ProgramType> program_types(const Site& site) {
  std::vector<ProgramType> types;
  for (const Route& route : site.routes) {
    const auto* cgi = std::get_if<CgiHandler>(&route.handler);
    if (cgi == nullptr) continue;
    // One program for the whole route is given the files of the site.
    const std::string& root = cgi->root.empty() ? site.files.root : cgi->root;
    if (route.path.kind == PathPattern::Kind::extension) {
      add(types, {to_lower(route.path.extension), root});
    }
    for (const auto& [extension, program] : cgi->interpreter) {
      add(types, {to_lower(extension), root});
    }
  }
  return types;
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
