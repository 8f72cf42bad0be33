// SPDX-License-Identifier: MIT
// unit/server/connection_fault_test.cpp: whatever call on the transport goes wrong, the exchange is
// destroyed, the connection is gone, and nothing wrong was sent.
#include <doctest/doctest.h>

#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

constexpr int kMostCalls = 2'000;

struct Scenario {
  std::string name;
  std::string bytes;
  std::size_t receive_most = SIZE_MAX;
  std::size_t send_most = SIZE_MAX;
};

std::vector<Scenario> scenarios() {
  const std::string large(300'000, 'x');
  return {
      {"one GET", get("/a")},
      {"pipelined", get("/a") + get("/stream") + get("/b")},
      {"pipelined, the last cut off", get("/a") + get("/b") + "GET /half"},
      {"close", get("/a", "Connection: close\r\n")},
      {"HTTP/1.0", "GET /stream HTTP/1.0\r\n\r\n"},
      {"body in small pieces", post("/echo", "some body") + get("/b"), 7},
      {"chunked body", post_chunked("/echo", "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"), 5},
      {"awaited body", post("/echo", "some body", "Expect: 100-continue\r\n"), 95},
      {"early answer", post("/early", std::string(1000, 'x')) + get("/b"), 100},
      {"early answer, large rest", post("/early", large) + get("/b"), 20'000},
      {"refused", "nonsense\r\n\r\n" + large, 20'000},
      {"large echo in pieces", post("/echo", large), 40'000, 30'000},
      {"small pieces sent", get("/a") + get("/stream"), SIZE_MAX, 50},
  };
}

// The usual fakes, each exchange with a witness.
Fakes witnessed(Lives& lives) {
  Fakes fakes = usual_fakes();
  for (auto& [name, fake] : fakes) {
    fake.handle = [&lives, inner = fake.handle](Exchange& exchange) {
      exchange.keep<Witness>(lives);
      inner(exchange);
    };
  }
  return fakes;
}

struct Outcome {
  std::string sent;
  int receives = 0;
  int sends = 0;
};

// Plays the scenario up to the client's end, with what `plan` arranges, and checks what has to hold
// in any case.
Outcome play(const Scenario& scenario, const std::function<void(Wire&)>& plan) {
  Lives lives;
  TestServer server(usual_site(), witnessed(lives));
  TestClient client(server, scenario.bytes, [&](Wire& wire) {
    wire.receive.most = scenario.receive_most;
    wire.send.most = scenario.send_most;
    plan(wire);
  });
  CHECK(client.is_closed() >= client.wire().failed);
  client.end();
  CHECK(client.is_closed());
  CHECK(server.connections() == 0);
  CHECK(lives.begun == lives.ended);
  CHECK_FALSE(client.wire().sent_after_end);
  return {without_dates(client.received()), client.wire().receive.calls, client.wire().send.calls};
}

TEST_CASE("A connection whose n-th call fails is broken off there, for each n") {
  for (const Scenario& scenario : scenarios()) {
    const Outcome whole = play(scenario, [](Wire&) {});
    REQUIRE(whole.receives < kMostCalls);
    REQUIRE(whole.sends < kMostCalls);
    for (int call = 1; call <= whole.receives; ++call) {
      INFO(scenario.name, ", receive ", call);
      const Outcome cut = play(scenario, [&](Wire& wire) { wire.receive.failed_at = call; });
      CHECK(cut.receives == call);
      CHECK(whole.sent.starts_with(cut.sent));
    }
    for (int call = 1; call <= whole.sends; ++call) {
      INFO(scenario.name, ", send ", call);
      const Outcome cut = play(scenario, [&](Wire& wire) { wire.send.failed_at = call; });
      CHECK(cut.sends == call);
      CHECK(whole.sent.starts_with(cut.sent));
    }
  }
}

TEST_CASE("A connection whose n-th call blocks sends the same, for each n") {
  for (const Scenario& scenario : scenarios()) {
    const Outcome whole = play(scenario, [](Wire&) {});
    for (int call = 1; call <= whole.receives; ++call) {
      INFO(scenario.name, ", receive ", call);
      CHECK(play(scenario, [&](Wire& wire) { wire.receive.blocked_at = call; }).sent == whole.sent);
    }
    for (int call = 1; call <= whole.sends; ++call) {
      INFO(scenario.name, ", send ", call);
      CHECK(play(scenario, [&](Wire& wire) { wire.send.blocked_at = call; }).sent == whole.sent);
    }
  }
}

TEST_CASE("A client that ends at its n-th receive gets a beginning of the answers, for each n") {
  for (const Scenario& scenario : scenarios()) {
    const Outcome whole = play(scenario, [](Wire&) {});
    for (int call = 1; call <= whole.receives; ++call) {
      INFO(scenario.name, ", receive ", call);
      const Outcome cut = play(scenario, [&](Wire& wire) { wire.receive.ended_at = call; });
      CHECK(whole.sent.starts_with(cut.sent));
    }
  }
}

TEST_CASE("A client that ends behind its n-th octet gets the answers to its whole requests") {
  Lives lives;
  TestServer server(usual_site(), witnessed(lives));
  const std::string bytes =
      get("/a") + post("/echo", "body") + post_chunked("/echo", "2\r\nab\r\n0\r\n\r\n") + get("/b");
  std::string expected;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    CAPTURE(size);
    TestClient client(server, bytes.substr(0, size), [](Wire& wire) { wire.client_ended = true; });
    CHECK(client.is_closed());
    const std::string sent = without_dates(client.received());
    CHECK(sent.starts_with(expected));
    expected = sent;
  }
  CHECK(answers_in(expected).size() == 4);
  CHECK(lives.begun == lives.ended);
}

TEST_CASE("A client that is gone at any moment takes its exchange with it") {
  for (const Scenario& scenario : scenarios()) {
    CAPTURE(scenario.name);
    Lives lives;
    TestServer server(usual_site(), witnessed(lives));
    for (std::size_t window = 0; window < 2'000; window += 13) {
      CAPTURE(window);
      TestClient client(server, scenario.bytes, [&](Wire& wire) {
        wire.window = window;
        wire.receive.most = scenario.receive_most;
      });
      client.go_away();
      CHECK(client.is_closed());
      CHECK(server.connections() == 0);
      CHECK(lives.begun == lives.ended);
    }
  }
}

}  // namespace
}  // namespace uvhttpd::tests
