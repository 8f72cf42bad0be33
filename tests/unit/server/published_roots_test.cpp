// SPDX-License-Identifier: MIT
// unit/server/published_roots_test.cpp: which secrets could be fetched, and what it costs to know.
#include "server/published_roots.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

namespace uvhttpd::tests {
namespace {

// A site with a key pair of its own for each root, and a route for its files.
config::Config sites_with(const std::vector<std::string>& roots) {
  config::Config config;
  for (const std::string& root : roots) {
    config::Site& site = config.sites.emplace_back();
    const std::string key = "/keys/" + std::to_string(config.sites.size());
    site.tls.emplace().key_pairs.push_back({key + ".pem", key + ".key"});
    config::StaticHandler files;
    files.files.root = root;
    site.routes.emplace_back().handler = files;
  }
  return config;
}

std::string as_written(const std::string& path) { return path; }

TEST_CASE("PublishedRoots finds a secret below any of the roots, but where it is hidden") {
  config::Config config = sites_with({"/srv/a", "/srv/b", "/srv/b/deep", "/srv/c"});
  std::get<config::StaticHandler>(config.sites[3].routes[0].handler).files.hidden_files = true;
  const PublishedRoots roots(config, as_written);
  struct Row {
    std::string path;
    bool is_published;
  };
  const Row rows[] = {
      {"/srv/a/k", true},    {"/srv/a/x/k", true},      {"/srv/ab/k", false},
      {"/srv/k", false},     {"/srv/a", false},         {"/srv/a/.x/k", false},
      {"/srv/b/k", true},    {"/srv/b/.deep/k", false}, {"/srv/b/deep/.k", false},
      {"/srv/c/.x/k", true}, {"/srv/b/deep/x/k", true}, {"/keys/k", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.path);
    CHECK(roots.check_is_unpublished(row.path, "a key").has_value() == !row.is_published);
  }
}

TEST_CASE("A root shows its hidden files when one of its sites does") {
  config::Config config = sites_with({"/srv", "/srv"});
  std::get<config::StaticHandler>(config.sites[1].routes[0].handler).files.hidden_files = true;
  CHECK_FALSE(PublishedRoots(config, as_written).check_is_unpublished("/srv/.k", "a key"));
}

TEST_CASE("The root of the file system publishes everything") {
  const PublishedRoots roots(sites_with({"/"}), as_written);
  CHECK_FALSE(roots.check_is_unpublished("/k", "a key"));
  CHECK_FALSE(roots.check_is_unpublished("/keys/k", "a key"));
}

TEST_CASE("PublishedRoots compares secrets and roots as written and as they are") {
  const std::map<std::string, std::string> links = {{"/link", "/real"}, {"/k", "/other/k"}};
  const PublishedRoots roots(sites_with({"/link", "/other"}), [&links](const std::string& path) {
    const auto found = links.find(path);
    return found != links.end() ? found->second : path;
  });
  CHECK_FALSE(roots.check_is_unpublished("/link/k", "a key"));
  CHECK_FALSE(roots.check_is_unpublished("/real/k", "a key"));
  const auto published = roots.check_is_unpublished("/k", "a key");
  REQUIRE_FALSE(published.has_value());
  CHECK(published.error().message.starts_with("/k: a key below the root /other could be fetched"));
}

TEST_CASE("The disk is asked once about each root and once about each secret") {
  constexpr std::size_t kSites = 100;
  const config::Config config = sites_with(std::vector<std::string>(kSites, "/srv"));
  std::map<std::string, int> asked;
  const PublishedRoots roots(config, [&asked](const std::string& path) {
    ++asked[path];
    return path;
  });
  for (const config::Site& site : config.sites) {
    CHECK(roots.check_is_unpublished(site.tls->key_pairs.front().key, "a key").has_value());
  }
  CHECK(asked.size() == kSites + 1);
  for (const auto& each : asked) CHECK_MESSAGE(each.second == 1, each.first);
}

}  // namespace
}  // namespace uvhttpd::tests
