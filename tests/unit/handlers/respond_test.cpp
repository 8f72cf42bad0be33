// SPDX-License-Identifier: MIT
// unit/handlers/respond_test.cpp: fixed answers.
#include "handlers/respond.h"

#include <doctest/doctest.h>

#include "unit/handlers/built_handlers.h"

namespace uvhttpd::tests {
namespace {

TEST_CASE("Respond answers as configured") {
  TestServer server(
      "[[site]]\n" + route("/text", "hello") +
          route("/json", "{}",
                "status = 503\ntype = \"application/json\"\nheaders = { Retry-After = \"5\" }") +
          "[[site.route]]\npath = \"/nothing\"\nhandler = \"respond\"\nstatus = 204\n",
      {}, build_real);
  SUBCASE("with text by default") {
    const Answer answer = ask(server, "/text");
    CHECK(answer.status == 200);
    CHECK(answer.body == "hello");
    CHECK(answer.field("Content-Type") == "text/plain; charset=utf-8");
    CHECK(answer.field("Content-Length") == "5");
  }
  SUBCASE("with status, type and fields") {
    const Answer answer = ask(server, "/json");
    CHECK(answer.status == 503);
    CHECK(answer.body == "{}");
    CHECK(answer.field("Content-Type") == "application/json");
    CHECK(answer.field("Retry-After") == "5");
  }
  SUBCASE("without a body") {
    const Answer answer = ask(server, "/nothing");
    CHECK(answer.status == 204);
    CHECK_FALSE(answer.has("Content-Type"));
    CHECK_FALSE(answer.has("Content-Length"));
  }
  SUBCASE("to HEAD with the length only") {
    CHECK(ask(server, "/text", "", "HEAD").field("Content-Length") == "5");
  }
  SUBCASE("to any method, whose body is thrown away") {
    TestClient client(server,
                      "PUT /text HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
                      "GET /text HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::vector<Answer> answers = answers_in(client.take());
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].body == "hello");
    CHECK(answers[1].body == "hello");
  }
}

TEST_CASE("Respond sends a large body whole, also after its configuration is replaced") {
  const std::string body(16'000, 'x');
  TestServer server("[[site]]\n" + route("/*", body), {}, build_real);
  TestClient client(server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                    [](Wire& wire) { wire.window = 1000; });
  server.use("[[site]]\n" + route("/*", "new"));
  client.open_window(SIZE_MAX);
  CHECK((answer_in(client.take()).body == body));
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(answer_in(client.take()).body == "new");
}

}  // namespace
}  // namespace uvhttpd::tests
