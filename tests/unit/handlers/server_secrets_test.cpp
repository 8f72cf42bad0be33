// SPDX-License-Identifier: MIT
// unit/handlers/server_secrets_test.cpp: what of the files around keys and passwords is kept from
// programs, and what is left to them.
#include "handlers/server_secrets.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "support/temp_dir.h"

namespace uvhttpd::tests {
namespace {

namespace filesystem = std::filesystem;

config::Config with_key(const std::string& key) {
  config::Config config;
  config.sites.emplace_back();
  config.sites[0].tls.emplace();
  config.sites[0].tls->key_pairs.push_back({"", key});
  return config;
}

config::Config with_passwords(const std::string& users) {
  config::Config config;
  config.sites.emplace_back();
  config.sites[0].auth = config::Auth{"", users};
  return config;
}

// live/site/privkey.pem leads to archive/site/privkey1.pem, as certbot has it.
std::string certbot_key(const TempDir& dir) {
  dir.write("archive/site/privkey1.pem", "key");
  dir.write("live/site/README", "");
  filesystem::create_symlink("../../archive/site/privkey1.pem", dir / "live/site/privkey.pem");
  return dir / "live/site/privkey.pem";
}

}  // namespace

TEST_CASE("The directory of a key is a secret, as written and where links lead") {
  const TempDir dir;
  const ServerSecrets secrets(with_key(certbot_key(dir)), {});
  for (const char* name : {"live/site", "live/site/privkey.pem", "archive/site",
                           "archive/site/privkey1.pem", "archive/site/of-another-name"}) {
    CAPTURE(name);
    CHECK(secrets.include(dir / name));
  }
  for (const char* name : {"live", "archive", ""}) {
    CAPTURE(name);
    CHECK_FALSE(secrets.include(dir / name));
    CHECK(secrets.are_below(dir / name));
  }
}

TEST_CASE("Every link on the way to a key is a secret") {
  const TempDir dir;
  dir.write("second/x", "");
  filesystem::create_directory(dir / "first");
  filesystem::create_symlink("../second/key.pem", dir / "first/key.pem");
  filesystem::create_symlink(dir / "third/key.pem", dir / "second/key.pem");
  const ServerSecrets secrets(with_key(dir / "first/key.pem"), {});
  CHECK(secrets.include(dir / "first"));
  CHECK(secrets.include(dir / "second"));
  CHECK(secrets.include(dir / "third/key.pem"));  // which is not there
}

TEST_CASE("Links that lead in a circle end") {
  const TempDir dir;
  filesystem::create_symlink("b.pem", dir / "a.pem");
  filesystem::create_symlink("a.pem", dir / "b.pem");
  CHECK(ServerSecrets(with_key(dir / "a.pem"), {}).include(dir / "b.pem"));
}

TEST_CASE("In a directory that programs need, secrets are what has names like a key's") {
  const TempDir dir;
  const std::string key = certbot_key(dir);
  const ServerSecrets secrets(with_key(key), {dir / "live/site", dir / "archive/site/www"});
  for (const char* name :
       {"live/site/privkey.pem", "live/site/privkey.pem.old", "live/site/privkey7.pem",
        "archive/site/privkey1.pem", "archive/site/privkey2.pem", "archive/site/privkey10.pem~"}) {
    CAPTURE(name);
    CHECK(secrets.include(dir / name));
  }
  for (const char* name :
       {"live/site", "live/site/README", "live/site/fullchain.pem", "archive/site",
        "archive/site/fullchain2.pem", "archive/site/www", "archive/privkey2.pem"}) {
    CAPTURE(name);
    CHECK_FALSE(secrets.include(dir / name));
  }
}

TEST_CASE("Copies of a file of passwords are secrets, whatever made them") {
  const TempDir dir;
  dir.write("users", "");
  const ServerSecrets secrets(with_passwords(dir / "users"), {dir.path()});
  for (const char* name : {"users", "users~", "users.bak", "users-2024", ".users.swp", ".users.un~",
                           "#users#", ".#users", "users.d"}) {
    CAPTURE(name);
    CHECK(secrets.include(dir / name));
  }
  for (const char* name : {"user", "index.html", "my-users", "u", "2", "usersguide.html"}) {
    CAPTURE(name);
    CHECK_FALSE(secrets.include(dir / name));
  }
}

TEST_CASE("A name of digits is like others of digits, and like those that begin with it") {
  const TempDir dir;
  const ServerSecrets secrets(with_passwords(dir / "12"), {dir.path()});
  for (const char* name : {"12", "7", "12.bak"}) {
    CAPTURE(name);
    CHECK(secrets.include(dir / name));
  }
  CHECK_FALSE(secrets.include(dir / "7.bak"));
  CHECK_FALSE(secrets.include(dir / "index.html"));
}

TEST_CASE("What lies beside a directory of keys is a secret where a link to that may be turned") {
  const TempDir dir;
  dir.write("keys/2026-11/privkey.pem", "key");
  filesystem::create_symlink("2026-11", dir / "keys/current");
  const config::Config config = with_key(dir / "keys/current/privkey.pem");
  const ServerSecrets secrets(config, {});
  CHECK(secrets.include(dir / "keys"));
  CHECK_FALSE(secrets.include(dir.path()));
  const ServerSecrets of_needed(config, {dir / "keys"});
  for (const char* name : {"current", "current.new", "2026-11", "2026-12"}) {
    CAPTURE(name);
    CHECK(of_needed.include(dir.path() + "/keys/" + name));
  }
  CHECK_FALSE(of_needed.include(dir / "keys/other"));
}

TEST_CASE("A needed directory stays one where a link to it may be turned") {
  const TempDir dir;
  dir.write("releases/1/users", "");
  filesystem::create_symlink("releases/1", dir / "current");
  const ServerSecrets secrets(with_passwords(dir / "current/users"), {dir / "current"});
  CHECK(secrets.include(dir / "releases/1/users"));
  for (const char* name : {"current", "releases", "releases/1", "releases/2"}) {
    CAPTURE(name);
    CHECK_FALSE(secrets.include(dir / name));
  }
}

TEST_CASE("A file of passwords that is not there has copies all the same") {
  const TempDir dir;
  const ServerSecrets secrets(with_passwords(dir / ".htpasswd"), {dir.path()});
  CHECK(secrets.are_below(dir.path()));
  CHECK(secrets.include(dir / ".htpasswd"));
  CHECK(secrets.include(dir / ".htpasswd.swp"));
  CHECK_FALSE(secrets.include(dir / ".htaccess"));
}

TEST_CASE("A link to a copy is as secret as the copy") {
  const TempDir dir;
  dir.write("users.bak", "");
  filesystem::create_symlink("users.bak", dir / "harmless");
  const ServerSecrets secrets(with_passwords(dir / "users"), {dir.path()});
  CHECK(secrets.include(dir / "harmless"));
}

TEST_CASE("A directory is needed for itself and for what is in it, through links as well") {
  const TempDir dir;
  dir.write("real/users", "");
  filesystem::create_symlink("real", dir / "link");
  const struct {
    const char* name;
    std::vector<std::string> needed;
    bool is_needed;
  } cases[] = {{"by nobody", {}, false},
               {"by itself", {dir / "real"}, true},
               {"through a link", {dir / "link"}, true},
               {"for what is below", {dir / "real/a/b"}, true},
               {"not for what is above", {dir.path()}, false},
               {"not for one beside it", {dir / "real2"}, false}};
  for (const auto& each : cases) {
    CAPTURE(each.name);
    const ServerSecrets secrets(with_passwords(dir / "real/users"), each.needed);
    CHECK(secrets.include(dir / "real/users"));
    CHECK(secrets.include(dir / "real/other") == !each.is_needed);
  }
}

TEST_CASE("Directories in the roots of sites and routes are needed, but for hidden ones") {
  const TempDir dir;
  config::CgiHandler programs;
  programs.root = dir / "programs";
  const struct {
    const char* directory;
    bool is_needed;
  } cases[] = {{"www", true},        {"www/staff", true},    {"www/.hidden", false},
               {"www/.a/b", false},  {"programs", true},     {"programs/staff", true},
               {"programs2", false}, {"programs/.a", false}, {".www", false}};
  for (const auto& each : cases) {
    CAPTURE(each.directory);
    const std::string directory = dir / each.directory;
    filesystem::create_directories(directory);
    config::Config config = with_passwords(directory + "/users");
    config.sites[0].files.root = dir / "www";
    config.sites[0].routes.emplace_back().handler = programs;
    const ServerSecrets secrets(config, {});
    CHECK(secrets.include(directory + "/users.bak"));
    CHECK(secrets.include(directory + "/other") == !each.is_needed);
  }
}

TEST_CASE("A directory of the system's hierarchy is never a secret as a whole") {
  for (const char* key : {"/usr/lib/key.pem", "/usr/local/key.pem", "/usr/local/etc/key.pem"}) {
    CAPTURE(key);
    const ServerSecrets secrets(with_key(key), {"/usr", "/opt"});
    CHECK(secrets.include(key));
    CHECK_FALSE(secrets.include(filesystem::path(key).parent_path().string() + "/other"));
  }
  CHECK(ServerSecrets(with_key("/opt/keys/key.pem"), {"/usr", "/opt"}).include("/opt/keys"));
}

TEST_CASE("The directory of the configuration is no secret, copies of it are") {
  const TempDir dir;
  config::Config config;
  config.file = dir / "uvhttpd.toml";
  const ServerSecrets secrets(config, {});
  CHECK(secrets.include(dir / "uvhttpd.toml"));
  CHECK(secrets.include(dir / "uvhttpd.toml~"));
  CHECK_FALSE(secrets.include(dir / "application.toml"));
  CHECK(secrets.include("/etc/uvhttpd/anything"));
}

TEST_CASE("A key that is not named hides nothing") {
  CHECK_FALSE(ServerSecrets(with_key(""), {}).include("/usr"));
}

TEST_CASE("Secrets are below the root of all directories") {
  CHECK(ServerSecrets(with_key("/opt/keys/key.pem"), {}).are_below("/"));
}

}  // namespace uvhttpd::tests
