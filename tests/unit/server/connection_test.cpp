// SPDX-License-Identifier: MIT
// unit/server/connection_test.cpp: requests become answers, one after the other, and the connection
// goes on or ends as RFC 9112 section 9 says.
#include "server/connection.h"

#include <doctest/doctest.h>

#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

TEST_CASE("Connection answers a GET with its body and length") {
  TestServer server(usual_site(), usual_fakes());
  TestClient client(server, get("/hello?x=1"));
  const Answer answer = answer_in(client.take());
  CHECK(answer.status == 200);
  CHECK(answer.body == "/hello?x=1");
  CHECK(answer.field("Content-Length") == "10");
  CHECK(answer.field("Date").size() == 29);
  CHECK(answer.field("Server") == "uvhttpd");
  CHECK_FALSE(answer.has("Connection"));
  CHECK_FALSE(client.is_closed());
}

TEST_CASE("Connection answers the same however the request is cut") {
  const std::string bytes = get("/a", "X-Field: value\r\n") + post("/echo", "body") +
                            post_chunked("/echo", "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nA: b\r\n\r\n");
  TestServer server(usual_site(), usual_fakes());
  TestClient whole(server, bytes);
  const std::string expected = without_dates(whole.take());
  REQUIRE(answers_in(expected).size() == 3);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    CAPTURE(cut);
    TestClient client(server, bytes.substr(0, cut));
    client.send(bytes.substr(cut));
    CHECK(without_dates(client.take()) == expected);
  }
}

TEST_CASE("Connection answers the same when each call receives one octet") {
  const std::string bytes = get("/a") + post("/echo", "body") + get("/b");
  TestServer server(usual_site(), usual_fakes());
  TestClient whole(server, bytes);
  TestClient client(server, bytes, [](Wire& wire) { wire.receive.most = 1; });
  CHECK(without_dates(client.take()) == without_dates(whole.take()));
}

TEST_CASE("Connection answers the same when each call sends one octet") {
  const std::string bytes = get("/a") + get("/stream") + post("/echo", "body") + get("/b");
  TestServer server(usual_site(), usual_fakes());
  TestClient whole(server, bytes);
  TestClient client(server, bytes, [](Wire& wire) { wire.send.most = 1; });
  CHECK(without_dates(client.take()) == without_dates(whole.take()));
}

TEST_CASE("Connection serves request after request") {
  TestServer server(usual_site(), usual_fakes());
  TestClient client(server);
  for (int i = 0; i < 5; ++i) {
    const std::string target = "/" + std::to_string(i);
    client.send(get(target));
    CHECK(answer_in(client.take()).body == target);
  }
  CHECK_FALSE(client.is_closed());
}

TEST_CASE("Connection ends silently when the client does") {
  TestServer server(usual_site(), usual_fakes());
  TestClient client(server, get("/"));
  client.take();
  client.end();
  CHECK(client.is_closed());
  CHECK(client.take().empty());
  CHECK(server.connections() == 0);
}

TEST_CASE("Connection answers pipelined requests in their order") {
  std::string bytes;
  for (int i = 0; i < 20; ++i) bytes += get("/" + std::to_string(i));
  TestServer server(usual_site(), usual_fakes());
  TestClient client(server, bytes);
  const std::vector<Answer> answers = answers_in(client.take());
  REQUIRE(answers.size() == 20);
  for (std::size_t i = 0; i < 20; ++i) CHECK(answers[i].body == "/" + std::to_string(i));
}

TEST_CASE("Connection sends the answers to pipelined requests together") {
  std::string bytes;
  for (int i = 0; i < 20; ++i) bytes += get("/");
  TestServer server(usual_site(), usual_fakes());
  TestClient client(server, bytes);
  CHECK(answers_in(client.received()).size() == 20);
  CHECK(client.wire().send.calls == 1);
}

TEST_CASE("Connection answers more pipelined requests than one turn has steps for") {
  constexpr std::size_t kRequests = 2'000;
  std::string bytes;
  for (std::size_t i = 0; i < kRequests; ++i) bytes += get("/" + std::to_string(i));
  TestServer server(usual_site(), usual_fakes());
  TestClient client(server, bytes);
  const std::vector<Answer> answers = answers_in(client.take());
  REQUIRE(answers.size() == kRequests);
  CHECK(answers.back().body == "/1999");
}

TEST_CASE("Connection keeps the order when handlers answer later") {
  std::vector<Exchange*> waiting;
  Fakes fakes = usual_fakes();
  fakes["later"] = {[&](Exchange& exchange) { waiting.push_back(&exchange); }};
  TestServer server("[[site]]\n" + route("/later", "later") + route("/*", "target"), fakes);
  TestClient client(server, get("/later") + get("/next") + get("/later") + get("/last"));
  REQUIRE(waiting.size() == 1);
  CHECK(client.received().empty());
  respond_with(*waiting[0], "first");
  client.pump();
  REQUIRE(waiting.size() == 2);
  respond_with(*waiting[1], "third");
  client.pump();
  const std::vector<Answer> answers = answers_in(client.take());
  REQUIRE(answers.size() == 4);
  CHECK(answers[0].body == "first");
  CHECK(answers[1].body == "/next");
  CHECK(answers[2].body == "third");
  CHECK(answers[3].body == "/last");
}

TEST_CASE("Connections do not wait for each other's handlers") {
  std::vector<Exchange*> waiting;
  TestServer server("[[site]]\n" + route("/*", "later"),
                    {{"later", {[&](Exchange& exchange) { waiting.push_back(&exchange); }}}});
  TestClient first(server, get("/"));
  TestClient second(server, get("/"));
  REQUIRE(waiting.size() == 2);
  respond_with(*waiting[1], "second");
  respond_with(*waiting[0], "first");
  first.pump();
  second.pump();
  CHECK(answer_in(first.take()).body == "first");
  CHECK(answer_in(second.take()).body == "second");
}

TEST_CASE("A handler may answer another connection's exchange from within its own") {
  std::vector<Exchange*> waiting;
  Fakes fakes = usual_fakes();
  fakes["later"] = {[&](Exchange& exchange) { waiting.push_back(&exchange); }};
  fakes["release"] = {[&](Exchange& exchange) {
    for (Exchange* other : waiting) respond_with(*other, "released");
    respond_with(exchange, "done");
  }};
  TestServer server("[[site]]\n" + route("/later", "later") + route("/release", "release"), fakes);
  TestClient first(server, get("/later"));
  TestClient second(server, get("/release"));
  first.pump();
  CHECK(answer_in(first.take()).body == "released");
  CHECK(answer_in(second.take()).body == "done");
}

TEST_CASE("Connection: close ends the connection with the answer") {
  TestServer server(usual_site(), usual_fakes());
  TestClient client(server, get("/", "Connection: close\r\n"));
  const Answer answer = answer_in(client.take());
  CHECK(answer.field("Connection") == "close");
  CHECK(answer.is_whole);
  CHECK(client.is_closed());
}

TEST_CASE("Nothing is answered behind Connection: close") {
  TestServer server(usual_site(), usual_fakes());
  TestClient client(server, get("/a", "Connection: close\r\n") + get("/b"));
  CHECK(answer_in(client.take()).body == "/a");
  CHECK(client.is_half_closed());
  client.end();
  CHECK(client.is_closed());
}

TEST_CASE("Connection: close beats keep-alive") {
  TestServer server(usual_site(), usual_fakes());
  TestClient client(server, get("/", "Connection: keep-alive\r\nConnection: Close\r\n"));
  CHECK(answer_in(client.take()).field("Connection") == "close");
  CHECK(client.is_closed());
}

TEST_CASE("HTTP/1.0 ends with its answer unless it asks for more") {
  TestServer server(usual_site(), usual_fakes());
  SUBCASE("without keep-alive") {
    TestClient client(server, "GET /a HTTP/1.0\r\n\r\n");
    const Answer answer = answer_in(client.take());
    CHECK(answer.status == 200);
    CHECK(answer.field("Connection") == "close");
    CHECK(client.is_closed());
  }
  SUBCASE("with keep-alive") {
    TestClient client(server, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(answer_in(client.take()).field("Connection") == "keep-alive");
    CHECK_FALSE(client.is_closed());
    client.send(get("/b"));
    CHECK(answer_in(client.take()).body == "/b");
  }
}

TEST_CASE("A body of unknown length is chunked for HTTP/1.1 and ends the connection for HTTP/1.0") {
  TestServer server(usual_site(), usual_fakes());
  SUBCASE("HTTP/1.1") {
    TestClient client(server, get("/stream"));
    const std::string bytes = client.take();
    CHECK(bytes.ends_with("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"));
    const Answer answer = answer_in(bytes);
    CHECK(answer.field("Transfer-Encoding") == "chunked");
    CHECK_FALSE(answer.has("Content-Length"));
    CHECK_FALSE(client.is_closed());
  }
  SUBCASE("HTTP/1.0 with keep-alive") {
    TestClient client(server, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const Answer answer = answer_in(client.take());
    CHECK(answer.body == "onetwo");
    CHECK_FALSE(answer.has("Transfer-Encoding"));
    CHECK(answer.field("Connection") == "close");
    CHECK(client.is_half_closed());
  }
}

TEST_CASE("HEAD has the head of GET and no body") {
  TestServer server(usual_site(), usual_fakes());
  for (const std::string target : {"/some/path", "/stream"}) {
    CAPTURE(target);
    TestClient client(server, get(target));
    Answer with_body = answer_in(client.take());
    client.send("HEAD " + target + " HTTP/1.1\r\nHost: example.org\r\n\r\n");
    const std::string bytes = client.take();
    CHECK(without_dates(bytes) == without_dates(with_body.head));
    CHECK_FALSE(client.is_closed());
  }
}

TEST_CASE("A status without a body has neither body nor length") {
  Fakes fakes;
  for (const unsigned status : {204u, 304u}) {
    fakes[std::to_string(status)] = {
        [status](Exchange& exchange) { respond_with(exchange, "body", status); }};
  }
  TestServer server("[[site]]\n" + route("/204", "204") + route("/304", "304"), fakes);
  TestClient client(server, get("/204") + get("/304"));
  const std::vector<Answer> answers = answers_in(client.take());
  REQUIRE(answers.size() == 2);
  for (const Answer& answer : answers) {
    CHECK_FALSE(answer.has("Content-Length"));
    CHECK_FALSE(answer.has("Transfer-Encoding"));
  }
  CHECK_FALSE(client.is_closed());
}

TEST_CASE("A response without a source has an empty body of known length") {
  TestServer server("[[site]]\n" + route("/*", "empty"),
                    {{"empty", {[](Exchange& exchange) {
                        exchange.respond(ResponseHead(exchange.arena()), nullptr);
                      }}}});
  TestClient client(server, get("/"));
  CHECK(answer_in(client.take()).field("Content-Length") == "0");
}

TEST_CASE("The last request that a connection may make is answered with Connection: close") {
  TestServer server(usual_site("[limits]\nrequests_per_connection = 2"), usual_fakes());
  TestClient client(server, get("/a") + get("/b"));
  const std::vector<Answer> answers = answers_in(client.take());
  REQUIRE(answers.size() == 2);
  CHECK_FALSE(answers[0].has("Connection"));
  CHECK(answers[1].field("Connection") == "close");
  // More may be on its way, which must not reset the connection under the answers.
  CHECK(client.is_half_closed());
  CHECK_FALSE(client.is_closed());
}

TEST_CASE("A client that closes its side after the request still gets the answer") {
  Exchange* waiting = nullptr;
  Fakes fakes = usual_fakes();
  fakes["later"] = {[&](Exchange& exchange) { waiting = &exchange; }};
  TestServer server("[[site]]\n" + route("/later", "later") + route("/*", "target"), fakes);
  SUBCASE("answered at once") {
    TestClient client(server, get("/a"), [](Wire& wire) { wire.client_ended = true; });
    CHECK(answer_in(client.take()).body == "/a");
    CHECK(client.is_closed());
  }
  SUBCASE("answered later") {
    TestClient client(server, get("/later"));
    client.end();
    REQUIRE_FALSE(client.is_closed());
    respond_with(*waiting, "late");
    client.pump();
    CHECK(answer_in(client.take()).body == "late");
    CHECK(client.is_closed());
  }
  SUBCASE("pipelined") {
    TestClient client(server, get("/later") + get("/b"));
    client.end();
    respond_with(*waiting, "late");
    client.pump();
    CHECK(answers_in(client.take()).size() == 2);
    CHECK(client.is_closed());
  }
}

TEST_CASE("A client that takes nothing for a while loses no answer by closing its side") {
  TestServer server(usual_site(), usual_fakes());
  struct Row {
    std::string name;
    std::string behind;  // what makes the connection collect the answer before it reads on
  };
  const Row rows[] = {{"nothing", ""}, {"a line end", "\r\n"}, {"half a request", "GET /half"}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    TestClient client(server, get("/a") + row.behind, [](Wire& wire) { wire.window = 0; });
    client.end();
    client.open_window(SIZE_MAX);
    REQUIRE(answers_in(client.received()).size() == 1);
    CHECK(answers_in(client.received())[0].body == "/a");
    CHECK(client.is_closed());
  }
}

TEST_CASE("A request cut off by the client's end is not answered") {
  TestServer server(usual_site(), usual_fakes());
  const std::string bytes = get("/a", "X: y\r\n");
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    CAPTURE(cut);
    TestClient client(server, bytes.substr(0, cut));
    client.end();
    CHECK(client.received().empty());
    CHECK(client.is_closed());
  }
}

TEST_CASE("The handler's state is destroyed exactly once, and before the next request is handled") {
  Lives lives;
  TestServer server("[[site]]\n" + route("/*", "kept"), {{"kept", {[&](Exchange& exchange) {
                                                            CHECK(lives.ended == lives.begun);
                                                            exchange.keep<Witness>(lives);
                                                            respond_with(exchange, "x");
                                                          }}}});
  TestClient client(server, get("/") + get("/"));
  client.send(get("/", "Connection: close\r\n"));
  CHECK(lives.begun == 3);
  CHECK(lives.ended == 3);
}

TEST_CASE("A client that goes away while the handler works ends the exchange, once") {
  Lives lives;
  TestServer server("[[site]]\n" + route("/*", "kept"),
                    {{"kept", {[&](Exchange& exchange) { exchange.keep<Witness>(lives); }}}});
  TestClient client(server, get("/"));
  CHECK(lives.ended == 0);
  client.go_away();
  CHECK(lives.ended == 1);
  CHECK(client.is_closed());
  CHECK(server.connections() == 0);
  CHECK(client.received().empty());
}

TEST_CASE("A client that goes away in the middle of a body ends the exchange, once") {
  Lives lives;
  TestServer server("[[site]]\n" + route("/*", "kept"),
                    {{"kept", {[&](Exchange& exchange) {
                        exchange.keep<Witness>(lives);
                        exchange.receive_body(exchange.keep<CollectingSink>());
                      }}}});
  SUBCASE("by a reset") {
    TestClient client(server, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    client.go_away();
    CHECK(client.is_closed());
  }
  SUBCASE("by closing its side") {
    TestClient client(server, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    client.end();
    CHECK(client.is_closed());
    CHECK(client.received().empty());
  }
  CHECK(lives.begun == 1);
  CHECK(lives.ended == 1);
}

TEST_CASE("An exchange in flight keeps the runtime it began with, new ones take the new one") {
  Exchange* waiting = nullptr;
  Fakes fakes;
  fakes["old"] = {[&](Exchange& exchange) { waiting = &exchange; }};
  fakes["new"] = {[&](Exchange& exchange) { respond_with(exchange, "new"); }};
  TestServer server("[[site]]\nheaders = { X-Age = \"old\" }\n" + route("/*", "old"), fakes);
  TestClient client(server, get("/") + get("/"));
  const std::weak_ptr<const Runtime> old = server.context.runtime();
  server.use("[[site]]\nheaders = { X-Age = \"new\" }\n" + route("/*", "new"));
  CHECK_FALSE(old.expired());
  respond_with(*waiting, "old");
  client.pump();
  const std::vector<Answer> answers = answers_in(client.take());
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].field("X-Age") == "old");
  CHECK(answers[1].body == "new");
  CHECK(answers[1].field("X-Age") == "new");
  CHECK(old.expired());
}

TEST_CASE("A worker that drains closes idle connections and answers what was asked") {
  Exchange* waiting = nullptr;
  Fakes fakes = usual_fakes();
  fakes["later"] = {[&](Exchange& exchange) { waiting = &exchange; }};
  TestServer server("[[site]]\n" + route("/later", "later") + route("/*", "target"), fakes);
  TestClient fresh(server);
  TestClient idle(server, get("/a"));
  TestClient busy(server, get("/later"));
  TestClient partial(server, "GET /half HTT");
  TestClient arriving(server);
  arriving.wire().inbound = get("/arriving");
  idle.take();

  server.context.draining = true;
  server.context.connections.for_each(
      [](ListNode& node) { static_cast<Connection&>(node).drain(); });
  // A request may be on its way to those that were used a moment ago.
  CHECK_FALSE(fresh.is_closed());
  CHECK_FALSE(idle.is_closed());
  CHECK(server.wait_until([&] { return fresh.is_closed() && idle.is_closed(); }));
  CHECK(idle.take().empty());
  CHECK_FALSE(busy.is_closed());
  CHECK_FALSE(partial.is_closed());
  const Answer arrived = answer_in(arriving.take());
  CHECK(arrived.body == "/arriving");
  CHECK(arrived.field("Connection") == "close");
  CHECK(arriving.is_half_closed());

  respond_with(*waiting, "late");
  busy.pump();
  const Answer late = answer_in(busy.take());
  CHECK(late.body == "late");
  CHECK(late.field("Connection") == "close");
  CHECK(busy.is_half_closed());

  partial.send("P/1.1\r\nHost: example.org\r\n\r\n");
  CHECK(answer_in(partial.take()).field("Connection") == "close");
  CHECK(partial.is_half_closed());
  for (TestClient* client : {&arriving, &busy, &partial}) client->end();
  CHECK(server.connections() == 0);
}

TEST_CASE("The worker hears when its last connection has closed") {
  TestServer server(usual_site(), usual_fakes());
  int closed = 0;
  server.context.on_all_closed = [&] { ++closed; };
  TestClient first(server);
  TestClient second(server);
  first.end();
  CHECK(closed == 0);
  second.end();
  CHECK(closed == 1);
}

}  // namespace
}  // namespace uvhttpd::tests
