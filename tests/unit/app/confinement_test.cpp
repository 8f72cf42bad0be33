// SPDX-License-Identifier: MIT
// unit/app/confinement_test.cpp: what configurations need of the machine.
#include "app/confinement.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "support/in_child.h"
#include "support/temp_dir.h"

namespace uvhttpd {
namespace {

using namespace path_right;

unsigned rights_of(const Confinement& confinement, const std::string& path) {
  unsigned rights = 0;
  for (const PathRule& rule : confinement.rules.paths) {
    if (rule.path == path) rights |= rule.rights;
  }
  return rights;
}

config::Config with_root(const std::string& root) {
  config::Config config;
  config.sites.emplace_back();
  config.sites[0].files.root = root;
  return config;
}

template <class Handler>
config::Config with_handler(Handler handler) {
  config::Config config;
  config.sites.emplace_back();
  config.sites[0].routes.emplace_back();
  config.sites[0].routes[0].handler = std::move(handler);
  return config;
}

config::Upstream upstream(config::Upstream::Kind kind, std::uint16_t port) {
  config::Upstream made;
  made.kind = kind;
  made.port = port;
  return made;
}

}  // namespace

TEST_CASE("confinement_for makes roots readable and nothing more") {
  const tests::TempDir dir;
  dir.write("site/www/a.txt", "a");
  const Confinement confinement = confinement_for(with_root(dir / "site/www"));
  CHECK(rights_of(confinement, dir / "site/www") == kRead);
  CHECK(rights_of(confinement, dir / "site") == kRead);  // for deployments
  CHECK(rights_of(confinement, dir.path()) == 0);
  CHECK(rights_of(confinement, "/") == 0);
  CHECK(!confinement.runs_programs);
}

TEST_CASE("confinement_for leaves out what is beside a root in places of others") {
  struct Row {
    const char* root;
    const char* beside;
    unsigned rights;
  };
  const Row rows[] = {
      {"/var/www", "/var", 0}, {"/home/ann/www", "/home/ann", 0},    {"/root/www", "/root", 0},
      {"/www", "/", 0},        {"/var/www/html", "/var/www", kRead}, {"/srv/www", "/srv", kRead}};
  for (const Row& row : rows) {
    CAPTURE(row.root);
    CHECK(rights_of(confinement_for(with_root(row.root)), row.beside) == row.rights);
  }
}

TEST_CASE("confinement_for lets links that are followed lead anywhere") {
  config::Config config = with_root("/srv/www");
  config.sites[0].files.symlinks = config::Symlinks::follow;
  CHECK(rights_of(confinement_for(config), "/") == kRead);
}

TEST_CASE(
    "confinement_for reads what is beside the directory that a link to certificates leads to") {
  const tests::TempDir dir;
  dir.write("in/keys/1/d.pem", "");
  dir.write("in/links/other", "");
  std::filesystem::create_directory_symlink("../keys/1", dir / "in/links/current");
  config::Config config;
  config.sites.emplace_back().tls.emplace();
  config.sites[0].tls->key_pairs = {{dir / "in/links/current/d.pem", dir / "in/keys/1/d.key"}};
  const Confinement confinement = confinement_for(config);
  CHECK(rights_of(confinement, dir / "in/keys/1") == kRead);
  CHECK(rights_of(confinement, dir / "in/keys") == kRead);
  CHECK(rights_of(confinement, dir / "in/links") == 0);
  CHECK(rights_of(confinement, dir / "in") == 0);
}

TEST_CASE("confinement_for writes logs and what stands beside them after a rotation") {
  config::Config config;
  config.server.log = "/var/log/uvhttpd/error.log";
  config.access_log.path = "/dev/stdout";
  const Confinement confinement = confinement_for(config);
  CHECK(rights_of(confinement, "/var/log/uvhttpd") == (kWrite | kCreate));
  CHECK(rights_of(confinement, "/dev") == 0);
}

TEST_CASE("confinement_for connects to upstreams, and to name servers where these have names") {
  using Kind = config::Upstream::Kind;
  config::ProxyHandler proxy;
  proxy.pool.upstreams = {upstream(Kind::ip, 9000), upstream(Kind::unix_socket, 0)};
  CHECK(confinement_for(with_handler(proxy)).rules.connect_ports ==
        std::vector<std::uint16_t>{9000});
  proxy.pool.upstreams.push_back(upstream(Kind::name, 9000));
  CHECK(confinement_for(with_handler(proxy)).rules.connect_ports ==
        std::vector<std::uint16_t>{53, 9000});
}

TEST_CASE("confinement_for includes what programs need") {
  config::CgiHandler cgi;
  cgi.root = "/usr/lib/cgi-bin";
  cgi.writable = {"/var/spool/app"};
  const Confinement confined = confinement_for(with_handler(cgi));
  CHECK(confined.runs_programs);
  CHECK((rights_of(confined, "/usr/lib/cgi-bin") & kExecute) != 0);
  CHECK((rights_of(confined, "/var/spool/app") & kOwn) == kOwn);
  CHECK(confined.rules.confines_connect);
  cgi.network = true;
  CHECK(!confinement_for(with_handler(cgi)).rules.confines_connect);
}

TEST_CASE("Sandbox misses all that was not granted, wherever a path leads by then") {
  if (landlock_abi() == 0) return;
  const tests::TempDir dir;
  dir.write("in/site/a.txt", "a");
  dir.write("in/other/a.txt", "a");
  dir.write("out/site/a.txt", "a");
  dir.write("spool/a.txt", "a");
  const auto end = tests::in_child([&] {
    ::setenv("TMPDIR", (dir / "spool").c_str(), 1);  // not /tmp, where all of these are
    Log log(LogLevel::error);
    EventLoop loop;
    Sandbox sandbox;
    if (!sandbox.enter(with_root(dir / "in/site"), loop, log)) return 1;
    if (!sandbox.missing_for(with_root(dir / "in/site")).empty()) return 2;
    if (!sandbox.missing_for(with_root(dir / "in/other")).empty()) return 3;
    config::Config more = with_root(dir / "out/site");
    more.sites.push_back(with_root(dir / "out").sites.front());
    const std::vector<std::string> missing = sandbox.missing_for(more);
    if (missing.size() != 2) return 4;
    if (missing[0].find(dir / "out/site ") == std::string::npos) return 5;
    if (missing[1].find(dir / "out ") == std::string::npos) return 6;
    return 0;
  });
  CHECK(end.status == 0);
}

}  // namespace uvhttpd
