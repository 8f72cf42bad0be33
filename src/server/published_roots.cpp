// SPDX-License-Identifier: MIT
#include "server/published_roots.h"

#include <map>
#include <utility>

#include "base/file.h"

namespace uvhttpd {

PublishedRoots::PublishedRoots(const config::Config& config)
    : PublishedRoots(config, [](const std::string& path) { return real_path(path); }) {}

PublishedRoots::PublishedRoots(const config::Config& config, Resolve resolve)
    : resolve_(std::move(resolve)) {
  std::map<std::string, bool> shows_hidden_files;  // by roots as written
  for (const config::Site& site : config.sites) {
    for (const config::Route& route : site.routes) {
      const auto* rules = std::get_if<config::StaticHandler>(&route.handler);
      if (rules == nullptr || rules->files.root.empty()) continue;
      shows_hidden_files[rules->files.root] |= rules->files.hidden_files;
    }
  }
  for (const auto& [written, is_shown] : shows_hidden_files) {
    for (const std::string& place : {written, resolve_(written)}) {
      Root& root = roots_.try_emplace(place, Root{written, false}).first->second;
      root.shows_hidden_files |= is_shown;
    }
  }
}

const PublishedRoots::Root* PublishedRoots::publisher_of(const std::string& path) const {
  for (std::size_t slash = path.rfind('/'); slash != std::string::npos;
       slash = slash == 0 ? std::string::npos : path.rfind('/', slash - 1)) {
    const auto found = roots_.find(slash == 0 ? "/" : path.substr(0, slash));
    if (found == roots_.end()) continue;
    const Root& root = found->second;
    const std::string_view below = std::string_view(path).substr(slash + 1);
    if (root.shows_hidden_files || !has_hidden_segment(below)) return &root;
  }
  return nullptr;
}

Result<void> PublishedRoots::check_is_unpublished(const std::string& path,
                                                  std::string_view what) const {
  const Root* root = publisher_of(path);
  if (root == nullptr) root = publisher_of(resolve_(path));
  if (root == nullptr) return {};
  return Unexpected(Error{path + ": " + std::string(what) + " below the root " + root->written +
                              " could be fetched: keep it elsewhere, or give it a name that "
                              "begins with a dot",
                          0});
}

}  // namespace uvhttpd
