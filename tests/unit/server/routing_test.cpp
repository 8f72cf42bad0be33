// SPDX-License-Identifier: MIT
// unit/server/routing_test.cpp: which site and which route a request goes to.
#include <doctest/doctest.h>

#include "server/runtime.h"
#include "server/site.h"
#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

using Kind = config::PathPattern::Kind;

config::PathPattern exact(const std::string& path) { return {Kind::exact, path, path, ""}; }
config::PathPattern prefix(const std::string& path) { return {Kind::prefix, path + "*", path, ""}; }
config::PathPattern extension(const std::string& directory, const std::string& ending) {
  return {Kind::extension, directory + "*" + ending, directory, ending};
}

TEST_CASE("path_matches takes what the pattern says") {
  struct Row {
    std::string name;
    config::PathPattern pattern;
    std::string path;
    bool path_info;
    std::string matched;  // "-": the path is not taken
  };
  const Row rows[] = {
      {"exact", exact("/a"), "/a", false, "a"},
      {"exact, with a slash", exact("/a"), "/a/", false, "-"},
      {"exact, longer", exact("/a"), "/ab", false, "-"},
      {"exact root", exact("/"), "/", false, ""},
      {"everything", prefix("/"), "/", false, ""},
      {"everything, deep", prefix("/"), "/a/b.c", false, "a/b.c"},
      {"prefix itself", prefix("/docs/"), "/docs", false, ""},
      {"prefix with its slash", prefix("/docs/"), "/docs/", false, ""},
      {"below the prefix", prefix("/docs/"), "/docs/a/b", false, "a/b"},
      {"beside the prefix", prefix("/docs/"), "/docsy", false, "-"},
      {"a part of the prefix", prefix("/docs/"), "/doc", false, "-"},
      {"above the prefix", prefix("/docs/"), "/", false, "-"},
      {"case matters", prefix("/docs/"), "/Docs/a", false, "-"},
      {"ending", extension("", ".php"), "/a/b.php", false, "a/b.php"},
      {"another ending", extension("", ".php"), "/a.phpx", false, "-"},
      {"ending of a directory", extension("", ".php"), "/a.php/b", false, "-"},
      {"ending and path info", extension("", ".php"), "/a.php/b", true, "a.php/b"},
      {"ending below", extension("/app/", ".php"), "/app/x/b.php", false, "app/x/b.php"},
      {"ending elsewhere", extension("/app/", ".php"), "/b.php", false, "-"},
      {"ending elsewhere, path info", extension("/app/", ".php"), "/b.php/app/", true, "-"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    std::string_view matched;
    const bool taken = path_matches(row.pattern, row.path, row.path_info, matched);
    CHECK(taken == (row.matched != "-"));
    if (taken) CHECK(std::string(matched) == row.matched);
  }
}

// "NAME of matched", or "405: METHODS", or "404".
std::string chosen(const SiteRuntime& site, std::string_view path, std::string_view method) {
  const RouteChoice choice = choose_route(site, path, method);
  if (choice.route != nullptr)
    return choice.route->handler_name + " of " + std::string(choice.matched);
  if (choice.allowed.empty()) return "404";
  std::string allowed;
  for (const std::string& each : choice.allowed) allowed += " " + each;
  return "405:" + allowed;
}

const SiteRuntime& only_site(TestServer& server) {
  const SiteRuntime* site = server.context.runtime()->find_site("any");
  REQUIRE(site != nullptr);
  return *site;
}

TEST_CASE("choose_route takes the first route whose path and method fit") {
  TestServer server("[[site]]\n" + route("/a/*", "form", "methods = [\"POST\", \"PUT\"]") +
                        route("/a/*", "page", "methods = [\"GET\"]") +
                        route("/a/b", "never", "methods = [\"PATCH\"]") + route("/b/*", "any"),
                    {{"form", {}}, {"page", {}}, {"never", {}}, {"any", {}}});
  const SiteRuntime& site = only_site(server);
  CHECK(chosen(site, "/a/b", "POST") == "form of b");
  CHECK(chosen(site, "/a/b", "GET") == "page of b");
  CHECK(chosen(site, "/b/c", "DELETE") == "any of c");
  CHECK(chosen(site, "/c", "GET") == "404");
  SUBCASE("and with GET goes HEAD") { CHECK(chosen(site, "/a/b", "HEAD") == "page of b"); }
  SUBCASE("and without one names the methods of all routes that have the path") {
    CHECK(chosen(site, "/a/c", "DELETE") == "405: POST PUT GET HEAD");
    CHECK(chosen(site, "/a/b", "DELETE") == "405: POST PUT GET HEAD PATCH");
  }
}

TEST_CASE("choose_route tells what it made of each route") {
  TestServer server("[[site]]\n" + route("/a/*", "form", "methods = [\"POST\"]") +
                        route("/b/*", "any") + route("*.cgi", "program", "methods = [\"POST\"]") +
                        route("/*", "files"),
                    {{"form", {}}, {"any", {}}, {"program", {{}, {}, true}}, {"files", {}}});
  const SiteRuntime& site = only_site(server);
  using V = RouteVerdict;
  struct Row {
    std::string path;
    std::string method;
    std::vector<RouteVerdict> verdicts;
  };
  const Row rows[] = {
      {"/a/x", "POST", {V::chosen, V::not_asked, V::not_asked, V::not_asked}},
      {"/a/x", "GET", {V::other_method, V::other_path, V::other_path, V::chosen}},
      {"/b/x", "GET", {V::other_path, V::chosen, V::not_asked, V::not_asked}},
      {"/x.cgi", "GET", {V::other_path, V::other_path, V::other_method, V::shielded}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.path);
    CAPTURE(row.method);
    std::vector<RouteVerdict> verdicts;
    const RouteChoice told = choose_route(site, row.path, row.method, verdicts);
    CHECK(verdicts == row.verdicts);
    CHECK(told.route == choose_route(site, row.path, row.method).route);
  }
}

TEST_CASE("A route takes what both its configuration and its handler take") {
  TestServer server("[[site]]\n" + route("/both", "files", "methods = [\"POST\", \"GET\"]") +
                        route("/handler", "files"),
                    {{"files", {{}, {"GET", "HEAD"}}}});
  const SiteRuntime& site = only_site(server);
  CHECK(chosen(site, "/both", "POST") == "405: GET HEAD");
  CHECK(chosen(site, "/both", "GET") == "files of both");
  CHECK(chosen(site, "/handler", "POST") == "405: GET HEAD");
}

TEST_CASE(
    "A route that names only methods its handler does not take is an error, not open to all") {
  TestServer server(
      usual_site(),
      {{"echo", {}}, {"early", {}}, {"stream", {}}, {"target", {{}, {"GET", "HEAD"}}}});
  const auto config = config_of("[[site]]\n" + route("/x", "target", "methods = [\"POST\"]"));
  const auto runtime =
      Runtime::build(config, build_fake, server.loop, server.log, server.activity, 1);
  REQUIRE_FALSE(runtime.has_value());
  CHECK(runtime.error().message ==
        "the route \"/x\" names no method that the handler \"target\" takes");
}

TEST_CASE("What a program route has refused never falls through to files") {
  TestServer server(
      "[[site]]\n" + route("*.cgi", "program", "methods = [\"POST\"]") + route("/*", "files"),
      {{"program", {{}, {}, true}}, {"files", {{}, {"GET", "HEAD"}}}});
  const SiteRuntime& site = only_site(server);
  CHECK(chosen(site, "/a.cgi", "POST") == "program of a.cgi");
  CHECK(chosen(site, "/a.cgi", "GET") == "405: POST");
  CHECK(chosen(site, "/a.cgi/info", "GET") == "405: POST");
  CHECK(chosen(site, "/a.txt", "GET") == "files of a.txt");
}

TEST_CASE("What one program route has refused may go to another") {
  TestServer server("[[site]]\n" + route("*.cgi", "first", "methods = [\"POST\"]") +
                        route("/*", "second", "methods = [\"GET\"]"),
                    {{"first", {{}, {}, true}}, {"second", {{}, {}, true}}});
  CHECK(chosen(only_site(server), "/a.cgi", "GET") == "second of a.cgi");
}

std::string site_of(const TestServer& server, std::string_view host) {
  const SiteRuntime* site = server.context.runtime()->find_site(host);
  return site != nullptr ? site->name : "none";
}

TEST_CASE("find_site prefers the exact name, then the longest wildcard, then the default") {
  const std::string any = route("/*", "any");
  const std::string named = "[[site]]\nhosts = [\"*.example.org\"]\n" + any +
                            "[[site]]\nhosts = [\"a.example.org\", \"alias.net\"]\n" + any +
                            "[[site]]\nhosts = [\"*.b.example.org\"]\n" + any +
                            "[[site]]\nhosts = [\"[::1]\", \"192.0.2.1\"]\n" + any;
  const Fakes fakes = {{"any", {}}};
  TestServer with_default(named + "[[site]]\n" + any, fakes);
  TestServer without(named, fakes);
  struct Row {
    std::string name;
    std::string host;
    std::string site;  // "default": 421 where there is none
  };
  const Row rows[] = {
      {"exact beats wildcard", "a.example.org", "a.example.org"},
      {"another name of the site", "alias.net", "a.example.org"},
      {"wildcard", "x.example.org", "*.example.org"},
      {"wildcard over more labels", "x.y.example.org", "*.example.org"},
      {"the longer wildcard", "x.b.example.org", "*.b.example.org"},
      {"a wildcard does not take its own end", "example.org", "default"},
      {"the end of a longer wildcard", "b.example.org", "*.example.org"},
      {"a name that only ends alike", "badexample.org", "default"},
      {"IPv6", "[::1]", "[::1]"},
      {"IPv4", "192.0.2.1", "[::1]"},
      {"unknown", "example.com", "default"},
      {"none at all", "", "default"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(site_of(with_default, row.host) == row.site);
    CHECK(site_of(without, row.host) == (row.site == "default" ? "none" : row.site));
  }
}

TEST_CASE(
    "The fields of the site and the route are merged, the route's name replacing the site's") {
  TestServer server("[[site]]\nheaders = { X-Site = \"site\", X-Both = \"site\" }\n" +
                        route("/*", "any", "headers = { x-both = \"route\", X-Route = \"route\" }"),
                    {{"any", {answer_with_target}}});
  TestClient client(server, get("/"));
  const Answer answer = answer_in(client.take());
  CHECK(answer.field("X-Site") == "site");
  CHECK(answer.field("x-both") == "route");
  CHECK_FALSE(answer.has("X-Both"));
  CHECK(answer.field("X-Route") == "route");
}

TEST_CASE("A configured field replaces the handler's own, and only once it is one of those") {
  const Fakes fakes = {{"typed", {[](Exchange& exchange) {
                          ResponseHead head(exchange.arena());
                          head.add("Content-Type", "text/x-handler");
                          head.add("Vary", "Accept-Encoding");
                          exchange.respond(head, nullptr);
                        }}}};
  TestServer server(
      "[[site]]\n" + route("/*", "typed", "headers = { content-type = \"text/x-own\" }"), fakes);
  CHECK_FALSE(only_site(server).routes[0].headers_are_additive);
  TestClient client(server, get("/"));
  const Answer answer = answer_in(client.take());
  CHECK(answer.field("content-type") == "text/x-own");
  CHECK_FALSE(answer.has("Content-Type"));
  CHECK(answer.field("Vary") == "Accept-Encoding");
}

// "192.0.2.1:443" or "[::]:443", with TLS.
config::Listener tls_listener(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  config::Listener listener;
  listener.address = address;
  listener.host = address.substr(0, colon);
  if (listener.host.starts_with('[')) listener.host = address.substr(1, colon - 2);
  listener.port = static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1)));
  listener.tls = true;
  return listener;
}

TEST_CASE("redirect_https leads to what the client can reach, then to the usual port") {
  TestServer server("[[site]]\n" + route("/*", "any"), {{"any", {}}});
  struct Row {
    std::string name;
    std::vector<std::string> listeners;
    std::string reached;
    std::string port;
  };
  const Row rows[] = {
      {"none has TLS", {}, "127.0.0.1", ""},
      {"the address itself", {"127.0.0.1:18210", "[::]:18211"}, "127.0.0.1", ":18210"},
      {"a wildcard", {"127.0.0.1:18210", "[::]:18211"}, "::1", ":18211"},
      {"the address before a wildcard", {"0.0.0.0:443", "192.0.2.1:8443"}, "192.0.2.1", ":8443"},
      {"a wildcard of both families", {"[2001:db8::1]:1", "[::]:2"}, "192.0.2.1", ":2"},
      {"a wildcard of the other family", {"0.0.0.0:1", "[2001:db8::1]:443"}, "::1", ""},
      {"of two wildcards the usual port", {"0.0.0.0:8443", "[::]:443"}, "192.0.2.1", ""},
      {"the usual port where none is reached",
       {"192.0.2.1:8443", "192.0.2.2:443"},
       "192.0.2.3",
       ""},
      {"the first where none is usual", {"192.0.2.1:8443", "192.0.2.2:9443"}, "192.0.2.3", ":8443"},
      {"an unknown address", {"127.0.0.1:8443", "[::]:443"}, "", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    config::Config config = server.context.runtime()->config();
    config.listeners.clear();
    for (const std::string& each : row.listeners) config.listeners.push_back(tls_listener(each));
    const auto runtime = Runtime::build(std::make_shared<const config::Config>(config), build_fake,
                                        server.loop, server.log, server.activity, 1);
    REQUIRE(runtime.has_value());
    const PeerAddress reached = PeerAddress::parse(row.reached).value_or(PeerAddress{});
    CHECK((*runtime)->https_port(reached) == row.port);
  }
}

TEST_CASE("A handler that cannot be built prevents the runtime, and the old one goes on") {
  TestServer server(usual_site(), usual_fakes());
  const auto config =
      config_of("[[site]]\n[[site.route]]\npath = \"/*\"\nhandler = \"redirect\"\nto = \"/x\"\n");
  const auto runtime =
      Runtime::build(config, build_fake, server.loop, server.log, server.activity, 1);
  REQUIRE_FALSE(runtime.has_value());
  CHECK(runtime.error().message == "not a fake");
  TestClient client(server, get("/a"));
  CHECK(answer_in(client.take()).body == "/a");
}

}  // namespace
}  // namespace uvhttpd::tests
