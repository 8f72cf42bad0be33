// SPDX-License-Identifier: MIT
// unit/server/connection_interim_test.cpp: interim responses on the way to the response
// (RFC 9110 section 15.2).
#include <doctest/doctest.h>

#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

void send_hints(Exchange& exchange, http::Status status = 103) {
  ResponseHead hints(exchange.arena(), status);
  hints.add("Link", "</style.css>; rel=preload");
  exchange.inform(hints);
}

const std::string kHints = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";

// The handlers keep their exchange, for the test to go on with.
struct Held {
  Exchange* exchange = nullptr;
  Fakes fakes() {
    return {{"hold", {[this](Exchange& asked) {
               exchange = &asked;
               send_hints(asked);
             }}}};
  }
};
const std::string kSite = "[[site]]\nheaders = { X-Site = \"yes\" }\n" + route("/*", "hold");

TEST_CASE("An interim response leaves at once and holds the handler's fields alone") {
  Held held;
  TestServer server(kSite, held.fakes());
  TestClient client(server, get("/"));
  CHECK(client.take() == kHints);
  send_hints(*held.exchange);
  client.pump();
  CHECK(client.take() == kHints);
  respond_with(*held.exchange, "done");
  client.pump();
  const Answer answer = answer_in(client.take());
  CHECK(answer.status == 200);
  CHECK(answer.body == "done");
  CHECK(answer.field("X-Site") == "yes");
}

TEST_CASE("Interim responses stand in front of their own response in a pipeline") {
  const Fakes fakes = {{"hold", {[](Exchange& exchange) {
                          send_hints(exchange);
                          answer_with_target(exchange);
                        }}}};
  TestServer server(kSite, fakes);
  TestClient client(server, get("/a") + get("/b"));
  const std::vector<Answer> answers = answers_in(client.take());
  REQUIRE(answers.size() == 4);
  CHECK(answers[0].status == 103);
  CHECK(answers[1].body == "/a");
  CHECK(answers[2].status == 103);
  CHECK(answers[3].body == "/b");
}

TEST_CASE("HTTP/1.0 clients get no interim response") {
  Held held;
  TestServer server(kSite, held.fakes());
  TestClient client(server, "GET / HTTP/1.0\r\n\r\n");
  CHECK(client.take().empty());
  respond_with(*held.exchange, "done");
  client.pump();
  CHECK(answer_in(client.take()).status == 200);
}

TEST_CASE("Handlers cannot send 100 Continue themselves") {
  const Fakes fakes = {{"hold", {[](Exchange& exchange) {
                          send_hints(exchange, 100);
                          respond_with(exchange, "done");
                        }}}};
  TestServer server(kSite, fakes);
  TestClient client(server, get("/"));
  CHECK(answer_in(client.take()).status == 200);
}

TEST_CASE("An interim response behind the response is not sent") {
  Held held;
  TestServer server(kSite, held.fakes());
  TestClient client(server, get("/"));
  client.take();
  auto& source = held.exchange->keep<ScriptedSource>(
      std::vector<ScriptedSource::Step>{{"one", PullResult::more}});
  held.exchange->respond(ResponseHead(held.exchange->arena()), &source);
  send_hints(*held.exchange);
  source.add({"two", PullResult::end});
  held.exchange->wake();
  client.pump();
  CHECK(answer_in(client.take()).body == "onetwo");
}

TEST_CASE("A request body goes on behind an interim response") {
  const Fakes fakes = {{"hold", {[](Exchange& exchange) {
                          send_hints(exchange);
                          echo_body(exchange);
                        }}}};
  TestServer server(kSite, fakes);
  TestClient client(server, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
  CHECK(client.take() == kHints);
  client.send("cd");
  CHECK(answer_in(client.take()).body == "abcd");
}

TEST_CASE("Interim responses to a client that takes nothing are bounded") {
  Held held;
  TestServer server(kSite, held.fakes());
  TestClient client(server, get("/"), [](Wire& wire) { wire.window = 0; });
  for (int i = 0; i < 10'000; ++i) send_hints(*held.exchange);
  client.open_window(SIZE_MAX);
  const std::size_t sent = client.take().size();
  CHECK(sent > 32u << 10);
  CHECK(sent < 80u << 10);
  respond_with(*held.exchange, "done");
  client.pump();
  CHECK(answer_in(client.take()).status == 200);
}

TEST_CASE("An interim response that finds no client ends the exchange") {
  Lives lives;
  const Fakes fakes = {{"hold", {[&](Exchange& exchange) {
                          exchange.keep<Witness>(lives);
                          send_hints(exchange);
                        }}}};
  TestServer server(kSite, fakes);
  TestClient client(server, get("/"), [](Wire& wire) { wire.send.failed_at = 1; });
  CHECK(client.is_closed());
  CHECK(lives.ended == 1);
}

}  // namespace
}  // namespace uvhttpd::tests
