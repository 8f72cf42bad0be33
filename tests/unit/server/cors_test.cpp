// SPDX-License-Identifier: MIT
// unit/server/cors_test.cpp: what pages of other origins are told.
#include "server/cors.h"

#include <doctest/doctest.h>

#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

std::string site_with(std::string_view cors) {
  return "[[site]]\n" +
         route("/api/*", "target", "methods = [\"GET\", \"PUT\"]\ncors = " + std::string(cors)) +
         route("/form", "early", "methods = [\"POST\"]") + route("/*", "target");
}

Answer ask(TestServer& server, std::string_view method, std::string_view target,
           std::string_view fields) {
  TestClient client(server, std::string(method) + " " + std::string(target) +
                                " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n");
  return answer_in(client.take(), method == "HEAD");
}

Answer preflight(TestServer& server, std::string_view target, std::string_view origin,
                 std::string_view method) {
  return ask(server, "OPTIONS", target,
             "Origin: " + std::string(origin) +
                 "\r\nAccess-Control-Request-Method: " + std::string(method) + "\r\n");
}

TEST_CASE("An answer names the origin that may read it, if it is one of the route's") {
  TestServer server(site_with("{ origins = [\"https://a.example\", \"https://*.b.example:8443\"], "
                              "expose = [\"ETag\", \"X-Own\"] }"),
                    usual_fakes());
  struct Row {
    std::string name;
    std::string origin;
    bool is_allowed;
  };
  const Row rows[] = {
      {"the origin", "https://a.example", true},
      {"in capitals", "HTTPS://A.example", true},
      {"a subdomain", "https://x.b.example:8443", true},
      {"a subdomain of it", "https://y.x.b.example:8443", true},
      {"another scheme", "http://a.example", false},
      {"another port", "https://a.example:444", false},
      {"another host that ends so", "https://evil-a.example", false},
      {"the parent of subdomains", "https://b.example:8443", false},
      {"a name that only ends so", "https://xb.example:8443", false},
      {"no subdomain", "https://.b.example:8443", false},
      {"null", "null", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Answer answer = ask(server, "GET", "/api/x", "Origin: " + row.origin + "\r\n");
    CHECK(answer.status == 200);
    CHECK(answer.field("Access-Control-Allow-Origin") == (row.is_allowed ? row.origin : ""));
    CHECK(answer.field("Access-Control-Expose-Headers") == (row.is_allowed ? "ETag, X-Own" : ""));
    CHECK(answer.field("Vary") == "Origin");
    CHECK_FALSE(answer.has("Access-Control-Allow-Credentials"));
  }
  SUBCASE("without an origin it still says that it varies") {
    const Answer answer = ask(server, "GET", "/api/x", "");
    CHECK_FALSE(answer.has("Access-Control-Allow-Origin"));
    CHECK(answer.field("Vary") == "Origin");
  }
  SUBCASE("other routes say nothing") {
    const Answer answer = ask(server, "GET", "/x", "Origin: https://a.example\r\n");
    CHECK_FALSE(answer.has("Access-Control-Allow-Origin"));
    CHECK_FALSE(answer.has("Vary"));
  }
}

TEST_CASE("A route that is open to all says so to everybody, without varying") {
  TestServer server(site_with("{ origins = [\"*\"] }"), usual_fakes());
  for (const char* fields : {"", "Origin: https://a.example\r\n"}) {
    const Answer answer = ask(server, "GET", "/api/x", fields);
    CHECK(answer.field("Access-Control-Allow-Origin") == "*");
    CHECK_FALSE(answer.has("Vary"));
  }
}

TEST_CASE("A preflight is answered for the route of the request that it asks about") {
  TestServer server(
      site_with("{ origins = [\"https://a.example\"], headers = [\"Content-Type\", \"X-Own\"], "
                "credentials = true, max_age = \"90s\" }"),
      usual_fakes());
  const std::string origin = "https://a.example";
  SUBCASE("with all that the route allows") {
    const Answer answer = preflight(server, "/api/x", origin, "PUT");
    CHECK(answer.status == 204);
    CHECK(answer.field("Access-Control-Allow-Origin") == origin);
    CHECK(answer.field("Access-Control-Allow-Credentials") == "true");
    CHECK(answer.field("Access-Control-Allow-Methods") == "GET, PUT, HEAD");
    CHECK(answer.field("Access-Control-Allow-Headers") == "Content-Type, X-Own");
    CHECK(answer.field("Access-Control-Max-Age") == "90");
    CHECK(answer.field("Vary") ==
          "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  }
  SUBCASE("with a refusal for another origin") {
    const Answer answer = preflight(server, "/api/x", "https://evil.example", "PUT");
    CHECK(answer.status == 403);
    CHECK_FALSE(answer.has("Access-Control-Allow-Origin"));
    CHECK(answer.has("Vary"));
  }
  SUBCASE("not where the method goes to a route without rules: OPTIONS goes where it always does") {
    const Answer answer = preflight(server, "/form", origin, "POST");
    CHECK(answer.body == "/form");
    CHECK_FALSE(answer.has("Access-Control-Allow-Origin"));
  }
  SUBCASE("as OPTIONS always is without the method") {
    const Answer answer = ask(server, "OPTIONS", "/api/x", "Origin: " + origin + "\r\n");
    CHECK_FALSE(answer.has("Access-Control-Allow-Methods"));
  }
}

TEST_CASE("An answer that no route gives is the site's") {
  TestServer server("[[site]]\ncors = { origins = [\"https://a.example\"] }\n" +
                        route("/a", "target", "methods = [\"GET\"]"),
                    usual_fakes());
  for (const char* method : {"GET", "DELETE"}) {
    const Answer answer = ask(server, method, "/nothing", "Origin: https://a.example\r\n");
    CHECK(answer.status >= 400);
    CHECK(answer.field("Access-Control-Allow-Origin") == "https://a.example");
  }
  CHECK(ask(server, "DELETE", "/a", "Origin: https://a.example\r\n").field("Vary") == "Origin");
}

TEST_CASE("What a program says of other origins does not count beside the configuration") {
  TestServer server("[[site]]\n" +
                        route("/a", "open", "cors = { origins = [\"https://a.example\"] }") +
                        route("/b", "open"),
                    {{"open", {[](Exchange& exchange) {
                        ResponseHead head(exchange.arena());
                        head.add("Access-Control-Allow-Origin", "*");
                        head.add("access-control-allow-credentials", "true");
                        exchange.respond(head, nullptr);
                      }}}});
  const Answer other = ask(server, "GET", "/a", "Origin: https://evil.example\r\n");
  CHECK_FALSE(other.has("Access-Control-Allow-Origin"));
  CHECK_FALSE(other.has("access-control-allow-credentials"));
  CHECK(ask(server, "GET", "/a", "Origin: https://a.example\r\n")
            .field("Access-Control-Allow-Origin") == "https://a.example");
  CHECK(ask(server, "GET", "/b", "").field("Access-Control-Allow-Origin") == "*");
}

TEST_CASE("A failure of the route can be read by its origins too") {
  TestServer server(
      "[[site]]\n" + route("/api/*", "missing", "cors = { origins = [\"https://a.example\"] }"),
      {{"missing", {[](Exchange& exchange) { exchange.fail(404, {}); }}}});
  const Answer answer = ask(server, "GET", "/api/x", "Origin: https://a.example\r\n");
  CHECK(answer.status == 404);
  CHECK(answer.field("Access-Control-Allow-Origin") == "https://a.example");
}

}  // namespace
}  // namespace uvhttpd::tests
