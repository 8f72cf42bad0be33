// SPDX-License-Identifier: MIT
// unit/http/request_parser_test.cpp: octets become requests, however they arrive.
#include "http/request_parser.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <set>
#include <span>

#include "request_samples.h"

template <>
struct doctest::StringMaker<uvhttpd::http::test::Events> {
  static String convert(const uvhttpd::http::test::Events& events) {
    std::string text;
    for (const std::string& event : events) text += event + " | ";
    return text.c_str();
  }
};

namespace uvhttpd::http {
namespace {

using test::Events;
using test::kSampleLimits;
using test::RequestReading;
using test::Sample;
using namespace std::string_literals;

// The pieces have the sizes given; what is left over is the last one.
Events events_of(std::string_view bytes, std::span<const std::size_t> sizes,
                 std::size_t octets_at_once = SIZE_MAX) {
  RequestReading reading(kSampleLimits, octets_at_once);
  for (const std::size_t size : sizes) {
    reading.feed(bytes.substr(0, size));
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
  reading.feed(bytes);
  return std::move(reading).finish();
}

Events events_of(std::string_view bytes) { return events_of(bytes, {}); }

struct Detected {
  std::string_view name;
  std::string bytes;  // up to the octet that shows the fault
  Status status;
};

// A head is checked line by line, and a limit or a bare CR without waiting for the line's end.
std::vector<Detected> faults_as_they_show() {
  using test::kChunkedHead;
  using test::repeat;
  const std::string line = "GET / HTTP/1.1\r\n";
  return {
      {"HTTP/0.9", "GET /\r\n", 400},
      {"unknown method", "FOO / HTTP/1.1\r\n", 501},
      {"a method that is too long", std::string(33, 'M'), 501},
      {"HTTP/2.0", "PRI * HTTP/2.0\r\n", 505},
      {"a fifth line end", "\r\n\r\n\r\n\r\n\r\n", 400},
      {"bare LF", "GET / HTTP/1.1\n", 400},
      {"bare CR in the target", "GET /\rx", 400},
      {"a target that is too long", "GET /" + std::string(63 + 1 + 8 + 1, 'x') + "y", 414},
      {"bare CR in a value", line + "X: a\rb", 400},
      {"bare CR before the end", line + "\rx", 400},
      {"a folded line", line + "X: a\r\n b\r\n", 400},
      {"a space before the colon", line + "X : a\r\n", 400},
      {"an empty name", line + ": a\r\n", 400},
      {"NUL", line + "X: \0\r\n"s, 400},
      {"one field too many", line + repeat("X: a\r\n", 9), 431},
      {"a head without room for its end", line + "X: " + std::string(512 - 16 - 3, 'x'), 431},
      {"two lengths", line + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
      {"a bad chunk size", kChunkedHead + "x\r\n", 400},
      {"bare LF behind a chunk size", kChunkedHead + "5\n", 400},
      {"bare CR behind a chunk size", kChunkedHead + "5\rx", 400},
      {"a chunk longer than its size", kChunkedHead + "1\r\nxy", 400},
      {"bare CR behind a chunk", kChunkedHead + "1\r\nx\ry", 400},
      {"a chunk line that is too long", kChunkedHead + std::string(1023, '0'), 400},
      {"a trailer that is too long", kChunkedHead + "0\r\n" + std::string(511, 'X'), 431},
      {"a trailer without a colon", kChunkedHead + "0\r\nX\r\n", 400},
      {"one trailer too many", kChunkedHead + "0\r\n" + repeat("X: a\r\n", 9), 431},
  };
}

}  // namespace

TEST_CASE("RequestParser reads what is right and refuses what is wrong") {
  for (const Sample& sample : test::all_samples()) {
    CAPTURE(sample.name);
    CHECK(events_of(sample.bytes) == sample.events);
  }
}

TEST_CASE("RequestParser reports the same events byte by byte") {
  for (const Sample& sample : test::all_samples()) {
    CAPTURE(sample.name);
    const std::vector<std::size_t> ones(sample.bytes.size(), 1);
    CHECK(events_of(sample.bytes, ones) == sample.events);
  }
}

TEST_CASE("RequestParser reports the same events split at every point") {
  for (const Sample& sample : test::all_samples()) {
    CAPTURE(sample.name);
    for (std::size_t cut = 1; cut < sample.bytes.size(); ++cut) {
      CAPTURE(cut);
      REQUIRE(events_of(sample.bytes, {{cut}}) == sample.events);
    }
  }
}

TEST_CASE("RequestParser reports the same events in three pieces") {
  for (const Sample& sample : test::all_samples()) {
    CAPTURE(sample.name);
    for (std::size_t cut = 1; cut < sample.bytes.size(); ++cut) {
      CAPTURE(cut);
      REQUIRE(events_of(sample.bytes, {{cut, 1}}) == sample.events);
      REQUIRE(events_of(sample.bytes, {{cut, 2}}) == sample.events);
    }
  }
}

TEST_CASE("RequestParser gives a body in the portions that are taken") {
  for (const Sample& sample : test::all_samples()) {
    CAPTURE(sample.name);
    for (const std::size_t octets : {1U, 2U, 3U, 7U}) {
      CHECK(events_of(sample.bytes, {}, octets) == sample.events);
      CHECK(events_of(sample.bytes, {{octets, 60}}, octets) == sample.events);
    }
  }
}

TEST_CASE("Pipelined samples have the events of each sample, one after the other") {
  std::vector<Sample> whole;
  for (Sample& sample : test::all_samples()) {
    if (!sample.events.empty() && sample.events.back() == "end") whole.push_back(std::move(sample));
  }
  for (const Sample& first : whole) {
    for (const Sample& second : test::all_samples()) {
      CAPTURE(first.name);
      CAPTURE(second.name);
      Events expected = first.events;
      expected.insert(expected.end(), second.events.begin(), second.events.end());
      REQUIRE(events_of(first.bytes + second.bytes) == expected);
      REQUIRE(events_of(first.bytes + second.bytes, {{first.bytes.size() + 1}}) == expected);
    }
  }
  for (std::size_t i = 0; i + 2 < whole.size(); ++i) {
    CAPTURE(whole[i].name);
    Events expected;
    std::string bytes;
    for (std::size_t j = i; j < i + 3; ++j) {
      bytes += whole[j].bytes;
      expected.insert(expected.end(), whole[j].events.begin(), whole[j].events.end());
    }
    REQUIRE(events_of(bytes) == expected);
    REQUIRE(events_of(bytes, std::vector<std::size_t>(bytes.size(), 1)) == expected);
  }
}

TEST_CASE("A fault is refused with the octet that shows it") {
  for (const Detected& fault : faults_as_they_show()) {
    CAPTURE(fault.name);
    const std::string_view before(fault.bytes.data(), fault.bytes.size() - 1);
    CHECK(events_of(before).back() == "more");
    CHECK(events_of(fault.bytes).back() == std::to_string(fault.status));
  }
}

TEST_CASE("Every known method is read, and no other") {
  const std::set<std::string_view> known = {
      "GET",       "HEAD",       "POST",   "PUT",        "DELETE",      "OPTIONS",   "PATCH",
      "TRACE",     "ACL",        "BIND",   "CHECKOUT",   "COPY",        "LINK",      "LOCK",
      "MERGE",     "MKACTIVITY", "MKCOL",  "MKCALENDAR", "MOVE",        "NOTIFY",    "PROPFIND",
      "PROPPATCH", "REBIND",     "REPORT", "PURGE",      "SEARCH",      "SUBSCRIBE", "UNBIND",
      "UNLINK",    "UNLOCK",     "SOURCE", "QUERY",      "UNSUBSCRIBE", "M-SEARCH",
  };
  const std::set<std::string_view> unknown = {"SOURCE", "QUERY"};
  for (const std::string_view method : known) {
    CAPTURE(method);
    const std::string bytes = std::string(method) + " / HTTP/1.1\r\n\r\n";
    const Events read = {std::string(method) + " / 1.1", "end"};
    CHECK(events_of(bytes) == (unknown.contains(method) ? Events{"501"} : read));
  }
}

TEST_CASE("An octet that no field value may hold is refused, each of the others is kept") {
  for (int octet = 0; octet < 256; ++octet) {
    CAPTURE(octet);
    const char c = static_cast<char>(octet);
    const std::string value = std::string("a") + c + "b";
    const bool allowed = octet == '\t' || (octet >= 0x20 && octet != 0x7f);
    const Events expected = allowed ? Events{"GET / 1.1 X=" + value, "end"} : Events{"400"};
    CHECK(events_of("GET / HTTP/1.1\r\nX: " + value + "\r\n\r\n") == expected);
  }
}

TEST_CASE("The views of a head live in the arena, not in the buffer") {
  RequestParser parser(kSampleLimits);
  RecvBuffer buffer(kMaxChunkLineBytes);
  Arena arena;
  buffer.assign("GET /path HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(parser.next(buffer, arena) == RequestParser::Event::head);
  CHECK(buffer.empty());
  buffer.assign(std::string(buffer.capacity(), '!'));
  CHECK(parser.head().method == Method::get);
  CHECK(parser.head().target == "/path");
  CHECK(parser.head().fields.value(FieldName::host) == "a");
}

TEST_CASE("What can be told of a head that is refused is kept") {
  struct Row {
    std::string name;
    std::string bytes;
    std::string line;  // method, target and version, each in brackets
    Method method;
    std::size_t fields = 0;
  };
  const std::string long_path = "/" + std::string(kSampleLimits.target_bytes, 'a');
  const Row rows[] = {
      {"method", "FOO /a HTTP/1.1\r\n", "[FOO][/a][HTTP/1.1]", Method::other},
      {"version", "PRI * HTTP/2.0\r\n", "[PRI][*][HTTP/2.0]", Method::other},
      {"no version", "GET /a\r\n", "[GET][/a][]", Method::get},
      {"no target", "GET\r\n", "[GET][][]", Method::get},
      {"no line", "\r\n\r\n\r\n\r\n\r\n", "[][][]", Method::other},
      {"no HTTP", "\x16\x03\x01\n", "[\x16\x03\x01][][]", Method::other},
      {"field", "HEAD /a HTTP/1.0\r\nA : b\r\n", "[HEAD][/a][HTTP/1.0]", Method::head},
      {"long method", std::string(40, 'M'), "[" + std::string(32, 'M') + "][][]", Method::other},
      {"long target", "GET " + long_path + std::string(20, 'a'),
       "[GET][" + long_path.substr(0, kSampleLimits.target_bytes) + "][]", Method::get},
      {"framing", "POST /a HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 1\r\n\r\n",
       "[POST][/a][HTTP/1.1]", Method::post, 3},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    RequestParser parser(kSampleLimits);
    RecvBuffer buffer(std::max<std::size_t>(kSampleLimits.head_bytes, kMaxChunkLineBytes));
    Arena arena;
    buffer.assign(row.bytes);
    REQUIRE(parser.next(buffer, arena) == RequestParser::Event::error);
    buffer.assign(std::string(row.bytes.size(), '!'));
    const RequestHead& head = parser.head();
    CHECK(fmt::format("[{}][{}][{}]", head.method_text, head.target, head.version_text) ==
          row.line);
    CHECK(head.method == row.method);
    CHECK(head.fields.all().size() == row.fields);
  }
}

TEST_CASE("Nothing of a body is lost when nothing of it is taken") {
  RequestParser parser(kSampleLimits);
  RecvBuffer buffer(kMaxChunkLineBytes);
  Arena arena;
  buffer.assign("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
  REQUIRE(parser.next(buffer, arena) == RequestParser::Event::head);
  REQUIRE(parser.next(buffer, arena) == RequestParser::Event::body);
  parser.take(buffer, 0);
  REQUIRE(parser.next(buffer, arena) == RequestParser::Event::body);
  CHECK(parser.body() == "hello");
  parser.take(buffer, 2);
  CHECK(parser.body() == "llo");
  CHECK(parser.body_taken() == 2);
  REQUIRE(parser.next(buffer, arena) == RequestParser::Event::body);
  CHECK(parser.body() == "llo");
  parser.take(buffer, 3);
  CHECK(parser.next(buffer, arena) == RequestParser::Event::end);
}

TEST_CASE("A parser is between messages until a request line has come") {
  RequestParser parser(kSampleLimits);
  RecvBuffer buffer(kMaxChunkLineBytes);
  Arena arena;
  CHECK(parser.is_between_messages());
  buffer.assign("GET / HTTP/1.1\r\n");
  CHECK(parser.next(buffer, arena) == RequestParser::Event::need_more);
  CHECK_FALSE(parser.is_between_messages());
  buffer.assign("GET / HTTP/1.1\r\n\r\n");
  CHECK(parser.next(buffer, arena) == RequestParser::Event::head);
  CHECK_FALSE(parser.is_between_messages());
  CHECK(parser.next(buffer, arena) == RequestParser::Event::end);
  CHECK(parser.is_between_messages());
}

}  // namespace uvhttpd::http
