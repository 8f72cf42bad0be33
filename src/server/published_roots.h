// SPDX-License-Identifier: MIT
// server/published_roots.h: whether a secret lies where anybody could fetch it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "config/config.h"

namespace uvhttpd {

// The roots that the routes of a configuration publish files of. The disk is asked once about each
// root and once about each secret, however many of both there are.
class PublishedRoots {
 public:
  // Of a path, with links resolved.
  using Resolve = std::function<std::string(const std::string& path)>;

  explicit PublishedRoots(const config::Config& config);
  PublishedRoots(const config::Config& config, Resolve resolve);

  // The error says that the file, which `what` names ("a private key"), could be fetched. Links may
  // lead to it as well as to the root, so both are compared as written and as they are. What is not
  // seen: a link below the root that leads to the file, or a second name for it.
  Result<void> check_is_unpublished(const std::string& path, std::string_view what) const;

 private:
  struct Root {
    std::string written;
    bool shows_hidden_files = false;  // in one site at least
  };
  // The root that publishes the file of this path, or nullptr.
  const Root* publisher_of(const std::string& path) const;

  Resolve resolve_;
  std::unordered_map<std::string, Root> roots_;  // by where they are, as written and as they are
};

}  // namespace uvhttpd
