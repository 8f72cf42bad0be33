// SPDX-License-Identifier: MIT
// unit/handlers/tunnel_test.cpp: what goes through a connection that has become a tunnel.
#include <doctest/doctest.h>

#include "unit/handlers/built_gateways.h"

namespace uvhttpd::tests {
namespace {

const std::string kAsked = request("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n");
const std::string kSwitched =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

// A tunnel that is there, and what its upstream does then.
class TunnelStage : public GatewayStage {
 public:
  explicit TunnelStage(Steps steps, std::string_view more = "") : GatewayStage("proxy", more) {
    steps.insert(steps.begin(), {expect("\r\n\r\n"), send(kSwitched)});
    upstream.play(std::move(steps));
  }
  void open(TestClient& client) {
    REQUIRE(wait_until(client,
                       [&] { return client.received().find("\r\n\r\n") != std::string::npos; }));
    REQUIRE(client.received().starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    client.wire().outbound.erase(0, client.received().find("\r\n\r\n") + 4);
  }
};

TEST_CASE("A tunnel carries octets both ways") {
  TunnelStage stage({expect("ping"), send("pong"), expect("again"), send("once more")});
  TestClient client(stage.server, kAsked);
  stage.open(client);
  client.send("ping");
  REQUIRE(stage.wait_until(client, [&] { return client.received() == "pong"; }));
  client.send("again");
  REQUIRE(stage.wait_until(client, [&] { return client.received() == "pongonce more"; }));
}

TEST_CASE("What comes right behind either head goes through the tunnel") {
  GatewayStage stage;
  stage.upstream.play({expect("\r\n\r\n"), send(kSwitched + "first"), expect("early")});
  TestClient client(stage.server, kAsked + "early");
  REQUIRE(stage.wait_until(client, [&] { return client.received().ends_with("\r\n\r\nfirst"); }));
  CHECK(stage.wait_until_played(client));
}

TEST_CASE("A client that has sent all still gets what its upstream sends") {
  TunnelStage stage({expect("bye"), wait(), send("farewell"), close_it()});
  TestClient client(stage.server, kAsked);
  stage.open(client);
  client.send("bye");
  client.end();
  REQUIRE(stage.wait_until(client, [&] { return stage.upstream[0].is_ended(); }));
  CHECK(!client.is_closed());
  stage.upstream[0].release();
  REQUIRE(stage.wait_until_closed(client));
  CHECK(client.received() == "farewell");
}

TEST_CASE("The end of the upstream ends the tunnel, behind all that it has sent") {
  const std::string text(1 << 20, 'x');
  TunnelStage stage({send(text), close_it()});
  TestClient client(stage.server, kAsked);
  REQUIRE(stage.wait_until_closed(client));
  CHECK(client.received().ends_with(text));
}

TEST_CASE("The end of an upstream does not keep the loop busy while the client takes nothing") {
  TunnelStage stage({wait(), send(std::string(10'000, 'x')), close_it()});
  TestClient client(stage.server, kAsked);
  stage.open(client);
  client.wire().window = 0;
  stage.upstream[0].release();
  REQUIRE(stage.wait_until_played(client));
  for (int i = 0; i < 5; ++i) client.pump();
  // Nothing but timers is left to wait for: a turn that waits for events finds none.
  const int before = client.wire().send.calls;
  for (int i = 0; i < 50; ++i) stage.server.loop.run_once();
  CHECK(client.wire().send.calls == before);
  client.open_window(SIZE_MAX);
  CHECK(stage.wait_until_closed(client));
}

TEST_CASE("A tunnel whose upstream reads nothing makes its client wait, and loses nothing") {
  TunnelStage stage({be_deaf(), wait(), hear_again(), expect("the end"), send("got it")});
  TestClient client(stage.server, kAsked);
  stage.open(client);
  const std::string text = std::string(6 << 20, 'a') + "the end";
  client.send(text);
  CHECK(!client.is_read_from());
  stage.upstream[0].release();
  REQUIRE(stage.wait_until(client, [&] { return client.received() == "got it"; }));
  CHECK(stage.upstream[0].received().ends_with(text));
}

TEST_CASE("A tunnel whose client takes nothing makes its upstream wait, and loses nothing") {
  const std::string text(16 << 20, 'a');
  TunnelStage stage({wait(), send(text + "the end")});
  TestClient client(stage.server, kAsked);
  stage.open(client);
  client.wire().window = 1000;
  stage.upstream[0].release();
  for (int i = 0; i < 100; ++i) {
    stage.upstream.turn();
    client.pump();
  }
  CHECK(!stage.upstream[0].has_played());
  client.open_window(SIZE_MAX);
  REQUIRE(stage.wait_until(client, [&] { return client.received().ends_with("the end"); }));
  CHECK(client.received().size() == text.size() + 7);
}

TEST_CASE("A tunnel without an octet either way is closed after its time") {
  TunnelStage stage({expect("ping")}, "tunnel_timeout = \"500ms\"\n");
  TestClient client(stage.server, kAsked);
  stage.open(client);
  client.send("ping");
  CHECK(!client.is_closed());
  REQUIRE(stage.wait_until_closed(client));
  CHECK(stage.wait_until_let_go());
}

TEST_CASE("A client that goes away takes its tunnel along") {
  TunnelStage stage({send("hello")});
  TestClient client(stage.server, kAsked);
  stage.open(client);
  client.go_away();
  CHECK(client.is_closed());
  CHECK(stage.wait_until_let_go());
}

TEST_CASE("An upstream that resets a tunnel closes it") {
  TunnelStage stage({wait(), reset_it()});
  TestClient client(stage.server, kAsked);
  stage.open(client);
  stage.upstream[0].release();
  CHECK(stage.wait_until_closed(client));
}

TEST_CASE("A tunnel outlives the configuration that it began with") {
  TunnelStage stage({expect("ping"), send("pong")});
  TestClient client(stage.server, kAsked);
  stage.open(client);
  stage.server.use(stage.toml("proxy", ""));
  client.send("ping");
  REQUIRE(stage.wait_until(client, [&] { return client.received() == "pong"; }));
}

TEST_CASE("Where WebSockets are off the upstream is not asked for one") {
  GatewayStage stage("proxy", "websocket = false\n");
  stage.upstream.play({expect("\r\n\r\n"), send(kHello)});
  TestClient client(stage.server, kAsked);
  REQUIRE(stage.wait_for_answers(client));
  CHECK(stage.upstream[0].received().find("Upgrade") == std::string::npos);
}

}  // namespace
}  // namespace uvhttpd::tests
