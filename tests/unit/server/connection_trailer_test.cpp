// SPDX-License-Identifier: MIT
// unit/server/connection_trailer_test.cpp: trailer sections of requests and of responses
// (RFC 9110 section 6.5).
#include <doctest/doctest.h>

#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

// Gives one piece and then fields.
class TrailingSource final : public BodySource {
 public:
  PullResult pull(SendQueue& out, std::size_t) override {
    CHECK_FALSE(was_asked);
    out.append("body");
    return PullResult::end;
  }
  std::string_view trailers() override {
    was_asked = true;
    return "X-Sum: 1\r\nX-Time: 2\r\n";
  }
  bool was_asked = false;
};

Fakes trailing(TrailingSource& source, std::optional<std::uint64_t> length = {}) {
  return {{"trail", {[&source, length](Exchange& exchange) {
             ResponseHead head(exchange.arena());
             head.content_length = length;
             exchange.respond(head, &source);
           }}}};
}
const std::string kSite = "[[site]]\n" + route("/*", "trail");

TEST_CASE("A source's trailers end a chunked body") {
  TrailingSource source;
  TestServer server(kSite, trailing(source));
  TestClient client(server, get("/"));
  const std::string answer = client.take();
  CHECK(answer.ends_with("\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 1\r\nX-Time: 2\r\n\r\n"));
}

TEST_CASE("No trailers are sent where the body is not chunked") {
  TrailingSource source;
  SUBCASE("with a known length") {
    TestServer server(kSite, trailing(source, 4));
    TestClient client(server, get("/"));
    CHECK(answer_in(client.take()).body == "body");
  }
  SUBCASE("to HTTP/1.0") {
    TestServer server(kSite, trailing(source));
    TestClient client(server, "GET / HTTP/1.0\r\n\r\n");
    CHECK(client.take().ends_with("\r\n\r\nbody"));
  }
  SUBCASE("to HEAD") {
    TestServer server(kSite, trailing(source));
    TestClient client(server, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(answer_in(client.take(), true).is_whole);
  }
  CHECK_FALSE(source.was_asked);
}

struct SeenTrailers {
  std::string before = "not asked";
  std::string at_end = "not asked";
  Fakes fakes() {
    return {{"trail", {[this](Exchange& exchange) {
               auto& sink = exchange.keep<CollectingSink>();
               before = exchange.request_trailers();
               sink.on_finish = [this, &exchange, &sink] {
                 at_end = exchange.request_trailers();
                 respond_with(exchange, sink.bytes);
               };
               exchange.receive_body(sink);
             }}}};
  }
};

TEST_CASE("A request's trailers are there when its body is, however they are cut") {
  const std::string bytes = post_chunked("/", "2\r\nab\r\n0\r\nX-Sum: 1\r\nX-Time: 2\r\n\r\n");
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    CAPTURE(cut);
    SeenTrailers seen;
    TestServer server(kSite, seen.fakes());
    TestClient client(server, bytes.substr(0, cut));
    client.send(bytes.substr(cut));
    CHECK(answer_in(client.take()).body == "ab");
    CHECK(seen.before.empty());
    CHECK(seen.at_end == "X-Sum: 1\r\nX-Time: 2\r\n");
  }
}

TEST_CASE("Trailers are those of one request alone") {
  SeenTrailers seen;
  TestServer server(kSite, seen.fakes());
  TestClient client(server, post_chunked("/", "0\r\nX-Sum: 1\r\n\r\n"));
  CHECK(seen.at_end == "X-Sum: 1\r\n");
  client.send(post("/", "ab"));
  CHECK(seen.at_end.empty());
  client.send(get("/"));
  CHECK(seen.at_end.empty());
}

}  // namespace
}  // namespace uvhttpd::tests
