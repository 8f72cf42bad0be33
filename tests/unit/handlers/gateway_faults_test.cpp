// SPDX-License-Identifier: MIT
// unit/handlers/gateway_faults_test.cpp: what can go wrong with an upstream, and what its clients
// are answered then.
#include <doctest/doctest.h>

#include "unit/handlers/built_gateways.h"

namespace uvhttpd::tests {
namespace {

TEST_CASE("Upstreams that fail have their status") {
  struct Row {
    const char* name;
    Steps steps;
    unsigned status;
    const char* more;
  };
  const Row rows[] = {
      {"closes without an answer", {expect("\r\n\r\n"), close_it()}, 502, "retries = 0\n"},
      {"closes at once", {close_it()}, 502, "retries = 0\n"},
      {"resets", {expect("\r\n\r\n"), reset_it()}, 502, "retries = 0\n"},
      {"speaks something else", {send("220 mail ESMTP\r\n")}, 502, ""},
      {"ends inside its head", {send("HTTP/1.1 200 OK\r\nA: "), close_it()}, 502, ""},
      {"changes the protocol unasked",
       {expect("\r\n\r\n"), send("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n")},
       502,
       ""},
      {"says nothing", {}, 504, "head_timeout = \"30ms\"\n"},
      {"says half", {send("HTTP/1.1 200 OK\r\n")}, 504, "head_timeout = \"30ms\"\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    GatewayStage stage("proxy", row.more);
    stage.upstream.play(row.steps);
    TestClient client(stage.server, request());
    REQUIRE(stage.wait_for_answers(client));
    CHECK(answer_in(client.received()).status == row.status);
    CHECK(stage.upstream.accepted() == 1);
  }
}

TEST_CASE("An answer that breaks off closes the client's connection") {
  struct Row {
    const char* name;
    const char* answer;
    bool ends;
  };
  constexpr Row kRows[] = {
      {"length", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", true},
      {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true},
      {"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx", false},
      {"silence", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", false},
  };
  for (const char* more : {"", "buffer_response = true\n"}) {
    for (const Row& row : kRows) {
      CAPTURE(std::string(row.name));
      CAPTURE(std::string(more));
      GatewayStage stage("proxy", std::string(more) + "idle_timeout = \"250ms\"\n");
      Steps steps{expect("\r\n\r\n"), send(row.answer)};
      if (row.ends) steps.push_back(close_it());
      stage.upstream.play(steps);
      TestClient client(stage.server, request());
      REQUIRE(stage.wait_until_closed(client));
      CHECK(client.received().find("hello") != std::string::npos);
      CHECK(!answer_in(client.received()).is_whole);
      CHECK(stage.server.error_log().find("upstream http://") != std::string::npos);
    }
  }
}

TEST_CASE("What may be repeated is tried once more, and nothing else is") {
  struct Row {
    const char* name;
    std::string request;
    std::size_t attempts;
  };
  const Row rows[] = {
      {"GET", request(), 2},
      {"PUT without octets", request("/", "Transfer-Encoding: chunked\r\n", "PUT", "0\r\n\r\n"), 2},
      {"PUT with a body", upload("hello", "PUT"), 1},
      {"POST", upload("", "POST"), 1},
      {"PATCH", upload("", "PATCH"), 1},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    GatewayStage stage;
    stage.upstream.play({expect("\r\n\r\n"), wait(), close_it()})
        .play({expect("\r\n\r\n"), send(kHello)});
    TestClient client(stage.server, row.request);
    REQUIRE(stage.wait_until_received(client, "\r\n\r\n"));
    client.pump();
    stage.upstream[0].release();
    REQUIRE(stage.wait_for_answers(client));
    CHECK(answer_in(client.received()).status == (row.attempts == 2 ? 200 : 502));
    CHECK(stage.upstream.accepted() == row.attempts);
  }
}

TEST_CASE("A body without octets ends in the second attempt as well") {
  GatewayStage stage;
  stage.upstream.play({expect("0\r\n\r\n"), close_it()}).play({expect("0\r\n\r\n"), send(kHello)});
  TestClient client(stage.server,
                    request("/", "Transfer-Encoding: chunked\r\n", "PUT", "0\r\n\r\n"));
  REQUIRE(stage.wait_for_answers(client));
  CHECK(answer_in(client.received()).status == 200);
}

TEST_CASE("A body that was taken beforehand is sent again") {
  GatewayStage stage("proxy", "buffer_body = true\n");
  stage.upstream.play({expect("hello"), close_it()}).play({expect("hello"), send(kHello)});
  TestClient client(stage.server, upload("hello", "PUT"));
  REQUIRE(stage.wait_for_answers(client));
  CHECK(answer_in(client.received()).status == 200);
}

TEST_CASE("A kept connection that turns out to be closed is no failure of its upstream") {
  GatewayStage stage("proxy", "retries = 0\n");
  stage.upstream.play({expect("\r\n\r\n"), send(kHello), expect("\r\n\r\n"), close_it()})
      .play({expect("\r\n\r\n"), send(kHello)});
  TestClient client(stage.server, request());
  REQUIRE(stage.wait_for_answers(client));
  client.send(request());
  REQUIRE(stage.wait_for_answers(client, 2));
  CHECK(answers_in(client.received())[1].status == 200);
  CHECK(stage.upstream.accepted() == 2);
}

TEST_CASE("Refused connections are 502") {
  GatewayStage stage;
  stage.upstream.refuse();
  TestClient client(stage.server, request());
  REQUIRE(stage.wait_for_answers(client));
  CHECK(answer_in(client.received()).status == 502);
}

TEST_CASE("Another upstream is asked where one refuses connections") {
  FakeUpstream bad;
  FakeUpstream good;
  bad.refuse();
  TestServer server(
      "[[site]]\n" +
          gateway_route("proxy", "[" + in_toml("proxy", bad) + ", " + in_toml("proxy", good) + "]",
                        "balance = \"round_robin\"\n"),
      {}, build_real);
  for (int i = 0; i < 4; ++i) good.play({expect("\r\n\r\n"), send(kHello), close_it()});
  for (int i = 0; i < 4; ++i) {
    // POST: nothing has been sent when a connection is refused.
    TestClient client(server, upload("hello"));
    REQUIRE(server.wait_until([&] {
      good.turn();
      client.pump();
      return client.received().ends_with("hello");
    }));
  }
  // It rests after the first time.
  const std::string log = server.error_log();
  const std::size_t first = log.find("the others are asked for 1 s");
  CHECK(first != std::string::npos);
  CHECK(log.find("the others are asked for", first + 1) == std::string::npos);
}

TEST_CASE("A name without addresses is 502") {
  FakeUpstream unused;
  TestServer server("[[site]]\n" + gateway_route("proxy", "\"http://nowhere.invalid:1\"", ""), {},
                    build_real);
  TestClient client(server, request());
  REQUIRE(server.wait_until([&] {
    client.pump();
    return !client.received().empty();
  }));
  CHECK(answer_in(client.received()).status == 502);
}

TEST_CASE("Requests wait for an upstream's name to be looked up") {
  FakeUpstream upstream;
  upstream.play({expect("\r\n\r\n"), send(kHello)});
  TestServer server(
      "[[site]]\n" + gateway_route("proxy",
                                   "\"http://localhost:" + std::to_string(upstream.port()) + "\"",
                                   "retries = 3\n"),
      {}, build_real);
  TestClient client(server, request());
  REQUIRE(server.wait_until([&] {
    upstream.turn();
    client.pump();
    return !client.received().empty();
  }));
  CHECK(answer_in(client.received()).status == 200);
}

TEST_CASE("An upload that its upstream does not take is given up") {
  GatewayStage stage("proxy", "idle_timeout = \"60ms\"\n");
  stage.upstream.play({be_deaf()});
  TestClient client(stage.server, upload(std::string(20 << 20, 'a'), "PUT"));
  REQUIRE(stage.wait_until(client, [&] { return !client.received().empty(); }));
  CHECK(answer_in(client.received()).status == 504);
}

}  // namespace
}  // namespace uvhttpd::tests
