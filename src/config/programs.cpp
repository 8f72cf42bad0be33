// SPDX-License-Identifier: MIT
#include "config/programs.h"

#include <algorithm>

#include "base/text.h"

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
    if (cgi->own_root) add(places, cgi->root);
    if (!cgi->program.empty()) add(places, cgi->program);
  }
  return places;
}

}  // namespace uvhttpd::config
