// SPDX-License-Identifier: MIT
// tests/unit/config/gateways_test.cpp: routes that hand requests on arrive in the Config, and what
// is written of them reads back.
#include <doctest/doctest.h>

#include "unit/config/support.h"

namespace uvhttpd::config::tests {
namespace {

using Names = std::vector<std::string>;

Site site_of(std::string_view routes) {
  return config_of(std::string(kSite) + std::string(routes)).sites[0];
}

template <class Rules>
Rules first_of(std::string_view route) {
  return std::get<Rules>(site_of("[[site.route]]\n" + std::string(route)).routes[0].handler);
}

constexpr std::string_view kEvery = R"(
[[site.route]]
path = "/php/*"
handler = "fastcgi"
upstream = ["unix:run/php.sock", "php:9000"]
root = "/srv/php"
local_files = false
index = ["a.php", "b.php"]
split = ".php5"
script = "/front.php5"
params = { B = "1\n2", A = "" }
pass_authorization = false
balance = "hash"
hash_key = "cookie:session"
connect_timeout = 1
head_timeout = 2
idle_timeout = 3
keep_alive = 4
keep_alive_timeout = 5
retries = 6
resolve_every = 7
buffer_body = true
buffer_response = true
health = { every = 8, timeout = 9, rise = 10, fall = 11 }
[[site.route]]
path = "/scgi/*"
handler = "scgi"
upstream = "[::1]:4000"
split = ""
[[site.route]]
path = "/app/*"
handler = "proxy"
upstream = ["http://app:9000/base/", "http://unix:/run/app.sock:/b"]
balance = "random_two"
strip_prefix = true
set_headers = { Host = "{host}", X-Real-IP = "{client} of {upstream}", X-Gone = "" }
hide_headers = ["X-Powered-By"]
websocket = false
tunnel_timeout = "2h"
rewrite_redirects = true
rewrite_cookies = true
proxy_protocol = "v2"
health = { path = "/health?full", host = "App.example.:8443" }
[[site.route]]
path = "/status"
methods = ["GET"]
handler = "status"
)";

TEST_CASE("Every key of scripts behind a socket arrives") {
  const Site site = site_of(kEvery);
  const ScriptRules rules = std::get<FastCgiHandler>(site.routes[0].handler).script;
  CHECK(rules.root == "/srv/php");
  CHECK(rules.own_root);
  CHECK_FALSE(rules.local_files);
  CHECK(rules.index == Names{"a.php", "b.php"});
  CHECK(rules.split == ".php5");
  CHECK(rules.script == "/front.php5");
  CHECK(rules.params == Fields{{"B", "1\n2"}, {"A", ""}});
  CHECK_FALSE(rules.pass_authorization);
  const ScriptRules scgi = std::get<ScgiHandler>(site.routes[1].handler).script;
  CHECK(scgi.root == "/srv/www");
  CHECK_FALSE(scgi.own_root);
  CHECK(scgi.split == "");
  REQUIRE(scgi.pool.upstreams.size() == 1);
  CHECK(scgi.pool.upstreams[0].host == "::1");
}

TEST_CASE("Every key of a pool arrives") {
  const UpstreamRules pool =
      std::get<FastCgiHandler>(site_of(kEvery).routes[0].handler).script.pool;
  REQUIRE(pool.upstreams.size() == 2);
  CHECK(pool.upstreams[0].path == "/etc/uvhttpd/run/php.sock");
  CHECK(pool.upstreams[1].host == "php");
  REQUIRE(pool.loads.size() == 2);
  CHECK(pool.loads[0] != nullptr);
  CHECK(pool.loads[0] != pool.loads[1]);
  CHECK(pool.balance == Balance::hash);
  CHECK(pool.hash_key.kind == HashKey::Kind::cookie);
  CHECK(pool.hash_key.name == "session");
  CHECK(pool.connect_timeout == milliseconds(1000));
  CHECK(pool.head_timeout == milliseconds(2000));
  CHECK(pool.idle_timeout == milliseconds(3000));
  CHECK(pool.keep_alive == 4);
  CHECK(pool.keep_alive_timeout == milliseconds(5000));
  CHECK(pool.retries == 6);
  CHECK(pool.resolve_every == milliseconds(7000));
  CHECK(pool.buffer_body);
  CHECK(pool.buffer_response);
  REQUIRE(pool.health.has_value());
  CHECK(pool.health->path == "");
  CHECK(pool.health->every == milliseconds(8000));
  CHECK(pool.health->timeout == milliseconds(9000));
  CHECK(pool.health->rise == 10);
  CHECK(pool.health->fall == 11);
}

TEST_CASE("Every key of a proxy arrives") {
  const Site site = site_of(kEvery);
  const ProxyHandler proxy = std::get<ProxyHandler>(site.routes[2].handler);
  REQUIRE(proxy.pool.upstreams.size() == 2);
  CHECK(proxy.pool.upstreams[0].base == "/base");
  CHECK(proxy.pool.upstreams[1].base == "/b");
  CHECK(proxy.pool.balance == Balance::random_two);
  CHECK(proxy.pool.health->path == "/health?full");
  CHECK(proxy.pool.health->host == "app.example:8443");
  CHECK(proxy.strip_prefix == "/app");
  CHECK(proxy.set_headers ==
        Fields{{"Host", "{host}"}, {"X-Real-IP", "{client} of {upstream}"}, {"X-Gone", ""}});
  CHECK(proxy.hide_headers == Names{"x-powered-by"});
  CHECK_FALSE(proxy.websocket);
  CHECK(proxy.tunnel_timeout == milliseconds(7'200'000));
  CHECK(proxy.rewrite_redirects);
  CHECK(proxy.rewrite_cookies);
  CHECK(proxy.proxy_protocol == ProxyProtocol::v2);
  CHECK(std::holds_alternative<StatusHandler>(site.routes[3].handler));
}

TEST_CASE("What is left out has its default") {
  const auto proxy = first_of<ProxyHandler>(
      "path = \"/*\"\nhandler = \"proxy\"\nupstream = \"http://127.0.0.1:9000\"\n");
  CHECK(proxy.pool.balance == Balance::least_connections);
  CHECK(proxy.pool.keep_alive == 32);
  CHECK(proxy.pool.keep_alive_timeout == milliseconds(60'000));
  CHECK_FALSE(proxy.pool.health.has_value());
  CHECK(proxy.strip_prefix == "");
  CHECK(proxy.websocket);
  CHECK(proxy.proxy_protocol == ProxyProtocol::off);
  const ScriptRules php =
      first_of<FastCgiHandler>(
          "path = \"*.php\"\nhandler = \"fastcgi\"\nupstream = \"unix:/run/php.sock\"\n")
          .script;
  CHECK(php.pool.keep_alive_timeout == milliseconds(1000));
  CHECK(php.root == "/srv/www");
  CHECK(php.local_files);
  CHECK(php.index == Names{"index.php"});
  CHECK(php.split == ".php");
  CHECK(php.pass_authorization);
}

TEST_CASE("Scripts end as the pattern does, and without a root there are none") {
  const std::string upstream = "upstream = \"unix:/run/a\"\n";
  CHECK(first_of<ScgiHandler>("path = \"*.py\"\nhandler = \"scgi\"\n" + upstream).script.split ==
        ".py");
  CHECK(first_of<ScgiHandler>("path = \"*.py\"\nhandler = \"scgi\"\nsplit = \".x\"\n" + upstream)
            .script.split == ".x");
  const Config config =
      config_of("[[site]]\n[[site.route]]\npath = \"*.py\"\nhandler = \"scgi\"\n" + upstream);
  const ScriptRules rules = std::get<ScgiHandler>(config.sites[0].routes[0].handler).script;
  CHECK(rules.root == "");
  CHECK(rules.split == "");
}

TEST_CASE("What is taken off a path is what stands in front of the star, or a prefix") {
  struct Row {
    const char* path;
    const char* strip_prefix;
    const char* taken_off;
  };
  constexpr Row kRows[] = {
      {"/app/*", "true", "/app"},      {"/app/*", "false", ""},    {"/app/*", "\"\"", ""},
      {"/app/*", "\"/app/\"", "/app"}, {"/a/b/*", "\"/a\"", "/a"}, {"/a/*", "\"/a/b\"", "/a/b"},
      {"/a/*.png", "true", "/a"},      {"*.png", "\"/a\"", "/a"},  {"/*", "\"/a\"", "/a"},
      {"/a", "\"/a\"", "/a"},          {"/a/b", "\"/a\"", "/a"},   {"/app/*", "\"/\"", ""},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.path);
    CAPTURE(row.strip_prefix);
    const auto proxy = first_of<ProxyHandler>("path = \"" + std::string(row.path) +
                                              "\"\nhandler = \"proxy\"\nupstream = \"http://a\"\n" +
                                              "strip_prefix = " + row.strip_prefix + "\n");
    CHECK(proxy.strip_prefix == row.taken_off);
  }
}

TEST_CASE("What requests have in common is told by one word, or a kind and a name") {
  using Kind = HashKey::Kind;
  struct Row {
    const char* text;
    Kind kind;
    const char* name;
  };
  constexpr Row kRows[] = {{"client", Kind::client, ""},
                           {"path", Kind::path, ""},
                           {"cookie:sid", Kind::cookie, "sid"},
                           {"header:X-User", Kind::header, "X-User"}};
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const auto proxy = first_of<ProxyHandler>(
        "path = \"/*\"\nhandler = \"proxy\"\nupstream = \"http://a\"\nbalance = \"hash\"\n"
        "hash_key = \"" +
        std::string(row.text) + "\"\n");
    CHECK(proxy.pool.hash_key.kind == row.kind);
    CHECK(proxy.pool.hash_key.name == row.name);
  }
}

TEST_CASE("Gateways in force hold every key and read back to themselves") {
  const std::string written = to_toml(config_of(std::string(kSite) + std::string(kEvery)));
  CHECK(to_toml(config_of(written)) == written);
  for (std::string_view rest = kEvery; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t equals = line.find(" = ");
    if (equals == std::string_view::npos) continue;
    CAPTURE(line);
    CHECK(written.find("\n" + std::string(line.substr(0, equals)) + " = ") != std::string::npos);
  }
  const std::string without_root = to_toml(config_of(
      "[[site]]\n[[site.route]]\npath = \"/*\"\nhandler = \"scgi\"\nupstream = \"a:1\"\n"));
  CHECK(to_toml(config_of(without_root)) == without_root);
}

}  // namespace
}  // namespace uvhttpd::config::tests
