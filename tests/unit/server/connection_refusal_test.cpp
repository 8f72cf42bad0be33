// SPDX-License-Identifier: MIT
// unit/server/connection_refusal_test.cpp: what cannot be understood is answered once, and nothing
// behind it is taken for a request.
#include <doctest/doctest.h>

#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

struct Row {
  std::string name;
  std::string bytes;
  unsigned status;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> kRows = {
      {"no version", "GET /\r\nHost: a\r\n\r\n", 400},
      {"no method", " / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"white space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"bare LF", "GET / HTTP/1.1\nHost: a\n\n", 400},
      {"bare CR", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
      {"NUL in a value", get("/", "X: a" + std::string(1, '\0') + "b\r\n"), 400},
      {"folded line", get("/", "X: a\r\n b\r\n"), 400},
      {"space before the colon", get("/", "X : a\r\n"), 400},
      {"line without a colon", get("/", "nonsense\r\n"), 400},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", get("/", "Host: b\r\n"), 400},
      {"Host that is none", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"two lengths", post("/", "x", "Content-Length: 1\r\n"), 400},
      {"length and chunked", post("/", "x", "Transfer-Encoding: chunked\r\n"), 400},
      {"length that is none", get("/", "Content-Length: +1\r\n"), 400},
      {"length that overflows", get("/", "Content-Length: 99999999999999999999\r\n"), 400},
      {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"chunked not last", get("/", "Transfer-Encoding: chunked, gzip\r\n"), 400},
      {"unknown coding", get("/", "Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"unknown version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"unknown expectation", get("/", "Expect: miracle\r\n"), 417},
      {"long target", get("/" + std::string(9000, 'a')), 414},
      {"endless target", "GET /" + std::string(20'000, 'a'), 414},
      {"large head", get("/", "X: " + std::string(20'000, 'a') + "\r\n"), 431},
      {"many fields",
       get("/",
           [] {
             std::string fields;
             for (int i = 0; i < 101; ++i) fields += "X: y\r\n";
             return fields;
           }()),
       431},
      {"empty lines", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", 400},
      {"TLS", "\x16\x03\x01\x02\xfc\x03\x03\r\n\r\n", 400},
      {"NUL in the path", get("/a%00b"), 400},
      {"percent sign that encodes nothing", get("/a%zz"), 400},
      {"chunk size that is none", post_chunked("/echo", "zz\r\n"), 400},
      {"chunk longer than its size", post_chunked("/echo", "2\r\nabc\r\n"), 400},
      {"bare LF behind a chunk size", post_chunked("/echo", "2\nab\n"), 400},
      {"malformed trailer", post_chunked("/echo", "0\r\nbad trailer\r\n\r\n"), 400},
  };
  return kRows;
}

TEST_CASE(
    "A refused request gets its status, Date and Connection: close, then the end of the stream") {
  TestServer server(usual_site(), usual_fakes());
  for (const Row& row : rows()) {
    CAPTURE(row.name);
    TestClient client(server, row.bytes);
    const Answer answer = answer_in(client.take());
    CHECK(answer.status == row.status);
    CHECK(answer.field("Date").size() == 29);
    CHECK(answer.field("Connection") == "close");
    CHECK(answer.is_whole);
    CHECK(client.is_half_closed());
    CHECK_FALSE(client.is_closed());
    client.end();
    CHECK(client.is_closed());
  }
}

TEST_CASE("Nothing behind a refused request is parsed") {
  TestServer server(usual_site(), usual_fakes());
  for (const Row& row : rows()) {
    CAPTURE(row.name);
    TestClient client(server, row.bytes + get("/next"));
    CHECK(answers_in(client.take()).size() == 1);
    client.send(get("/later"));
    CHECK(client.take().empty());
  }
}

TEST_CASE("A refused request does not take the answers before it along") {
  TestServer server(usual_site(), usual_fakes());
  for (const Row& row : rows()) {
    CAPTURE(row.name);
    TestClient client(server, get("/first") + row.bytes);
    const std::vector<Answer> answers = answers_in(client.take());
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].body == "/first");
    CHECK(answers[1].status == row.status);
  }
}

TEST_CASE("A refusal is the same when the octets come one by one") {
  TestServer server(usual_site(), usual_fakes());
  for (const Row& row : rows()) {
    CAPTURE(row.name);
    TestClient client(server, row.bytes, [](Wire& wire) { wire.receive.most = 1; });
    CHECK(answer_in(client.take()).status == row.status);
    CHECK(client.is_half_closed());
  }
}

TEST_CASE("A refused request body ends the handler's exchange, once") {
  Lives lives;
  TestServer server("[[site]]\n" + route("/*", "kept"),
                    {{"kept", {[&](Exchange& exchange) {
                        exchange.keep<Witness>(lives);
                        exchange.receive_body(exchange.keep<CollectingSink>());
                      }}}});
  TestClient client(server, post_chunked("/", "zz\r\n"));
  CHECK(lives.begun == 1);
  CHECK(lives.ended == 1);
}

}  // namespace
}  // namespace uvhttpd::tests
