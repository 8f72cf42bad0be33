// SPDX-License-Identifier: MIT
// unit/server/internal_redirect_test.cpp: a handler has another target answer in its place (RFC
// 3875 section 6.2.2).
#include <doctest/doctest.h>

#include <optional>

#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

// "/from" sends on to `target`; all else notes the request that it was given.
struct Sender {
  std::string target = "/to?x=1";
  std::optional<bool> accepted;
  std::string line;
  std::string fields;
  bool has_body = true;
  std::string matched;
  std::string host;
  Lives lives;

  void send_on(Exchange& exchange) {
    exchange.keep<Witness>(lives);
    accepted = exchange.redirect_internally(target);
    if (!*accepted) exchange.fail(502, "too many or no target");
  }
  void note(Exchange& exchange) {
    const Request& request = exchange.request();
    line = std::string(request.head.method_text) + " " + std::string(request.head.target);
    for (const http::Field& field : request.head.fields.all()) {
      fields += std::string(field.name) + ";";
    }
    has_body = request.has_body() || request.framing.has_length || request.framing.expect_continue;
    matched = request.matched;
    host = request.target.host;
    // While the redirect is under way its handler's state is there.
    if (!accepted) CHECK(lives.begun > lives.ended);
    respond_with(exchange, "answer");
  }
  Fakes fakes() {
    return {{"from", {[this](Exchange& exchange) { send_on(exchange); }}},
            {"late", {[this](Exchange& exchange) {
               auto& sink = exchange.keep<CollectingSink>();
               sink.on_finish = [this, &exchange] { send_on(exchange); };
               exchange.receive_body(sink);
             }}},
            {"echo", {echo_body}},
            {"note", {[this](Exchange& exchange) { note(exchange); }}}};
  }
};

std::string site(std::string_view start = "") {
  return std::string(start) + "\n[[site]]\n" + route("/from", "from") + route("/late", "late") +
         route("/echo", "echo") + route("/only-post", "note", "methods = [\"POST\"]") +
         route("/to/*", "note") + route("/to", "note");
}

TEST_CASE("An internal redirect is answered by the route of its target") {
  Sender sender;
  sender.target = "/to/a%20b?x=1";
  TestServer server(site(), sender.fakes());
  TestClient client(server, get("/from?old", "Range: bytes=0-1\r\nX-More: y\r\n"));
  const Answer answer = answer_in(client.take());
  CHECK(answer.status == 200);
  CHECK(answer.body == "answer");
  CHECK(sender.line == "GET /to/a%20b?x=1");
  CHECK(sender.matched == "a b");
  CHECK(sender.fields == "Host;Range;X-More;");
  CHECK(sender.accepted == true);
  CHECK(sender.lives.ended == 1);
  CHECK_FALSE(client.is_closed());
}

TEST_CASE("The target of an internal redirect gets a GET without a body") {
  Sender sender;
  TestServer server(site(), sender.fakes());
  const std::string fields = "Content-Type: text/plain\r\nContent-Encoding: gzip\r\nX-More: y\r\n";
  SUBCASE("when the body was not read") {
    TestClient client(server, post("/from", "body", fields) + get("/to/next"));
    CHECK(answers_in(client.take()).size() == 2);
  }
  SUBCASE("when the body was read") {
    TestClient client(server, post("/late", "body", fields) + get("/to/next"));
    CHECK(answers_in(client.take()).size() == 2);
  }
  CHECK_FALSE(sender.has_body);
  CHECK(sender.fields.starts_with("Host;X-More;"));
}

TEST_CASE("What still comes of the old body is discarded, however it is cut") {
  const std::string bytes =
      post_chunked("/from", "5\r\nGET /\r\n3\r\nabc\r\n0\r\n\r\n", "Content-Type: a/b\r\n") +
      get("/to/next");
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    CAPTURE(cut);
    Sender sender;
    TestServer server(site(), sender.fakes());
    TestClient client(server, bytes.substr(0, cut));
    client.send(bytes.substr(cut));
    const std::vector<Answer> answers = answers_in(client.take());
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].body == "answer");
    CHECK(sender.line == "GET /to/next");
  }
}

TEST_CASE("A handler behind an internal redirect that asks for a body gets an empty one") {
  Sender sender;
  sender.target = "/echo";
  TestServer server(site(), sender.fakes());
  TestClient client(server, "POST /from HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
  const Answer answer = answer_in(client.take());
  CHECK(answer.status == 200);
  CHECK(answer.body.empty());
  client.send("cd" + get("/to"));
  CHECK(answer_in(client.take()).body == "answer");
}

TEST_CASE("A redirect in the middle of a body leaves the sink alone from then on") {
  Sender sender;
  CollectingSink sink;
  Exchange* waiting = nullptr;
  Fakes fakes = sender.fakes();
  fakes["from"] = {[&](Exchange& exchange) {
    waiting = &exchange;
    exchange.receive_body(sink);
  }};
  TestServer server(site(), fakes);
  TestClient client(server, "POST /from HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
  CHECK(sink.bytes == "ab");
  sender.send_on(*waiting);
  client.pump();
  CHECK(answer_in(client.take()).body == "answer");
  client.send("cd" + get("/to/next"));
  CHECK(answer_in(client.take()).body == "answer");
  CHECK(sink.bytes == "ab");
  CHECK_FALSE(sink.finished);
}

TEST_CASE("A long body that nobody read ends the connection after the answer") {
  Sender sender;
  TestServer server(site(), sender.fakes());
  TestClient client(server, "POST /from HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\nab");
  CHECK(answer_in(client.take()).field("Connection") == "close");
}

TEST_CASE("HEAD stays HEAD through an internal redirect") {
  Sender sender;
  TestServer server(site(), sender.fakes());
  TestClient client(server, "HEAD /from HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string answer = client.take();
  CHECK(answer.ends_with("\r\n\r\n"));
  CHECK(answer_in(answer, true).field("Content-Length") == "6");
  CHECK(sender.line == "HEAD /to?x=1");
}

TEST_CASE("HTTP/1.0 requests are redirected internally like others") {
  Sender sender;
  TestServer server(site(), sender.fakes());
  TestClient client(server, "POST /from HTTP/1.0\r\nContent-Length: 2\r\n\r\nab");
  CHECK(answer_in(client.take()).body == "answer");
  CHECK(client.is_half_closed());
}

TEST_CASE("Routing says what it always says about the target of an internal redirect") {
  Sender sender;
  SUBCASE("no route") {
    sender.target = "/nowhere";
    TestServer server(site(), sender.fakes());
    TestClient client(server, get("/from"));
    CHECK(answer_in(client.take()).status == 404);
  }
  SUBCASE("no such method") {
    sender.target = "/only-post";
    TestServer server(site(), sender.fakes());
    TestClient client(server, post("/from", "body"));
    CHECK(answer_in(client.take()).status == 405);
  }
}

TEST_CASE("An internal redirect stays within the site that the client asked for") {
  Sender sender;
  TestServer server("[[site]]\nhosts = [\"other.example\"]\n" + route("/*", "late") +
                        "[[site]]\nhosts = [\"one.example\"]\n" + route("/from", "from") +
                        route("/*", "note"),
                    sender.fakes());
  TestClient client(server, "GET http://one.example/from HTTP/1.1\r\nHost: other.example\r\n\r\n");
  CHECK(answer_in(client.take()).body == "answer");
  CHECK(sender.host == "one.example");
}

TEST_CASE("Internal redirects that go in circles end after five") {
  Sender sender;
  sender.target = "/from";
  TestServer server(site(), sender.fakes());
  TestClient client(server, get("/from"));
  CHECK(answer_in(client.take()).status == 502);
  CHECK(sender.lives.begun == 6);
  CHECK(sender.lives.ended == 6);
  // The next request begins to count anew.
  sender = {};
  client.send(get("/from"));
  CHECK(answer_in(client.take()).body == "answer");
}

TEST_CASE("An internal redirect needs a valid path") {
  const char* target = nullptr;
  SUBCASE("nothing") { target = ""; }
  SUBCASE("a host") { target = "http://a/b"; }
  SUBCASE("a relative path") { target = "to"; }
  SUBCASE("a space") { target = "/t o"; }
  SUBCASE("a line end") { target = "/to\r\nX: y"; }
  SUBCASE("a broken escape") { target = "/%4"; }
  SUBCASE("a fragment") { target = "/to#x"; }
  Sender sender;
  sender.target = target;
  TestServer server(site(), sender.fakes());
  TestClient client(server, get("/from"));
  CHECK(answer_in(client.take()).status == 502);
  CHECK(sender.accepted == false);
}

TEST_CASE("A response cannot be taken back by an internal redirect") {
  Sender sender;
  bool accepted = true;
  Fakes fakes = sender.fakes();
  fakes["from"] = {[&](Exchange& exchange) {
    auto& source = exchange.keep<ScriptedSource>(std::vector<ScriptedSource::Step>{});
    exchange.respond(ResponseHead(exchange.arena()), &source);
    accepted = exchange.redirect_internally("/to");
    source.add({"old", PullResult::end});
    exchange.wake();
  }};
  TestServer server(site(), fakes);
  TestClient client(server, get("/from"));
  CHECK_FALSE(accepted);
  CHECK(answer_in(client.take()).body == "old");
}

TEST_CASE("The access log has what the client asked for, not where it was sent within") {
  TempDir directory;
  const std::string start = "[access_log]\npath = \"" + (directory / "access.log") + "\"\n";
  Sender sender;
  TestServer server(site(start), sender.fakes());
  TestClient client(server, post("/from", "body"));
  server.context.access_log.flush();
  CHECK(directory.read("access.log").find("\"POST /from HTTP/1.1\" 200 6 ") != std::string::npos);
}

}  // namespace
}  // namespace uvhttpd::tests
