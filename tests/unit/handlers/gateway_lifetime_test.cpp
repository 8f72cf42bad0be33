// SPDX-License-Identifier: MIT
// unit/handlers/gateway_lifetime_test.cpp: whoever goes away, and whenever, takes the others along.
#include <doctest/doctest.h>

#include "unit/handlers/built_gateways.h"

namespace uvhttpd::tests {
namespace {

const std::string kBegun = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello";

// A request that has come so far when its client goes.
struct Moment {
  const char* name;
  std::string sent;
  Steps steps;
  const char* more = "";
  const char* seen_by_client = "";  // what the client has when it goes
};

const Moment kMoments[] = {
    {"the head is awaited", request(), {expect("\r\n\r\n")}},
    {"the body is on its way",
     request("/", "Content-Length: 50\r\n", "POST", "hello"),
     {expect("hello")}},
    {"the upstream is asked about the body",
     request("/", "Expect: 100-continue\r\nContent-Length: 50\r\n", "POST"),
     {expect("\r\n\r\n")}},
    {"an interim answer has come",
     request(),
     {expect("\r\n\r\n"), send("HTTP/1.1 103 Early Hints\r\n\r\n")},
     "",
     "103"},
    {"the answer is on its way", request(), {expect("\r\n\r\n"), send(kBegun)}, "", "hello"},
    {"the answer is buffered",
     request(),
     {expect("\r\n\r\n"), send(kBegun)},
     "buffer_response = true\n",
     "hello"},
    {"both are on their way",
     request("/", "Content-Length: 50\r\n", "POST", "hello"),
     {expect("hello"), send(kBegun)},
     "",
     "hello"},
};

// The client has come to the moment.
void reach(GatewayStage& stage, TestClient& client, const Moment& moment) {
  REQUIRE(stage.wait_until_played(client));
  REQUIRE(stage.wait_until(
      client, [&] { return client.received().find(moment.seen_by_client) != std::string::npos; }));
}

TEST_CASE("A client that goes away takes its connection to the upstream along") {
  for (const Moment& moment : kMoments) {
    CAPTURE(std::string(moment.name));
    GatewayStage stage("proxy", moment.more);
    stage.upstream.play(moment.steps);
    TestClient client(stage.server, moment.sent);
    reach(stage, client, moment);
    client.go_away();
    CHECK(client.is_closed());
    CHECK(stage.wait_until_let_go());
  }
}

TEST_CASE("A client may go away while an upstream's name is looked up") {
  TestServer server("[[site]]\n" + gateway_route("proxy", "\"http://localhost:9\"", ""), {},
                    build_real);
  TestClient client(server, request());
  client.go_away();
  CHECK(client.is_closed());
}

TEST_CASE("A client may go away while its body is taken beforehand") {
  GatewayStage stage("proxy", "buffer_body = true\n");
  TestClient client(stage.server, request("/", "Content-Length: 50\r\n", "POST", "hello"));
  client.go_away();
  CHECK(client.is_closed());
  CHECK(stage.upstream.accepted() == 0);
}

// Nobody completes its connections when its backlog is full.
class FullUpstream {
 public:
  FullUpstream() {
    fd_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(fd_.get(), 0) == 0);
    address.sin_port = htons(port());
    for (UniqueFd& filler : fillers_) {
      filler.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      (void)::connect(filler.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
  }
  std::uint16_t port() const { return local_address(fd_.get()).port; }

 private:
  UniqueFd fd_;
  UniqueFd fillers_[4];
};

TEST_CASE("A connection that is not made in time is 504, and a client may go before") {
  FullUpstream upstream;
  TestServer server(
      "[[site]]\n" + gateway_route("proxy",
                                   "\"http://127.0.0.1:" + std::to_string(upstream.port()) + "\"",
                                   "connect_timeout = \"40ms\"\nretries = 1\n"),
      {}, build_real);
  TestClient gone(server, request());
  gone.go_away();
  CHECK(gone.is_closed());
  TestClient client(server, request());
  REQUIRE(server.wait_until([&] {
    client.pump();
    return !client.received().empty();
  }));
  CHECK(answer_in(client.received()).status == 504);
}

TEST_CASE("A reload leaves what is under way alone") {
  for (const Moment& moment : kMoments) {
    CAPTURE(std::string(moment.name));
    GatewayStage stage("proxy", moment.more);
    FakeUpstream other;
    stage.upstream.play(moment.steps);
    TestClient client(stage.server, moment.sent);
    reach(stage, client, moment);
    stage.server.use("[[site]]\n" + gateway_route("proxy", in_toml("proxy", other)));
    // The rest of both bodies, as far as they have begun.
    if (moment.sent.find("50\r\n") != std::string::npos && moment.steps.size() < 3) {
      client.send(std::string(50, 'x'));
    }
    client.go_away();
    CHECK(stage.wait_until_let_go());
    CHECK(other.accepted() == 0);
  }
}

TEST_CASE("A run ends with the configuration that it began with") {
  GatewayStage stage;
  FakeUpstream other;
  stage.upstream.play({expect("\r\n\r\n"), wait(), send(kHello)});
  other.play({expect("\r\n\r\n"), send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother")});
  TestClient client(stage.server, request());
  REQUIRE(stage.wait_until_received(client, "\r\n\r\n"));
  stage.server.use("[[site]]\n" + gateway_route("proxy", in_toml("proxy", other)));
  stage.upstream[0].release();
  REQUIRE(stage.wait_for_answers(client));
  CHECK(client.received().ends_with("hello"));
  client.send(request());
  REQUIRE(stage.wait_until(client, [&] {
    other.turn();
    return client.received().ends_with("other");
  }));
  // What the old configuration kept is gone with it.
  CHECK(stage.wait_until_let_go());
}

TEST_CASE("The exchange may end in whatever it is told") {
  // The client's connection fails at the first octets that are sent to it.
  struct Row {
    const char* name;
    std::string sent;
    Steps steps;
    const char* more;
  };
  const Row rows[] = {
      {"inform",
       request(),
       {expect("\r\n\r\n"), send("HTTP/1.1 103 Early Hints\r\n\r\n" + kHello)},
       ""},
      {"receive_body",
       request("/", "Expect: 100-continue\r\nContent-Length: 5\r\n", "PUT"),
       {expect("\r\n\r\n"), send("HTTP/1.1 100 Continue\r\n\r\n")},
       ""},
      {"respond", request(), {expect("\r\n\r\n"), send(kBegun)}, ""},
      {"respond, without a body",
       request(),
       {expect("\r\n\r\n"), send("HTTP/1.1 204 No Content\r\n\r\n")},
       ""},
      {"respond, buffered",
       request(),
       {expect("\r\n\r\n"), send(kBegun)},
       "buffer_response = true\n"},
      {"fail", request(), {expect("\r\n\r\n"), send("nonsense\r\n")}, ""},
      {"fail in time", request(), {expect("\r\n\r\n")}, "head_timeout = \"30ms\"\n"},
      {"upgrade",
       request("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
       {expect("\r\n\r\n"), send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                                 "Upgrade: websocket\r\n\r\nhello")},
       ""},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    GatewayStage stage("proxy", row.more);
    stage.upstream.play(row.steps);
    TestClient client(stage.server, row.sent, [](Wire& wire) { wire.send.failed_at = 1; });
    REQUIRE(stage.wait_until_closed(client));
    CHECK(stage.server.connections() == 0);
  }
}

TEST_CASE("The exchange may end when it is woken") {
  for (const char* more : {"", "buffer_response = true\n"}) {
    CAPTURE(std::string(more));
    GatewayStage stage("proxy", more);
    stage.upstream.play({expect("\r\n\r\n"), send(kBegun), wait(), send("world")});
    TestClient client(stage.server, request());
    REQUIRE(stage.wait_until(client, [&] { return client.received().ends_with("hello"); }));
    client.wire().send.failed_at = client.wire().send.calls + 1;
    stage.upstream[0].release();
    REQUIRE(stage.wait_until_closed(client));
    CHECK(stage.wait_until_let_go());
  }
}

TEST_CASE("A body that is too large ends the exchange and what the upstream has of it") {
  GatewayStage stage("proxy", "body_bytes = 10\n");
  TestClient client(stage.server,
                    request("/", "Transfer-Encoding: chunked\r\n", "POST", "5\r\nhello\r\n"));
  REQUIRE(stage.wait_until_received(client, "hello"));
  client.send("6\r\nworld!\r\n0\r\n\r\n");
  REQUIRE(stage.wait_for_answers(client));
  CHECK(answer_in(client.received()).status == 413);
  CHECK(stage.wait_until_let_go());
}

TEST_CASE("A local redirect may end the exchange") {
  for (const int failed_at : {0, 1}) {
    CAPTURE(failed_at);
    GatewayStage stage("scgi");
    stage.upstream.play({expect(","), send("Location: /next\n\n"), close_it()})
        .play({expect(","), send("Content-Type: text/plain\n\nhello"), close_it()});
    TestClient client(stage.server, request("/first"),
                      [&](Wire& wire) { wire.send.failed_at = failed_at; });
    REQUIRE(stage.wait_until(client, [&] {
      return client.is_closed() || client.received().find("hello") != std::string::npos;
    }));
    CHECK(client.is_closed() == (failed_at == 1));
    CHECK(stage.upstream.accepted() == 2);
  }
}

TEST_CASE("Local redirects that do not end are given up, whatever becomes of the client") {
  for (const int failed_at : {0, 1}) {
    CAPTURE(failed_at);
    GatewayStage stage("scgi");
    for (int i = 0; i < 7; ++i) {
      stage.upstream.play({expect(","), send("Location: /next\n\n"), close_it()});
    }
    TestClient client(stage.server, request("/first"),
                      [&](Wire& wire) { wire.send.failed_at = failed_at; });
    REQUIRE(
        stage.wait_until(client, [&] { return client.is_closed() || !client.received().empty(); }));
    if (failed_at == 0) CHECK(answer_in(client.received()).status == 502);
  }
}

}  // namespace
}  // namespace uvhttpd::tests
