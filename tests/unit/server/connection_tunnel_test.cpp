// SPDX-License-Identifier: MIT
// unit/server/connection_tunnel_test.cpp: connections that stop being HTTP (RFC 9110 section 7.8).
#include <doctest/doctest.h>

#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

// A handler that upgrades; its exchange and both ends of the tunnel, for the test to go on with.
struct Upgrade {
  Exchange* exchange = nullptr;
  ScriptedSource* source = nullptr;
  CollectingSink* sink = nullptr;
  Lives lives;

  void operator()(Exchange& asked) {
    exchange = &asked;
    asked.keep<Witness>(lives);
    source = &asked.keep<ScriptedSource>(std::vector<ScriptedSource::Step>{});
    sink = &asked.keep<CollectingSink>();
    ResponseHead head(asked.arena(), 101);
    head.add("Connection", "upgrade");
    head.add("Upgrade", "echo");
    asked.upgrade(head, *source, *sink);
  }
  Fakes fakes() {
    return {{"upgrade", {[this](Exchange& asked) { (*this)(asked); }}}, {"echo", {echo_body}}};
  }
  void give(std::string bytes, PullResult result = PullResult::more) {
    source->add({std::move(bytes), result});
    exchange->wake();
  }
};

std::string tunnel_site(std::string_view start = "") {
  return std::string(start) + "\n[[site]]\n" + route("/*", "upgrade");
}
std::string asking() { return get("/chat", "Connection: upgrade\r\nUpgrade: echo\r\n"); }

TEST_CASE("An upgrade sends the handler's head without any framing") {
  Upgrade upgrade;
  TestServer server(tunnel_site(), upgrade.fakes());
  TestClient client(server, asking());
  const Answer answer = answer_in(client.take());
  CHECK(answer.status == 101);
  CHECK(answer.field("Connection") == "upgrade");
  CHECK(answer.field("Upgrade") == "echo");
  CHECK(answer.head.find("close") == std::string::npos);
  CHECK_FALSE(answer.has("Content-Length"));
  CHECK_FALSE(answer.has("Transfer-Encoding"));
  CHECK_FALSE(client.is_closed());
}

TEST_CASE("A tunnel gives octets on as they are, in both directions") {
  Upgrade upgrade;
  TestServer server(tunnel_site(), upgrade.fakes());
  TestClient client(server, asking());
  client.take();
  client.send("GET / HTTP/1.1\r\n\r\n\r\n");
  CHECK(upgrade.sink->bytes == "GET / HTTP/1.1\r\n\r\n\r\n");
  upgrade.give("0\r\n\r\n");
  client.pump();
  CHECK(client.take() == "0\r\n\r\n");
  client.send("more");
  CHECK(upgrade.sink->bytes == "GET / HTTP/1.1\r\n\r\n\r\nmore");
}

TEST_CASE("A tunnel begins right behind the request's head, however the octets are cut") {
  const std::string bytes = asking() + "first octets";
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    CAPTURE(cut);
    Upgrade upgrade;
    TestServer server(tunnel_site(), upgrade.fakes());
    TestClient client(server, bytes.substr(0, cut));
    client.send(bytes.substr(cut));
    CHECK(answer_in(client.take()).status == 101);
    CHECK(upgrade.sink->bytes == "first octets");
  }
}

TEST_CASE("Octets that came while the handler was thinking go into the tunnel") {
  Upgrade upgrade;
  Exchange* waiting = nullptr;
  TestServer server(tunnel_site(), {{"upgrade", {[&](Exchange& asked) { waiting = &asked; }}}});
  TestClient client(server, asking() + "one ");
  client.send("two");
  upgrade(*waiting);
  client.pump();
  CHECK(answer_in(client.take()).status == 101);
  CHECK(upgrade.sink->bytes == "one two");
}

TEST_CASE("A tunnel moves octets one at a time when the calls do") {
  Upgrade upgrade;
  TestServer server(tunnel_site(), upgrade.fakes());
  TestClient client(server, asking() + std::string(300, 'x'), [](Wire& wire) {
    wire.receive.most = 1;
    wire.send.most = 1;
  });
  client.take();
  CHECK(upgrade.sink->bytes == std::string(300, 'x'));
  upgrade.give(std::string(300, 'y'));
  client.pump();
  CHECK(client.take() == std::string(300, 'y'));
}

TEST_CASE("A full sink stops the reading from a tunnel until it is woken") {
  Upgrade upgrade;
  TestServer server(tunnel_site(), upgrade.fakes());
  TestClient client(server, asking());
  client.take();
  upgrade.sink->room = 3;
  client.send("abcdef");
  CHECK(upgrade.sink->bytes == "abc");
  CHECK_FALSE(client.is_read_from());
  client.send("ghi");
  CHECK(client.wire().inbound == "ghi");
  // The other direction goes on meanwhile.
  upgrade.give("still here");
  client.pump();
  CHECK(client.take() == "still here");
  upgrade.sink->room = 1;
  upgrade.exchange->wake();
  client.pump();
  CHECK(upgrade.sink->bytes == "abcd");
  upgrade.sink->room = SIZE_MAX;
  upgrade.exchange->wake();
  client.pump();
  CHECK(upgrade.sink->bytes == "abcdefghi");
}

TEST_CASE("A client that takes nothing stops the source of a tunnel, not its sink") {
  Upgrade upgrade;
  TestServer server(tunnel_site(), upgrade.fakes());
  TestClient client(server, asking());
  client.take();
  client.open_window(0);
  upgrade.give(std::string(20'000, 'a'));
  upgrade.give(std::string(20'000, 'b'));
  upgrade.give("", PullResult::end);
  client.send("up");
  CHECK(upgrade.sink->bytes == "up");
  CHECK(client.take().empty());
  client.open_window(SIZE_MAX);
  CHECK(client.take() == std::string(20'000, 'a') + std::string(20'000, 'b'));
  CHECK(client.is_half_closed());
}

TEST_CASE("The client's half-close finishes the sink and output goes on") {
  Upgrade upgrade;
  TestServer server(tunnel_site(), upgrade.fakes());
  TestClient client(server, asking());
  client.take();
  client.send("last");
  client.end();
  CHECK(upgrade.sink->finished);
  CHECK(upgrade.sink->bytes == "last");
  CHECK_FALSE(client.is_closed());
  upgrade.give("answer");
  client.pump();
  CHECK(client.take() == "answer");
  upgrade.give("end", PullResult::end);
  client.pump();
  CHECK(client.take() == "end");
  CHECK(client.is_closed());
  CHECK_FALSE(client.wire().cut_off);
  CHECK(upgrade.lives.ended == 1);
}

TEST_CASE("A half-close is told only when a full sink has taken what came before it") {
  Upgrade upgrade;
  TestServer server(tunnel_site(), upgrade.fakes());
  TestClient client(server, asking());
  upgrade.sink->room = 1;
  client.send("ab");
  client.end();
  CHECK_FALSE(upgrade.sink->finished);
  upgrade.sink->room = SIZE_MAX;
  upgrade.exchange->wake();
  client.pump();
  CHECK(upgrade.sink->bytes == "ab");
  CHECK(upgrade.sink->finished);
}

TEST_CASE("A client that half-closed right behind its request still gets its tunnel") {
  Upgrade upgrade;
  TestServer server(tunnel_site(), upgrade.fakes());
  TestClient client(server, asking() + "all", [](Wire& wire) { wire.client_ended = true; });
  CHECK(answer_in(client.take()).status == 101);
  CHECK(upgrade.sink->bytes == "all");
  CHECK(upgrade.sink->finished);
  upgrade.give("bye", PullResult::end);
  client.pump();
  CHECK(client.take() == "bye");
  CHECK(client.is_closed());
}

TEST_CASE("The source's end closes the connection, which lingers for what the client still sends") {
  Upgrade upgrade;
  TestServer server(tunnel_site(), upgrade.fakes());
  TestClient client(server, asking());
  client.take();
  upgrade.give("bye", PullResult::end);
  client.pump();
  CHECK(client.take() == "bye");
  CHECK(client.is_half_closed());
  CHECK(upgrade.lives.ended == 1);
  CHECK_FALSE(client.is_closed());
  client.send("too late");
  client.end();
  CHECK(client.is_closed());
}

TEST_CASE("A source that fails breaks the connection off") {
  Upgrade upgrade;
  TestServer server(tunnel_site(), upgrade.fakes());
  TestClient client(server, asking());
  upgrade.give("", PullResult::failed);
  client.pump();
  CHECK(client.wire().cut_off);
  CHECK(client.is_closed());
  CHECK(upgrade.lives.ended == 1);
}

TEST_CASE("A client that goes takes the tunnel along") {
  Upgrade upgrade;
  TestServer server(tunnel_site(), upgrade.fakes());
  TestClient client(server, asking());
  SUBCASE("while both directions are quiet") {}
  SUBCASE("after its half-close") { client.end(); }
  SUBCASE("while the sink is full") {
    upgrade.sink->room = 0;
    client.send("x");
  }
  SUBCASE("while output waits for it") {
    client.open_window(0);
    upgrade.give("x");
  }
  client.go_away();
  CHECK(client.is_closed());
  CHECK(upgrade.lives.ended == 1);
}

TEST_CASE("A tunnel ends when sending or receiving fails") {
  Upgrade upgrade;
  TestServer server(tunnel_site(), upgrade.fakes());
  SUBCASE("sending") {
    TestClient client(server, asking());
    client.wire().send.failed_at = client.wire().send.calls + 1;
    upgrade.give("x");
    client.pump();
    CHECK(client.is_closed());
  }
  SUBCASE("receiving") {
    TestClient client(server, asking());
    client.wire().receive.failed_at = client.wire().receive.calls + 1;
    client.send("x");
    CHECK(client.is_closed());
  }
  CHECK(upgrade.lives.ended == 1);
}

TEST_CASE("HTTP/1.0 clients are not upgraded") {
  Upgrade upgrade;
  TestServer server(tunnel_site(), upgrade.fakes());
  TestClient client(server, "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
  CHECK(answer_in(client.take()).status == 502);
}

TEST_CASE("A request whose body has not come is not upgraded") {
  Upgrade upgrade;
  TestServer server(tunnel_site(), upgrade.fakes());
  TestClient client(server, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
  CHECK(answer_in(client.take()).status == 502);
}

TEST_CASE("A request whose body has come is upgraded") {
  Upgrade upgrade;
  CollectingSink body;
  const Fakes fakes = {{"upgrade", {[&](Exchange& asked) {
                          body.on_finish = [&] { upgrade(asked); };
                          asked.receive_body(body);
                        }}}};
  TestServer server(tunnel_site(), fakes);
  TestClient client(server, post("/", "body", "Connection: upgrade\r\nUpgrade: echo\r\n") + "in");
  CHECK(answer_in(client.take()).status == 101);
  CHECK(body.bytes == "body");
  CHECK(upgrade.sink->bytes == "in");
}

TEST_CASE("An upgrade follows the answers to the requests before it") {
  Upgrade upgrade;
  TestServer server("[[site]]\n" + route("/echo", "echo") + route("/*", "upgrade"),
                    upgrade.fakes());
  TestClient client(server, post_chunked("/echo", "2\r\nhi\r\n0\r\n\r\n") + asking() + "in");
  const std::vector<Answer> answers = answers_in(client.take());
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].body == "hi");
  CHECK(answers[1].status == 101);
  CHECK(upgrade.sink->bytes == "in");
}

TEST_CASE("No deadline of requests and bodies applies to a tunnel") {
  Upgrade upgrade;
  TestServer server(tunnel_site("[limits]\nhead_timeout = \"10ms\"\nbody_timeout = \"10ms\"\n"
                                "keep_alive_timeout = \"10ms\"\n"),
                    upgrade.fakes());
  TestClient client(server, asking());
  client.send("x");
  const TimePoint end = server.loop.now() + Duration{100};
  REQUIRE(server.wait_until([&] { return client.is_closed() || server.loop.now() > end; }));
  CHECK_FALSE(client.is_closed());
}

TEST_CASE("A client that takes nothing from a tunnel is dropped after send_timeout") {
  Upgrade upgrade;
  TestServer server(tunnel_site("[limits]\nsend_timeout = \"40ms\"\n"), upgrade.fakes());
  TestClient client(server, asking());
  client.open_window(0);
  upgrade.give("x");
  REQUIRE(server.wait_until([&] { return client.is_closed(); }));
  CHECK(upgrade.lives.ended == 1);
}

TEST_CASE("A tunnel outlives a reload and the beginning of a drain") {
  Upgrade upgrade;
  TestServer server(tunnel_site(), upgrade.fakes());
  TestClient client(server, asking());
  client.take();
  server.use(tunnel_site());
  server.context.draining = true;
  client.connection().drain();
  client.send("up");
  CHECK(upgrade.sink->bytes == "up");
  upgrade.give("down");
  client.pump();
  CHECK(client.take() == "down");
}

TEST_CASE("The access log has a tunnel when it ends, with its status and what was sent") {
  TempDir directory;
  const std::string start = "[access_log]\npath = \"" + (directory / "access.log") + "\"\n";
  Upgrade upgrade;
  TestServer server(tunnel_site(start), upgrade.fakes());
  TestClient client(server, asking());
  upgrade.give("12345");
  client.pump();
  server.context.access_log.flush();
  CHECK(directory.read("access.log").empty());
  upgrade.give("678", PullResult::end);
  client.pump();
  server.context.access_log.flush();
  CHECK(directory.read("access.log").find("\"GET /chat HTTP/1.1\" 101 8 ") != std::string::npos);
}

}  // namespace
}  // namespace uvhttpd::tests
