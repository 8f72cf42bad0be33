// SPDX-License-Identifier: MIT
// unit/handlers/gateway_run_test.cpp: requests go to an upstream and answers come back.
#include <doctest/doctest.h>

#include "unit/handlers/built_gateways.h"

namespace uvhttpd::tests {
namespace {

Answer last_answer(TestClient& client) {
  std::vector<Answer> answers = answers_in(client.received());
  REQUIRE(!answers.empty());
  return std::move(answers.back());
}

TEST_CASE("An answer of the upstream is passed on and the connection kept for the next") {
  GatewayStage stage;
  stage.upstream.play({expect("\r\n\r\n"), send(kHello), expect("\r\n\r\n"), send(kHello)});
  TestClient client(stage.server, request("/a"));
  REQUIRE(stage.wait_for_answers(client));
  CHECK(last_answer(client).body == "hello");
  client.send(request("/b"));
  REQUIRE(stage.wait_for_answers(client, 2));
  CHECK(last_answer(client).body == "hello");
  CHECK(stage.upstream.accepted() == 1);
}

TEST_CASE("Bodies of answers arrive whole however they are framed") {
  const std::string text(300'000, 'x');
  struct Row {
    const char* name;
    std::string head;
    std::string body;
    bool closes;
  };
  std::string chunked;
  for (std::size_t at = 0; at < text.size(); at += 30'000) {
    chunked += "7530\r\n" + text.substr(at, 30'000) + "\r\n";
  }
  const Row rows[] = {
      {"length", "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n", text, false},
      {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunked + "0\r\n\r\n",
       false},
      {"until close", "HTTP/1.0 200 OK\r\n\r\n", text, true},
  };
  for (const char* more : {"", "buffer_response = true\n"}) {
    for (const Row& row : rows) {
      CAPTURE(std::string(row.name));
      CAPTURE(std::string(more));
      GatewayStage stage("proxy", more);
      Steps steps{expect("\r\n\r\n"), send(row.head), wait(), send(row.body)};
      if (row.closes) steps.push_back(close_it());
      stage.upstream.play(steps);
      TestClient client(stage.server, request());
      REQUIRE(stage.wait_until_received(client, "\r\n\r\n"));
      REQUIRE(stage.wait_until(client, [&] { return *more != 0 || !client.received().empty(); }));
      stage.upstream[0].release();
      REQUIRE(stage.wait_for_answers(client));
      CHECK((last_answer(client).body == text));
    }
  }
}

TEST_CASE("Answers without a body keep the connection to the upstream") {
  struct Row {
    const char* name;
    const char* head;
  };
  constexpr Row kRows[] = {
      {"no content", "HTTP/1.1 204 No Content\r\n\r\n"},
      {"not modified", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"},
      {"nothing", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
  };
  for (const Row& row : kRows) {
    CAPTURE(std::string(row.name));
    GatewayStage stage;
    stage.upstream.play({expect("\r\n\r\n"), send(row.head), expect("\r\n\r\n"), send(kHello)});
    TestClient client(stage.server, request());
    REQUIRE(stage.wait_until(client, [&] { return !client.received().empty(); }));
    client.take();
    client.send(request());
    REQUIRE(stage.wait_until(client, [&] { return client.received().ends_with("hello"); }));
    CHECK(stage.upstream.accepted() == 1);
  }
}

TEST_CASE("A request's body is sent on as the client frames it") {
  GatewayStage stage;
  stage.upstream.play({expect("hello"), send(kHello), expect("0\r\n\r\n"), send(kHello)});
  TestClient client(stage.server, upload("hello"));
  REQUIRE(stage.wait_for_answers(client));
  CHECK(stage.upstream[0].received().find("\r\nContent-Length: 5\r\n") != std::string::npos);
  client.send(request("/", "Transfer-Encoding: chunked\r\n", "POST", "5\r\nhello\r\n0\r\n\r\n"));
  REQUIRE(stage.wait_for_answers(client, 2));
  CHECK(stage.upstream[0].received().ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
}

TEST_CASE("An upload waits for an upstream that reads nothing and goes on when it reads") {
  for (const char* more : {"", "buffer_body = true\n"}) {
    CAPTURE(std::string(more));
    GatewayStage stage("proxy", more);
    std::string body(20 << 20, 'a');
    body += "the end";
    stage.upstream.play({be_deaf(), wait(), hear_again(), expect("the end"), send(kHello)});
    TestClient client(stage.server, upload(body));
    REQUIRE(stage.wait_until(client, [&] {
      return stage.upstream.accepted() == 1 && (!client.is_read_from() || *more != 0);
    }));
    stage.upstream[0].release();
    REQUIRE(stage.wait_for_answers(client));
    const std::string& received = stage.upstream[0].received();
    CHECK((received.substr(received.find("\r\n\r\n") + 4) == body));
  }
}

// How much of an upload the worker takes while its upstream reads nothing.
std::size_t taken_by_the_deaf() {
  GatewayStage stage;
  stage.upstream.play({be_deaf()});
  TestClient client(stage.server, request("/", "Content-Length: 40000000\r\n", "PUT"));
  std::size_t taken = 0;
  REQUIRE(stage.wait_until(client, [&] {
    if (stage.upstream.accepted() == 1 && client.wire().inbound.empty()) {
      client.wire().inbound = std::string(16 << 10, 'a');
      taken += 16 << 10;
    }
    return stage.upstream.accepted() == 1 && !client.is_read_from();
  }));
  return taken;
}

TEST_CASE("What does not fit behind a queue that was sent meanwhile is taken all the same") {
  const std::size_t most = taken_by_the_deaf();
  // The queue is neither full nor empty when the upstream reads again; how much the kernel holds
  // is not the same each time.
  for (std::size_t room = 4 << 10; room < 124 << 10; room += 8 << 10) {
    CAPTURE(room);
    GatewayStage stage;
    const std::string first(most - room, 'a');
    const std::string second(62 << 10, 'b');
    const std::size_t length = first.size() + second.size();
    stage.upstream.play({be_deaf(), wait(), hear_again(), expect(second), send(kHello)});
    TestClient client(stage.server,
                      request("/", "Content-Length: " + std::to_string(length) + "\r\n", "PUT"));
    REQUIRE(stage.wait_until(client, [&] { return stage.upstream.accepted() == 1; }));
    client.send(first);
    stage.upstream[0].release();
    stage.upstream.turn();
    stage.upstream.turn();
    // Before the worker knows that there is room.
    client.send(second);
    REQUIRE(stage.wait_for_answers(client));
  }
}

TEST_CASE("An upload may begin later than a second after its head") {
  GatewayStage stage;
  stage.upstream.play({expect("hello"), send(kHello)});
  TestClient client(stage.server, request("/", "Content-Length: 5\r\n", "POST"));
  const TimePoint begin = stage.server.loop.now();
  REQUIRE(
      stage.wait_until(client, [&] { return stage.server.loop.now() - begin > Duration{1'300}; }));
  CHECK(client.received().empty());
  client.send("hello");
  REQUIRE(stage.wait_for_answers(client));
  CHECK(last_answer(client).status == 200);
}

TEST_CASE("An upstream is asked whether it wants the body, and its word comes back") {
  GatewayStage stage;
  stage.upstream.play({expect("Expect: 100-continue\r\n\r\n"), wait(),
                       send("HTTP/1.1 100 Continue\r\n\r\n"), expect("hello"), send(kHello)});
  TestClient client(stage.server,
                    request("/", "Expect: 100-continue\r\nContent-Length: 5\r\n", "PUT"));
  REQUIRE(stage.wait_until_received(client, "Expect"));
  CHECK(client.received().empty());
  stage.upstream[0].release();
  REQUIRE(stage.wait_until(client, [&] { return !client.received().empty(); }));
  CHECK(client.take() == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  REQUIRE(stage.wait_for_answers(client));
}

TEST_CASE("An upstream that refuses the body beforehand is not sent it") {
  GatewayStage stage;
  stage.upstream.play(
      {expect("\r\n\r\n"), send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")});
  TestClient client(stage.server,
                    request("/", "Expect: 100-continue\r\nContent-Length: 5\r\n", "PUT"));
  REQUIRE(stage.wait_for_answers(client));
  CHECK(answer_in(client.received()).status == 413);
}

TEST_CASE("An upstream that knows nothing of Expect gets the body after a second") {
  GatewayStage stage;
  stage.upstream.play({expect("hello"), send(kHello)});
  TestClient client(stage.server,
                    request("/", "Expect: 100-continue\r\nContent-Length: 5\r\n", "PUT"));
  REQUIRE(stage.wait_until(client, [&] { return !client.received().empty(); }));
  CHECK(client.take() == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  REQUIRE(stage.wait_for_answers(client));
  CHECK(last_answer(client).status == 200);
}

TEST_CASE("Interim answers go before the final one") {
  GatewayStage stage;
  stage.upstream.play({expect("\r\n\r\n"),
                       send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"), wait(),
                       send(kHello)});
  TestClient client(stage.server, request());
  REQUIRE(stage.wait_until(client, [&] { return !client.received().empty(); }));
  CHECK(client.take() == "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
  stage.upstream[0].release();
  REQUIRE(stage.wait_for_answers(client));
}

TEST_CASE("Trailers of both directions arrive") {
  GatewayStage stage;
  stage.upstream.play(
      {expect("0\r\nX-Sum: 1\r\n\r\n"), send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                             "2\r\nab\r\n0\r\nX-Total: 2\r\n\r\n")});
  TestClient client(stage.server, request("/", "Transfer-Encoding: chunked\r\n", "POST",
                                          "1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n"));
  REQUIRE(stage.wait_until(client, [&] {
    return client.received().ends_with("\r\n\r\n") &&
           client.received().find("X-Total") != std::string::npos;
  }));
  CHECK(client.received().ends_with("2\r\nab\r\n0\r\nX-Total: 2\r\n\r\n"));
}

TEST_CASE("An answer may come before the request's body has gone") {
  GatewayStage stage;
  stage.upstream.play({expect("hel"), send(kHello)});
  TestClient client(stage.server, request("/", "Content-Length: 5\r\n", "POST", "hel"));
  REQUIRE(stage.wait_for_answers(client));
  client.send("lo");
  client.send(request("/next"));
  // Half a request stands on the first connection: it is not used again.
  REQUIRE(stage.wait_until_received(client, "GET /next", 1));
  CHECK(stage.wait_until_let_go(0));
}

TEST_CASE("A body that is taken first has a length, and its upstream is not bothered before") {
  GatewayStage stage("proxy", "buffer_body = true\n");
  stage.upstream.play({expect("hello world"), send(kHello)});
  TestClient client(stage.server,
                    request("/", "Transfer-Encoding: chunked\r\n", "POST", "6\r\nhello \r\n"));
  stage.upstream.turn();
  CHECK(stage.upstream.accepted() == 0);
  client.send("5\r\nworld\r\n0\r\n\r\n");
  REQUIRE(stage.wait_for_answers(client));
  CHECK(stage.upstream[0].received().find("\r\nContent-Length: 11\r\n") != std::string::npos);
}

TEST_CASE("An answer that is buffered frees its upstream while the client takes nothing") {
  GatewayStage stage("proxy", "buffer_response = true\n");
  const std::string body(8 << 20, 'x');
  stage.upstream.play(
      {expect("\r\n\r\n"), send("HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n" + body)});
  TestClient client(stage.server, request(), [](Wire& wire) { wire.window = 1000; });
  REQUIRE(stage.wait_until_played(client));
  client.open_window(SIZE_MAX);
  REQUIRE(stage.wait_for_answers(client));
  CHECK((last_answer(client).body == body));
}

TEST_CASE("The end of a buffered answer is found wherever the worker's turns end") {
  GatewayStage stage("proxy", "buffer_response = true\n");
  Steps steps;
  for (std::size_t size = 8 << 10; size < 640 << 10; size += 16 << 10) {
    steps.push_back(expect("\r\n\r\n"));
    steps.push_back(send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
                         std::string(size, 'x')));
  }
  stage.upstream.play(steps);
  TestClient client(stage.server);
  for (std::size_t size = 8 << 10; size < 640 << 10; size += 16 << 10) {
    CAPTURE(size);
    client.send(request());
    REQUIRE(stage.wait_until(client, [&] { return client.received().size() >= size; }));
    client.wire().outbound.clear();
  }
}

TEST_CASE("An answer that is not buffered makes its upstream wait for the client") {
  GatewayStage stage;
  const std::string body(120 << 20, 'x');
  stage.upstream.play(
      {expect("\r\n\r\n"), send("HTTP/1.1 200 OK\r\nContent-Length: 16777216\r\n\r\n" + body)});
  TestClient client(stage.server, request(), [](Wire& wire) { wire.window = 1000; });
  REQUIRE(stage.wait_until(client, [&] { return client.received().size() == 1000; }));
  for (int i = 0; i < 100; ++i) {
    stage.upstream.turn();
    client.pump();
  }
  CHECK(!stage.upstream[0].has_played());
  client.open_window(SIZE_MAX);
  REQUIRE(stage.wait_for_answers(client));
}

TEST_CASE("With proxy_protocol each request has its connection, which begins with the client") {
  GatewayStage stage("proxy", "proxy_protocol = \"v1\"\n");
  stage.upstream.play({expect("\r\n\r\n"), send(kHello)}).play({expect("\r\n\r\n"), send(kHello)});
  TestClient client(stage.server, request());
  REQUIRE(stage.wait_for_answers(client));
  CHECK(
      stage.upstream[0].received().starts_with("PROXY TCP4 192.0.2.7 192.0.2.7 4711 4711\r\nGET"));
  client.send(request());
  REQUIRE(stage.wait_for_answers(client, 2));
  CHECK(stage.upstream.accepted() == 2);
}

}  // namespace
}  // namespace uvhttpd::tests
