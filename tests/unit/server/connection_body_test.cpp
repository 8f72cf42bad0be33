// SPDX-License-Identifier: MIT
// unit/server/connection_body_test.cpp: bodies in both directions: interim answers, limits, early
// answers, back-pressure, and responses that cannot be completed.
#include <doctest/doctest.h>

#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::size_t kMaxDiscard = 256 << 10;

// The head of a POST whose body of `length` octets comes separately.
std::string post_head(std::string_view target, std::size_t length, std::string_view fields = "") {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) + "\r\n" +
         std::string(fields) + "\r\n";
}

// One handler for every path, whose exchange and sink the test holds.
struct Held {
  Exchange* exchange = nullptr;
  CollectingSink sink;
  ScriptedSource source{{}};
  Lives lives;

  TestServer server;
  explicit Held(std::function<void(Held&, Exchange&)> handle, std::string_view start = "")
      : server(std::string(start) + "\n[[site]]\n" + route("/*", "held"),
               {{"held", {[this, handle = std::move(handle)](Exchange& each) {
                   exchange = &each;
                   each.keep<Witness>(lives);
                   handle(*this, each);
                 }}}}) {}
};
void take_body(Held& held, Exchange& exchange) { exchange.receive_body(held.sink); }
void do_nothing(Held&, Exchange&) {}
void stream(Held& held, Exchange& exchange) {
  exchange.respond(ResponseHead(exchange.arena()), &held.source);
}

TEST_CASE("A request body reaches the sink, and its end too") {
  struct Row {
    std::string name;
    std::string bytes;
    std::string body;
  };
  const Row rows[] = {
      {"length", post("/", "hello"), "hello"},
      {"length 0", post("/", ""), ""},
      {"no body at all", get("/"), ""},
      {"one chunk", post_chunked("/", "5\r\nhello\r\n0\r\n\r\n"), "hello"},
      {"chunks with extensions", post_chunked("/", "2;a=b\r\nhe\r\n3;c\r\nllo\r\n0\r\n\r\n"),
       "hello"},
      {"trailers", post_chunked("/", "5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n"), "hello"},
      {"no chunk but the last", post_chunked("/", "0\r\n\r\n"), ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Held held(take_body);
    TestClient client(held.server, row.bytes);
    CHECK(held.sink.bytes == row.body);
    CHECK(held.sink.finished);
    CHECK(held.exchange->body_bytes_received() == row.body.size());
    respond_with(*held.exchange, "ok");
    client.pump();
    client.send(get("/next"));
    CHECK(held.lives.begun == 2);
  }
}

TEST_CASE("A handler may ask for the body after it has all come") {
  Held held(do_nothing);
  TestClient client(held.server, post("/", "hello"));
  CHECK(held.sink.bytes.empty());
  held.exchange->receive_body(held.sink);
  CHECK(held.sink.bytes == "hello");
  CHECK(held.sink.finished);
}

TEST_CASE("100 Continue is sent when the handler asks for the body") {
  SUBCASE("at once") {
    TestServer server(usual_site(), usual_fakes());
    TestClient client(server, post_head("/echo", 5, "Expect: 100-continue\r\n"));
    CHECK(client.take() == kContinue);
    client.send("hello");
    CHECK(answer_in(client.take()).body == "hello");
    CHECK_FALSE(client.is_closed());
  }
  SUBCASE("later") {
    Held held(do_nothing);
    TestClient client(held.server, post_head("/", 5, "Expect: 100-continue\r\n"));
    CHECK(client.received().empty());
    held.exchange->receive_body(held.sink);
    client.pump();
    CHECK(client.take() == kContinue);
    client.send("hello");
    CHECK(held.sink.bytes == "hello");
  }
  SUBCASE("for each request of the connection anew") {
    TestServer server(usual_site(), usual_fakes());
    TestClient client(server);
    for (int i = 0; i < 2; ++i) {
      client.send(post_head("/echo", 5, "Expect: 100-Continue\r\n"));
      CHECK(client.take() == kContinue);
      client.send("hello");
      CHECK(answer_in(client.take()).status == 200);
    }
  }
}

TEST_CASE("100 Continue is not sent where nobody waits for it") {
  TestServer server(usual_site(), usual_fakes());
  SUBCASE("the body is already there") {
    TestClient client(server, post("/echo", "hello", "Expect: 100-continue\r\n"));
    CHECK(answer_in(client.take()).body == "hello");
  }
  SUBCASE("a part of the body is already there") {
    TestClient client(server, post_head("/echo", 5, "Expect: 100-continue\r\n") + "he");
    CHECK(client.take().empty());
  }
  SUBCASE("there is no body") {
    TestClient client(server, get("/a", "Expect: 100-continue\r\n"));
    CHECK(answer_in(client.take()).status == 200);
  }
  SUBCASE("the client speaks HTTP/1.0") {
    TestClient client(server,
                      "POST /echo HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    CHECK(client.take().empty());
  }
  SUBCASE("the handler answers without the body") {
    TestClient client(server, post_head("/early", 5, "Expect: 100-continue\r\n"));
    const Answer answer = answer_in(client.take());
    CHECK(answer.status == 200);
    // The body may come or not: there is no next request to be found.
    CHECK(answer.field("Connection") == "close");
    CHECK(client.is_half_closed());
  }
}

TEST_CASE("An early answer with a small rest of the body keeps the connection") {
  TestServer server(usual_site(), usual_fakes());
  SUBCASE("of known length") {
    TestClient client(server, post_head("/early", 1000) + std::string(100, 'x'));
    const Answer answer = answer_in(client.take());
    CHECK(answer.body == "early");
    CHECK_FALSE(answer.has("Connection"));
    client.send(std::string(900, 'x') + get("/next"));
    CHECK(answer_in(client.take()).body == "/next");
  }
  SUBCASE("in chunks") {
    TestClient client(server, post_chunked("/early", "5\r\nhello\r\n"));
    CHECK(answer_in(client.take()).body == "early");
    client.send("3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n" + get("/next"));
    CHECK(answer_in(client.take()).body == "/next");
  }
  SUBCASE("which looks like a request") {
    const std::string decoy = get("/decoy");
    TestClient client(server, post_head("/early", decoy.size()));
    CHECK(answer_in(client.take()).body == "early");
    client.send(decoy + get("/next"));
    CHECK(answer_in(client.take()).body == "/next");
  }
}

TEST_CASE("An early answer with a large rest of the body closes the connection") {
  TestServer server(usual_site(), usual_fakes());
  SUBCASE("of known length: the answer says so, and what comes is thrown away") {
    TestClient client(server, post_head("/early", kMaxDiscard + 1));
    CHECK(answer_in(client.take()).field("Connection") == "close");
    CHECK(client.is_half_closed());
    client.send(std::string(kMaxDiscard + 1, 'x') + get("/next"));
    CHECK(client.take().empty());
    client.end();
    CHECK(client.is_closed());
  }
  SUBCASE("in chunks: nobody could know, so the connection ends without a word") {
    TestClient client(server, post_chunked("/early", "100000\r\n"));
    CHECK_FALSE(answer_in(client.take()).has("Connection"));
    client.send(std::string(kMaxDiscard + 100, 'x'));
    CHECK(client.is_half_closed());
    CHECK(client.take().empty());
    client.end();
    CHECK(client.is_closed());
  }
  SUBCASE("in chunks of an octet: what surrounds them counts") {
    TestClient client(server, post_chunked("/early", ""));
    CHECK_FALSE(answer_in(client.take()).has("Connection"));
    const std::string chunk = "1;a=bcdefgh\r\nx\r\n";
    std::string chunks;
    while (chunks.size() + chunk.size() <= kMaxDiscard) chunks += chunk;
    client.send(chunks);
    CHECK_FALSE(client.is_half_closed());
    client.send(chunk);
    CHECK(client.is_half_closed());
    CHECK(client.take().empty());
    client.end();
    CHECK(client.is_closed());
  }
  SUBCASE("with a broken chunk: nothing that follows is a request") {
    TestClient client(server, post_chunked("/early", "5\r\nhello\r\nzz\r\n"));
    CHECK(answer_in(client.take()).body == "early");
    client.send(get("/next"));
    CHECK(client.take().empty());
    CHECK(client.is_half_closed());
  }
}

TEST_CASE("A lingering connection reads whatever comes, until send_timeout is over") {
  SUBCASE("before") {
    TestServer server("[limits]\nsend_timeout = \"10m\"\n" + usual_site(), usual_fakes());
    TestClient client(server, post_head("/early", 100 << 20));
    CHECK(client.is_half_closed());
    client.send(std::string(4 << 20, 'x'));
    CHECK_FALSE(client.is_closed());
  }
  SUBCASE("after") {
    TestServer server("[limits]\nsend_timeout = \"200ms\"\n" + usual_site(), usual_fakes());
    TestClient client(server, post_head("/early", 100 << 20));
    CHECK(client.is_half_closed());
    REQUIRE(server.wait_until([&] {
      client.send("x");
      return client.is_closed();
    }));
  }
}

TEST_CASE("A body over the limit is answered with 413") {
  TestServer server("[limits]\nbody_bytes = 100\n[[site]]\n" +
                        route("/large", "echo", "body_bytes = 200") + route("/*", "echo"),
                    usual_fakes());
  SUBCASE("at the limit it passes") {
    TestClient client(server, post("/", std::string(100, 'x')));
    CHECK(answer_in(client.take()).status == 200);
  }
  SUBCASE("by its length, and the connection goes on when the rest is small") {
    TestClient client(server, post("/", std::string(101, 'x')) + get("/next"));
    const std::vector<Answer> answers = answers_in(client.take());
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].status == 413);
    CHECK(answers[1].status == 200);
  }
  SUBCASE("by its length before it is sent") {
    TestClient client(server, post_head("/", 101, "Expect: 100-continue\r\n"));
    const Answer answer = answer_in(client.take());
    CHECK(answer.status == 413);
    CHECK(answer.field("Connection") == "close");
  }
  SUBCASE("by what came in chunks, and the connection ends") {
    TestClient client(server, post_chunked("/", "64\r\n" + std::string(100, 'x') + "\r\n"));
    CHECK(client.take().empty());
    client.send("1\r\nx\r\n0\r\n\r\n" + get("/next"));
    const Answer answer = answer_in(client.take());
    CHECK(answer.status == 413);
    CHECK(answer.field("Connection") == "close");
    CHECK(client.is_half_closed());
  }
  SUBCASE("of the route, where it has one of its own") {
    TestClient client(server, post("/large", std::string(200, 'x')));
    CHECK(answer_in(client.take()).status == 200);
  }
}

TEST_CASE("A handler's answer after the connection's own is ignored") {
  Held held(take_body, "[limits]\nbody_bytes = 3");
  TestClient client(held.server, post_chunked("/", "4\r\nabcd\r\n"),
                    [](Wire& wire) { wire.window = 0; });
  REQUIRE(held.exchange->has_responded());
  respond_with(*held.exchange, "too late");
  held.exchange->fail(500, {});
  client.open_window(SIZE_MAX);
  CHECK(answer_in(client.take()).status == 413);
  CHECK_FALSE(held.sink.finished);
}

TEST_CASE("A full sink stops the reading, and wake() starts it again") {
  Held held(take_body);
  held.sink.room = 4;
  TestClient client(held.server, post_head("/", 10) + "0123");
  CHECK(client.is_read_from());
  client.send("456");
  CHECK(held.sink.bytes == "0123");
  CHECK_FALSE(client.is_read_from());
  client.send("789");
  CHECK(client.wire().inbound == "789");

  held.sink.room = 1;
  held.exchange->wake();
  client.pump();
  CHECK(held.sink.bytes == "01234");
  CHECK_FALSE(client.is_read_from());

  held.sink.room = 100;
  held.exchange->wake();
  client.pump();
  CHECK(held.sink.bytes == "0123456789");
  CHECK(held.sink.finished);
}

TEST_CASE("A sink that takes one octet at a time gets the whole body") {
  Held held(take_body);
  const std::string body(1000, 'x');
  held.sink.room = 1;
  TestClient client(held.server, post("/", body) + get("/"));
  for (int i = 0; i < 2000 && !held.sink.finished; ++i) {
    held.sink.room = 1;
    held.exchange->wake();
    client.pump();
  }
  CHECK(held.sink.bytes == body);
  CHECK(held.sink.finished);
}

TEST_CASE("A body that nobody has asked for yet is read up to a bound") {
  Held held(do_nothing);
  TestClient client(held.server, post_head("/", 1 << 20) + std::string(1 << 20, 'x'));
  CHECK_FALSE(client.is_read_from());
  CHECK(client.wire().inbound.size() >= (1 << 20) - (128 << 10));
  held.exchange->receive_body(held.sink);
  client.pump();
  CHECK(held.sink.bytes.size() == 1 << 20);
  CHECK(held.sink.finished);
}

TEST_CASE("The next request is not read while a response is under way") {
  Held held(do_nothing);
  TestClient client(held.server, get("/"));
  client.send(get("/next"));
  client.send(get("/and/next"));
  CHECK_FALSE(client.is_read_from());
  CHECK(client.wire().inbound == get("/and/next"));
}

TEST_CASE("wake() without a reason does nothing") {
  Held held(take_body);
  TestClient client(held.server, post_head("/", 10));
  held.exchange->wake();
  client.pump();
  CHECK(client.received().empty());
  client.send("0123456789");
  held.exchange->wake();
  client.pump();
  CHECK(client.received().empty());
  CHECK_FALSE(client.is_closed());
}

TEST_CASE("A blocked source is asked again after wake()") {
  Held held(stream);
  TestClient client(held.server, get("/"));
  CHECK(client.take().ends_with("\r\n\r\n"));
  held.source.add({"one", PullResult::more});
  client.pump();
  CHECK(client.take().empty());
  held.exchange->wake();
  client.pump();
  CHECK(client.take() == "3\r\none\r\n");
  held.source.add({"two", PullResult::end});
  held.exchange->wake();
  client.pump();
  CHECK(client.take() == "3\r\ntwo\r\n0\r\n\r\n");
  CHECK(held.lives.ended == 1);
  client.send(get("/"));
  CHECK(held.lives.begun == 2);
}

TEST_CASE("A source is not asked while the client takes nothing") {
  struct Endless final : BodySource {
    std::size_t given = 0;
    PullResult pull(SendQueue& out, std::size_t budget) override {
      out.append(std::string(budget, 'x'));
      given += budget;
      return PullResult::more;
    }
  };
  Endless source;
  TestServer server("[[site]]\n" + route("/*", "endless"),
                    {{"endless", {[&](Exchange& exchange) {
                        exchange.respond(ResponseHead(exchange.arena()), &source);
                      }}}});
  TestClient client(server, get("/"), [](Wire& wire) { wire.window = 1000; });
  CHECK(source.given <= 256 << 10);
  client.open_window(1 << 20);
  CHECK(source.given <= (1 << 20) + (512 << 10));
  CHECK(client.received().size() == 1000 + (1 << 20));
}

TEST_CASE("A response and a request body may flow at the same time") {
  Held held([](Held& own, Exchange& exchange) {
    exchange.receive_body(own.sink);
    stream(own, exchange);
  });
  TestClient client(held.server, post_head("/", 6) + "abc");
  CHECK(held.sink.bytes == "abc");
  held.source.add({"ABC", PullResult::more});
  held.exchange->wake();
  client.pump();
  CHECK(client.take().ends_with("\r\n\r\n3\r\nABC\r\n"));
  client.send("def");
  CHECK(held.sink.bytes == "abcdef");
  CHECK(held.sink.finished);
  held.source.add({"DEF", PullResult::end});
  held.exchange->wake();
  client.pump();
  CHECK(client.take() == "3\r\nDEF\r\n0\r\n\r\n");
  client.send(get("/"));
  CHECK(held.lives.begun == 2);
}

TEST_CASE("A sink hears no more once the response is complete") {
  Held held(take_body);
  TestClient client(held.server, post_head("/", 6) + "abc");
  respond_with(*held.exchange, "enough");
  client.pump();
  CHECK(answer_in(client.take()).body == "enough");
  client.send("def");
  CHECK(held.sink.bytes == "abc");
  CHECK_FALSE(held.sink.finished);
  client.send(get("/next"));
  CHECK(held.lives.begun == 2);
}

TEST_CASE("A source that fails breaks the connection off, so that the body is seen to be short") {
  SUBCASE("in chunks: without the last one") {
    Held held(stream);
    held.source.add({"one", PullResult::more});
    TestClient client(held.server, get("/"));
    held.source.add({"tw", PullResult::failed});
    held.exchange->wake();
    client.pump();
    CHECK(client.is_closed());
    CHECK_FALSE(answer_in(client.received()).is_whole);
    CHECK(held.lives.ended == 1);
  }
  SUBCASE("of known length: before that is reached") {
    Held held([](Held& own, Exchange& exchange) {
      ResponseHead head(exchange.arena());
      head.content_length = 10;
      exchange.respond(head, &own.source);
    });
    held.source.add({"one", PullResult::more});
    TestClient client(held.server, get("/"));
    held.source.add({"", PullResult::failed});
    held.exchange->wake();
    client.pump();
    CHECK(client.is_closed());
    const Answer answer = answer_in(client.received());
    CHECK(answer.body == "one");
    CHECK_FALSE(answer.is_whole);
  }
  SUBCASE("up to the end of the connection: by a reset") {
    Held held(stream);
    held.source.add({"one", PullResult::more});
    TestClient client(held.server, "GET / HTTP/1.0\r\n\r\n");
    CHECK_FALSE(client.wire().cut_off);
    held.source.add({"", PullResult::failed});
    held.exchange->wake();
    client.pump();
    CHECK(client.is_closed());
    CHECK(client.wire().cut_off);
  }
}

TEST_CASE("A body that is not as long as was said breaks the connection off") {
  struct Row {
    std::string name;
    std::vector<ScriptedSource::Step> steps;
  };
  const Row rows[] = {
      {"empty", {{"", PullResult::end}}},
      {"shorter", {{"abc", PullResult::end}}},
      {"shorter in two pieces", {{"ab", PullResult::more}, {"c", PullResult::end}}},
      {"longer", {{"abcdef", PullResult::end}}},
      {"longer in two pieces", {{"abc", PullResult::more}, {"def", PullResult::end}}},
      {"longer, and there is more", {{"abcdef", PullResult::more}}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Held held([](Held& own, Exchange& exchange) {
      ResponseHead head(exchange.arena());
      head.content_length = 5;
      exchange.respond(head, &own.source);
    });
    for (const auto& step : row.steps) held.source.add(step);
    TestClient client(held.server, get("/") + get("/next"));
    CHECK(client.is_closed());
    CHECK(held.lives.begun == 1);
    CHECK(held.lives.ended == 1);
    for (const Answer& answer : answers_in(client.received())) CHECK_FALSE(answer.is_whole);
  }
}

TEST_CASE("An answer collected in front of one that breaks off is still sent") {
  TestServer server("[[site]]\n" + route("/broken", "broken") + route("/*", "target"),
                    {{"target", {answer_with_target}},
                     {"broken", {[](Exchange& exchange) {
                        exchange.respond(
                            ResponseHead(exchange.arena()),
                            &exchange.keep<ScriptedSource>(
                                std::vector<ScriptedSource::Step>{{"", PullResult::failed}}));
                      }}}});
  TestClient client(server, get("/a") + get("/broken"));
  const std::vector<Answer> answers = answers_in(client.take());
  REQUIRE_FALSE(answers.empty());
  CHECK(answers[0].body == "/a");
  CHECK(answers[0].is_whole);
  CHECK((answers.size() == 1 || !answers[1].is_whole));
  CHECK(client.is_closed());
}

TEST_CASE("A request body that turns out malformed while it is answered breaks the response off") {
  Held held([](Held& own, Exchange& exchange) {
    exchange.receive_body(own.sink);
    stream(own, exchange);
  });
  held.source.add({"one", PullResult::more});
  TestClient client(held.server, post_chunked("/", "3\r\nabc\r\n"));
  client.send("zz\r\n");
  CHECK(client.is_closed());
  CHECK(held.lives.ended == 1);
  CHECK_FALSE(answer_in(client.received()).is_whole);
}

}  // namespace
}  // namespace uvhttpd::tests
