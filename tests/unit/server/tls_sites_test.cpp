// SPDX-License-Identifier: MIT
// unit/server/tls_sites_test.cpp: which files certificates are in, and whether they have changed.
#include "server/tls_sites.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <chrono>
#include <filesystem>

#include "support/temp_dir.h"

namespace uvhttpd::tests {
namespace {

TEST_CASE("certificate_files names all that is read for the sites") {
  config::Config config;
  config::Site& site = config.sites.emplace_back();
  site.tls.emplace();
  site.tls->key_pairs = {{"/ec.pem", "/ec.key"}, {"/rsa.pem", "/rsa.key"}};
  site.tls->client_ca = "/ca.pem";
  config.sites.emplace_back();
  CHECK(certificate_files(config) ==
        std::vector<std::string>{"/ec.pem", "/ec.key", "/rsa.pem", "/rsa.key", "/ca.pem"});
}

TEST_CASE("FileWatch tells of a change once, and goes on knowing what it was told to watch") {
  TempDir directory;
  directory.write("a.pem", "old");
  const std::string file = directory / "a.pem";
  FileWatch watch;
  watch.watch({file});
  CHECK_FALSE(watch.has_changed());
  CHECK(watch.is_unchanged(file));
  CHECK_FALSE(watch.is_unchanged(directory / "b.pem"));
  SUBCASE("of what is in it") { directory.write("a.pem", "something else"); }
  SUBCASE("when it is replaced") {
    directory.write("next", "new");
    std::filesystem::rename(directory / "next", file);
  }
  SUBCASE("of who may read it") {
    // The clock of the file system is coarse: until the mark of the change is another one.
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (watch.is_unchanged(file)) {
      REQUIRE(std::chrono::steady_clock::now() < limit);
      std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    }
  }
  SUBCASE("when it is gone") { std::filesystem::remove(file); }
  CHECK_FALSE(watch.is_unchanged(file));
  CHECK(watch.has_changed());
  CHECK_FALSE(watch.has_changed());
  CHECK_FALSE(watch.is_unchanged(file));
}

TEST_CASE("What the system did not give may pass, what is in a file does not") {
  CHECK_FALSE(may_pass({}));
  CHECK_FALSE(may_pass({{"/a.pem", "no certificate in it"}}));
  CHECK(may_pass({{"/a.pem", "no certificate in it"},
                  {"/b.pem", "Too many open files", TlsFault::Kind::unusable, EMFILE}}));
}

TEST_CASE("FileWatch keeps of some files what it knew before") {
  TempDir directory;
  directory.write("a.pem", "old");
  directory.write("b.pem", "old");
  FileWatch before;
  before.watch({directory / "a.pem", directory / "b.pem"});
  directory.write("a.pem", "something else");
  directory.write("b.pem", "something else");
  FileWatch now;
  now.watch({directory / "b.pem", directory / "a.pem", directory / "c.pem"});
  now.keep(before, {directory / "a.pem", directory / "c.pem"});
  CHECK_FALSE(now.is_unchanged(directory / "a.pem"));
  CHECK(now.is_unchanged(directory / "b.pem"));
  CHECK(now.is_unchanged(directory / "c.pem"));
  CHECK_FALSE(now.has_changed());
}

}  // namespace
}  // namespace uvhttpd::tests
