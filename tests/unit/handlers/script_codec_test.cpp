// SPDX-License-Identifier: MIT
// unit/handlers/script_codec_test.cpp: programs behind FastCGI and SCGI are asked and answer.
#include <doctest/doctest.h>

#include "unit/handlers/built_gateways.h"

namespace uvhttpd::tests {
namespace {

// A record of a FastCGI program's, to the request 1.
std::string record(int type, const std::string& content, std::size_t padding = 0) {
  std::string text{'\1', static_cast<char>(type), '\0', '\1'};
  text += static_cast<char>(content.size() >> 8);
  text += static_cast<char>(content.size() & 0xff);
  text += static_cast<char>(padding);
  text += '\0';
  return text + content + std::string(padding, '\0');
}
std::string ended(char status = 0) {
  return record(3, std::string(4, '\0') + status + std::string(3, '\0'));
}
const std::string kStdinEnd("\1\5\0\1\0\0\0\0", 8);
const std::string kText = "Content-Type: text/plain\n\n";

TEST_CASE("A FastCGI program's output is the answer and its connection is kept") {
  GatewayStage stage("fastcgi");
  stage.upstream.play(
      {expect(kStdinEnd), send(record(6, kText + "hello", 3) + ended()), expect(kStdinEnd),
       send(record(6, kText) + record(6, "a") + record(6, "b") + record(6, "") + ended())});
  TestClient client(stage.server, request("/a"));
  REQUIRE(stage.wait_for_answers(client));
  CHECK(answer_in(client.take()).body == "hello");
  client.send(request("/b"));
  REQUIRE(stage.wait_for_answers(client, 2));
  CHECK(answer_in(client.take()).body == "ab");
  CHECK(stage.upstream.accepted() == 1);
}

TEST_CASE("A FastCGI program gets the body in records, and its length") {
  GatewayStage stage("fastcgi");
  const std::string body(100'000, 'b');
  stage.upstream.play({expect(kStdinEnd), send(record(6, kText) + ended())});
  TestClient client(stage.server, upload(body));
  REQUIRE(stage.wait_for_answers(client));
  const std::string& received = stage.upstream[0].received();
  CHECK(received.find("CONTENT_LENGTH100000") != std::string::npos);
  CHECK(static_cast<std::size_t>(std::count(received.begin(), received.end(), 'b')) >= body.size());
}

TEST_CASE("A chunked body has its length for programs") {
  for (const std::string handler : {"fastcgi", "scgi"}) {
    CAPTURE(handler);
    GatewayStage stage(handler);
    const bool is_fastcgi = handler == "fastcgi";
    stage.upstream.play({expect(is_fastcgi ? kStdinEnd : ",hello"),
                         send(is_fastcgi ? record(6, kText) + ended() : kText), close_it()});
    TestClient client(stage.server, request("/", "Transfer-Encoding: chunked\r\n", "POST",
                                            "5\r\nhello\r\n0\r\n\r\n"));
    REQUIRE(stage.wait_for_answers(client));
    const std::string length =
        is_fastcgi ? "CONTENT_LENGTH5" : std::string("CONTENT_LENGTH\0005", 16);
    CHECK(stage.upstream[0].received().find(length) != std::string::npos);
  }
}

TEST_CASE("What a FastCGI program writes to its errors is in the log, line by line") {
  GatewayStage stage("fastcgi");
  stage.upstream.play({expect(kStdinEnd), send(record(7, "one\ntw") + record(6, kText) +
                                               record(7, "o\nthree") + ended())});
  TestClient client(stage.server, request());
  REQUIRE(stage.wait_for_answers(client));
  const std::string log = stage.server.error_log();
  for (const char* line : {": one\n", ": two\n", ": three\n"}) {
    CAPTURE(std::string(line));
    CHECK(log.find(line) != std::string::npos);
  }
}

TEST_CASE("Answers of programs that are none are 502") {
  struct Row {
    const char* name;
    const char* handler;
    std::string answer;
  };
  const Row rows[] = {
      {"nothing", "fastcgi", ended()},
      {"half a head", "fastcgi", record(6, "Content-Type: a/b\n") + ended()},
      {"no head", "fastcgi", record(6, "hello\n\n") + ended()},
      {"no FastCGI", "fastcgi", "HTTP/1.1 200 OK\r\n\r\n"},
      {"closed within", "fastcgi", record(6, "Content-Type: a/b\n")},
      {"nothing", "scgi", ""},
      {"half a head", "scgi", "Content-Type: a/b\n"},
      {"no head", "scgi", "hello\n\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    CAPTURE(std::string(row.handler));
    GatewayStage stage(row.handler, "retries = 0\n");
    stage.upstream.play({expect(","), send(row.answer), close_it()})
        .play({expect(","), send(row.answer), close_it()});
    TestClient client(stage.server, request("/,"));
    REQUIRE(stage.wait_for_answers(client));
    CHECK(answer_in(client.received()).status == 502);
  }
}

TEST_CASE("An answer that a program breaks off is broken off") {
  struct Row {
    const char* name;
    const char* handler;
    std::string answer;
  };
  const std::string long_one = "Content-Type: a/b\nContent-Length: 50\n\nhello";
  const Row rows[] = {
      {"connection", "fastcgi", record(6, kText + "hello")},
      {"record", "fastcgi", record(6, kText + "hello").substr(0, 36)},
      {"length", "fastcgi", record(6, long_one) + ended()},
      {"length", "scgi", long_one},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    CAPTURE(std::string(row.handler));
    GatewayStage stage(row.handler);
    stage.upstream.play({expect(","), send(row.answer), close_it()});
    TestClient client(stage.server, request("/,"));
    REQUIRE(stage.wait_until_closed(client));
    CHECK(!answer_in(client.received()).is_whole);
  }
}

TEST_CASE("More than a program has announced is dropped") {
  for (const std::string handler : {"fastcgi", "scgi"}) {
    CAPTURE(handler);
    GatewayStage stage(handler);
    const std::string output = "Content-Type: a/b\nContent-Length: 5\n\nhello, and more";
    stage.upstream.play(
        {expect(","), send(handler == "scgi" ? output : record(6, output) + ended()), close_it()});
    TestClient client(stage.server, request("/,"));
    REQUIRE(stage.wait_for_answers(client));
    CHECK(answer_in(client.received()).body == "hello");
  }
}

TEST_CASE("Large outputs arrive whole") {
  const std::string piece(60'000, 'x');
  for (const std::string handler : {"fastcgi", "scgi"}) {
    for (const char* more : {"", "buffer_response = true\n"}) {
      CAPTURE(handler);
      CAPTURE(std::string(more));
      GatewayStage stage(handler, more);
      Steps steps{expect(","), send(handler == "scgi" ? kText : record(6, kText))};
      for (int i = 0; i < 20; ++i) {
        steps.push_back(send(handler == "scgi" ? piece : record(6, piece, 7)));
      }
      if (handler == "fastcgi") steps.push_back(send(ended()));
      steps.push_back(close_it());
      stage.upstream.play(steps);
      TestClient client(stage.server, request("/,"));
      REQUIRE(stage.wait_for_answers(client));
      CHECK(answer_in(client.received()).body.size() == 20 * piece.size());
    }
  }
}

}  // namespace
}  // namespace uvhttpd::tests
