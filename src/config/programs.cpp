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

const ScriptRules* scripts_of(const Route& route) {
  if (const auto* fastcgi = std::get_if<FastCgiHandler>(&route.handler)) return &fastcgi->script;
  if (const auto* scgi = std::get_if<ScgiHandler>(&route.handler)) return &scgi->script;
  return nullptr;
}

// Each extension counts below each root.
struct Extensions {
  std::vector<std::string> names;
  std::vector<std::string> roots;
};

Extensions extensions_of(const CgiHandler& cgi, const Site& site) {
  // One program for the whole route is given the files of the site.
  Extensions found{{}, {cgi.root.empty() ? site.files.root : cgi.root}};
  for (const auto& [extension, program] : cgi.interpreter) found.names.push_back(extension);
  return found;
}

Extensions extensions_of(const ScriptRules& scripts, const Site& site) {
  Extensions found;
  if (!scripts.split.empty()) found.names.push_back(scripts.split);
  if (!scripts.root.empty()) found.roots.push_back(scripts.root);
  // What a root on another machine holds is here, if anywhere, among the files of the site.
  const bool is_elsewhere = scripts.root.empty() || !scripts.local_files;
  if (is_elsewhere && !site.files.root.empty()) found.roots.push_back(site.files.root);
  return found;
}

}  // namespace

std::vector<ProgramType> program_types(const Site& site) {
  std::vector<ProgramType> types;
  for (const Route& route : site.routes) {
    Extensions found;
    if (const auto* cgi = std::get_if<CgiHandler>(&route.handler)) {
      found = extensions_of(*cgi, site);
    } else if (const ScriptRules* scripts = scripts_of(route)) {
      found = extensions_of(*scripts, site);
    }
    if (route.path.kind == PathPattern::Kind::extension) {
      found.names.insert(found.names.begin(), route.path.extension);
    }
    for (const std::string& root : found.roots) {
      for (const std::string& name : found.names) add(types, {to_lower(name), root});
    }
  }
  return types;
}

std::vector<std::string> program_places(const Site& site) {
  std::vector<std::string> places;
  for (const Route& route : site.routes) {
    const ScriptRules* scripts = scripts_of(route);
    if (scripts != nullptr && !scripts->root.empty() && !scripts->script.empty()) {
      add(places, absolute_path(scripts->root, std::string_view(scripts->script).substr(1)));
    }
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
