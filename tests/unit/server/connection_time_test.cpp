// SPDX-License-Identifier: MIT
// unit/server/connection_time_test.cpp: how long a connection waits, and for what.
#include <doctest/doctest.h>

#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

constexpr Duration kShort{50};

std::string limits(std::string_view lines) { return "[limits]\n" + std::string(lines) + "\n"; }

// Long enough for any of the short limits here to have passed, also on a busy machine.
bool survives(TestServer& server, TestClient& client, Duration time) {
  const TimePoint end = server.loop.now() + time;
  const bool closed =
      server.wait_until([&] { return client.is_closed() || server.loop.now() > end; });
  REQUIRE(closed);
  return !client.is_closed();
}

TEST_CASE("A connection that says nothing is closed without a word after head_timeout") {
  TestServer server(usual_site(limits("head_timeout = \"50ms\"")), usual_fakes());
  const TimePoint start = server.loop.now();
  TestClient client(server);
  REQUIRE(server.wait_until([&] { return client.is_closed(); }));
  CHECK(server.loop.now() - start >= kShort);
  CHECK(client.received().empty());
}

TEST_CASE("A request head that is not complete after head_timeout is answered with 408") {
  TestServer server(usual_site(limits("head_timeout = \"50ms\"")), usual_fakes());
  TestClient client(server, "GET / HTTP/1.1\r\nHost: a\r\n");
  REQUIRE(server.wait_until([&] { return client.is_half_closed(); }));
  const Answer answer = answer_in(client.take());
  CHECK(answer.status == 408);
  CHECK(answer.field("Connection") == "close");
  client.send("\r\n");
  CHECK(client.take().empty());
}

TEST_CASE("A request head is timed from its first octet on, not from the last") {
  TestServer server(usual_site(limits("head_timeout = \"100ms\"")), usual_fakes());
  const TimePoint start = server.loop.now();
  TestClient client(server);
  const std::string head = get("/", "X: " + std::string(8'000, 'y') + "\r\n");
  std::size_t sent = 0;
  REQUIRE(server.wait_until([&] {
    if (!client.is_half_closed() && sent < head.size()) client.send(head.substr(sent++, 1));
    return client.is_half_closed();
  }));
  CHECK(server.loop.now() - start >= Duration{100});
  CHECK(answer_in(client.take()).status == 408);
}

TEST_CASE("An idle connection is closed without a word after keep_alive_timeout") {
  TestServer server(usual_site(limits("keep_alive_timeout = \"50ms\"")), usual_fakes());
  const TimePoint start = server.loop.now();
  TestClient client(server, get("/"));
  client.take();
  REQUIRE(server.wait_until([&] { return client.is_closed(); }));
  CHECK(server.loop.now() - start >= kShort);
  CHECK(client.take().empty());
}

TEST_CASE("The next request's head has head_timeout, whatever the idle time was") {
  TestServer server(usual_site(limits("keep_alive_timeout = \"10m\"\nhead_timeout = \"50ms\"")),
                    usual_fakes());
  TestClient client(server, get("/"));
  client.take();
  client.send("GET /next");
  REQUIRE(server.wait_until([&] { return client.is_half_closed(); }));
  CHECK(answer_in(client.take()).status == 408);
}

TEST_CASE("A body of which nothing comes for body_timeout is answered with 408") {
  TestServer server(usual_site(limits("body_timeout = \"50ms\"")), usual_fakes());
  TestClient client(server, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  REQUIRE(server.wait_until([&] { return client.is_half_closed(); }));
  const Answer answer = answer_in(client.take());
  CHECK(answer.status == 408);
  CHECK(answer.field("Connection") == "close");
}

TEST_CASE("A body that keeps coming may take longer than body_timeout") {
  TestServer server(usual_site(limits("body_timeout = \"1s\"")), usual_fakes());
  TestClient client(server, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n");
  for (int i = 0; i < 8; ++i) {
    REQUIRE(survives(server, client, Duration{150}));
    client.send("x");
  }
  CHECK(answer_in(client.take()).body == "xxxxxxxx");
}

TEST_CASE("The rest of an unwanted body that does not come ends the connection") {
  TestServer server(usual_site(limits("body_timeout = \"50ms\"")), usual_fakes());
  TestClient client(server, "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  CHECK(answer_in(client.take()).status == 200);
  REQUIRE(server.wait_until([&] { return client.is_closed(); }));
  CHECK(client.take().empty());
}

TEST_CASE("A handler that takes its time is not cut off") {
  Exchange* waiting = nullptr;
  TestServer server(
      limits("head_timeout = \"20ms\"\nbody_timeout = \"20ms\"\nsend_timeout = \"20ms\"\n"
             "keep_alive_timeout = \"20ms\"") +
          "[[site]]\n" + route("/*", "later"),
      {{"later", {[&](Exchange& exchange) { waiting = &exchange; }}}});
  SUBCASE("without a body") {
    TestClient client(server, get("/"));
    REQUIRE(survives(server, client, Duration{100}));
    respond_with(*waiting, "late");
    client.pump();
    CHECK(answer_in(client.take()).body == "late");
  }
  SUBCASE("with a body that it has not asked for") {
    TestClient client(server, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    CHECK(survives(server, client, Duration{100}));
  }
  SUBCASE("with a sink that is full") {
    TestClient client(server, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    CollectingSink sink;
    sink.room = 1;
    waiting->receive_body(sink);
    CHECK(survives(server, client, Duration{100}));
    client.go_away();
  }
}

TEST_CASE("A client that takes nothing for send_timeout is cut off") {
  TestServer server(usual_site(limits("send_timeout = \"50ms\"")), usual_fakes());
  SUBCASE("from the start") {
    TestClient client(server, get("/"), [](Wire& wire) { wire.window = 0; });
    REQUIRE(server.wait_until([&] { return client.is_closed(); }));
    CHECK(client.received().empty());
  }
  SUBCASE("in the middle") {
    TestClient client(server, get("/"), [](Wire& wire) { wire.window = 20; });
    REQUIRE(server.wait_until([&] { return client.is_closed(); }));
    CHECK(client.received().size() == 20);
  }
  SUBCASE("though the kernel took it") {
    TestClient client(server, get("/"), [](Wire& wire) {
      wire.window = 20;
      wire.unacknowledged = 20;
    });
    REQUIRE(server.wait_until([&] { return client.is_closed(); }));
  }
}

TEST_CASE("A client that takes something in each send_timeout is not cut off") {
  TestServer server(usual_site(limits("send_timeout = \"1s\"\nbody_min_rate = 10")), usual_fakes());
  TestClient client(server, get("/"), [](Wire& wire) { wire.window = 1; });
  for (int i = 0; i < 20; ++i) {
    REQUIRE(survives(server, client, Duration{60}));
    client.open_window(1);
  }
  client.open_window(SIZE_MAX);
  CHECK(answer_in(client.take()).is_whole);
}

TEST_CASE("After a while a client that closed its side is probed, and a lingering one is left") {
  Exchange* waiting = nullptr;
  ScriptedSource source({{"one", PullResult::more}});
  Fakes fakes = usual_fakes();
  fakes["later"] = {[](Exchange&) {}};
  fakes["slow"] = {[&](Exchange& exchange) {
    waiting = &exchange;
    exchange.respond(ResponseHead(exchange.arena()), &source);
  }};
  TestServer server(
      "[[site]]\n" + route("/later", "later") + route("/slow", "slow") + route("/*", "target"),
      fakes);
  TestClient asking(server, get("/later"));
  TestClient old(server, "GET /later HTTP/1.0\r\n\r\n");
  TestClient lingering(server, "nonsense\r\n\r\n");
  TestClient streaming(server, get("/slow"));
  asking.end();
  old.end();
  streaming.end();
  const std::size_t streamed = streaming.received().size();
  REQUIRE(server.wait_until([&] {
    return lingering.is_closed() && !asking.received().empty() &&
           streaming.received().size() > streamed;
  }));
  CHECK(asking.take() == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(old.take().empty());
  CHECK_FALSE(asking.is_closed());
  CHECK_FALSE(streaming.is_closed());

  source.add({"two", PullResult::end});
  waiting->wake();
  streaming.pump();
  const Answer answer = answer_in(streaming.take());
  CHECK(answer.body == "onetwo");
  CHECK(answer.is_whole);
}

}  // namespace
}  // namespace uvhttpd::tests
