// SPDX-License-Identifier: MIT
// unit/server/pipeline_test.cpp: what the server itself answers, before and instead of a handler,
// and the pages it uses for that.
#include <doctest/doctest.h>

#include <filesystem>

#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

std::string request(std::string_view method, std::string_view target, std::string_view host = "a") {
  return std::string(method) + " " + std::string(target) +
         " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n";
}

const std::string& site_with_methods() {
  static const std::string kSite = "[[site]]\nheaders = { X-Site = \"yes\" }\n" +
                                   route("/form", "target", "methods = [\"POST\"]") +
                                   route("/form", "target", "methods = [\"GET\"]") +
                                   route("/any", "target");
  return kSite;
}

TEST_CASE("A path that no route has is not found") {
  TestServer server(site_with_methods(), usual_fakes());
  TestClient client(server, request("GET", "/nothing"));
  const Answer answer = answer_in(client.take());
  CHECK(answer.status == 404);
  CHECK(answer.field("Content-Type") == "text/html; charset=utf-8");
  CHECK(answer.body.find("404 Not Found") != std::string::npos);
  CHECK(answer.field("X-Site") == "yes");
  CHECK_FALSE(client.is_closed());
}

TEST_CASE("A method that no route of the path takes is answered with all that are") {
  TestServer server(site_with_methods(), usual_fakes());
  TestClient client(server, request("DELETE", "/form"));
  const Answer answer = answer_in(client.take());
  CHECK(answer.status == 405);
  CHECK(answer.field("Allow") == "POST, GET, HEAD, OPTIONS");
  CHECK_FALSE(client.is_closed());
}

TEST_CASE("OPTIONS is answered with the methods of the path") {
  TestServer server(site_with_methods(), usual_fakes());
  TestClient client(server, request("OPTIONS", "/form"));
  const Answer answer = answer_in(client.take());
  CHECK(answer.status == 204);
  CHECK(answer.field("Allow") == "POST, GET, HEAD, OPTIONS");
}

TEST_CASE("OPTIONS reaches a handler that takes every method") {
  TestServer server(site_with_methods(), usual_fakes());
  TestClient client(server, request("OPTIONS", "/any"));
  CHECK(answer_in(client.take()).body == "/any");
}

TEST_CASE("OPTIONS * is for the server") {
  TestServer server(site_with_methods(), usual_fakes());
  TestClient client(server, request("OPTIONS", "*"));
  const Answer answer = answer_in(client.take());
  CHECK(answer.status == 204);
  CHECK(answer.has("Allow"));
}

TEST_CASE("TRACE and CONNECT are refused with Allow, and do nothing") {
  TestServer server(site_with_methods(), usual_fakes());
  for (const auto& bytes : {request("TRACE", "/any"), request("CONNECT", "a:80")}) {
    CAPTURE(bytes);
    TestClient client(server, bytes);
    const Answer answer = answer_in(client.take());
    CHECK(answer.status == 405);
    CHECK(answer.has("Allow"));
  }
}

TEST_CASE("A host that no site has is misdirected") {
  TestServer server("[[site]]\nhosts = [\"example.org\"]\n" + route("/*", "target"), usual_fakes());
  TestClient client(server, request("GET", "/", "example.com"));
  CHECK(answer_in(client.take()).status == 421);
  client.send(request("GET", "/a", "EXAMPLE.org:8080"));
  CHECK(answer_in(client.take()).body == "/a");
  SUBCASE("and an absolute target beats Host") {
    client.send(request("GET", "http://example.org/b", "example.com"));
    CHECK(answer_in(client.take()).status == 200);
    client.send(request("GET", "http://example.com/b", "example.org"));
    CHECK(answer_in(client.take()).status == 421);
  }
}

TEST_CASE("fail() adds the handler's fields and tells the error log why") {
  TestServer server("[[site]]\n" + route("/*", "failing"),
                    {{"failing", {[](Exchange& exchange) {
                        const http::ResponseField retry{"Retry-After", "7"};
                        exchange.fail(503, "no room", {&retry, 1});
                      }}}});
  TestClient client(server, get("/a%22b"));
  const Answer answer = answer_in(client.take());
  CHECK(answer.status == 503);
  CHECK(answer.field("Retry-After") == "7");
  const std::string log = server.error_log();
  CHECK(log.find("GET /a%22b: no room (503)") != std::string::npos);
}

TEST_CASE("The operator's error pages are used, the status's own before its class's") {
  TempDir root;
  root.write("404.html", "own 404");
  root.write("4xx.txt", "some 4xx");
  TestServer server(
      "[cache]\nrevalidate = 0\n[[site]]\nroot = \"" + root.path() +
          "\"\nerror_pages = { 404 = \"/404.html\", 4xx = \"/4xx.txt\", 5xx = \"/gone.html\" }\n" +
          route("/400", "bad") + route("/503", "failing") + route("/404", "absent"),
      {{"bad", {[](Exchange& exchange) { exchange.fail(400, {}); }}},
       {"absent", {[](Exchange& exchange) { exchange.fail(404, {}); }}},
       {"failing", {[](Exchange& exchange) { exchange.fail(503, {}); }}}},
      [](const config::Route& each, const HandlerContext& context) {
        if (std::holds_alternative<config::RespondHandler>(each.handler)) {
          return build_fake(each, context);
        }
        static const Fake kNothing{[](Exchange& exchange) { exchange.fail(404, {}); }};
        return Result<BuiltHandler>(
            BuiltHandler{std::make_unique<FakeHandler>(kNothing), "none", {}, false});
      });
  SUBCASE("the status's own") {
    TestClient client(server, get("/404"));
    const Answer answer = answer_in(client.take());
    CHECK(answer.status == 404);
    CHECK(answer.body == "own 404");
    CHECK(answer.field("Content-Type") == "text/html; charset=utf-8");
  }
  SUBCASE("its class's") {
    TestClient client(server, get("/400"));
    const Answer answer = answer_in(client.take());
    CHECK(answer.status == 400);
    CHECK(answer.body == "some 4xx");
    CHECK(answer.field("Content-Type") == "text/plain; charset=utf-8");
  }
  SUBCASE("ours when theirs cannot be read") {
    TestClient client(server, get("/503"));
    const Answer answer = answer_in(client.take());
    CHECK(answer.status == 503);
    CHECK(answer.body.find("503 Service Unavailable") != std::string::npos);
  }
  SUBCASE("anew when the file has changed") {
    TestClient client(server, get("/404"));
    client.take();
    root.write("404.html", "another 404");
    client.send(get("/404"));
    CHECK(answer_in(client.take()).body == "another 404");
  }
  SUBCASE("without a body for HEAD") {
    TestClient client(server, "HEAD /404 HTTP/1.1\r\nHost: a\r\n\r\n");
    const Answer answer = answer_in(client.take(), true);
    CHECK(answer.field("Content-Length") == "7");
  }
}

TEST_CASE("An error page that is no regular file, or leads out of the root, is not used") {
  TempDir root;
  root.write("outside", "secret");
  std::filesystem::create_directory(root / "www");
  std::filesystem::create_symlink("../outside", root / "www/link.html");
  REQUIRE(::mkfifo((root / "www/fifo.html").c_str(), 0600) == 0);
  config::Site site;
  site.files.root = root / "www";
  site.error_pages = {{404, "/link.html"}, {403, "/fifo.html"}, {405, "/none.html"}};
  const config::Config config;
  ErrorPages pages(config, site);
  for (const unsigned status : {404u, 403u, 405u}) {
    CHECK(pages.page(status, TimePoint{}).body->find(std::to_string(status)) != std::string::npos);
  }
}

TEST_CASE("server_header decides what Server says") {
  TestServer named(usual_site("[server]\nserver_header = \"other\""), usual_fakes());
  TestClient client(named, get("/"));
  CHECK(answer_in(client.take()).field("Server") == "other");
  TestServer silent(usual_site("[server]\nserver_header = \"\""), usual_fakes());
  TestClient other(silent, get("/"));
  CHECK_FALSE(answer_in(other.take()).has("Server"));
}

}  // namespace
}  // namespace uvhttpd::tests
