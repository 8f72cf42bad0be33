// SPDX-License-Identifier: MIT
// unit/http/response_parser_test.cpp: octets become responses, however they arrive.
#include "http/response_parser.h"

#include <doctest/doctest.h>

#include <span>

#include "response_samples.h"

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

using test::Delivery;
using test::Events;
using test::ResponseReading;
using test::response::kSampleLimits;
using test::response::Sample;
using namespace std::string_literals;

constexpr Delivery kBypassing{.bypasses_buffer = true};

// The pieces have the sizes given; what is left over is the last one.
Events events_of(const Sample& sample, std::span<const std::size_t> sizes,
                 const Delivery& delivery = {}) {
  ResponseReading reading(kSampleLimits, sample.method, delivery);
  std::string_view bytes = sample.bytes;
  for (const std::size_t size : sizes) {
    reading.feed(bytes.substr(0, size));
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
  reading.feed(bytes);
  if (sample.closes) reading.end();
  return std::move(reading).finish();
}

Events events_of(std::string bytes) { return events_of(Sample{"", std::move(bytes), {}}, {}); }

struct Detected {
  std::string_view name;
  std::string bytes;  // up to the octet that shows the fault
};

std::vector<Detected> faults_as_they_show() {
  using test::response::kOk;
  using test::response::repeat;
  return {
      {"another protocol", "S"},
      {"another case", "HTTp"},
      {"HTTP/2", "HTTP/2"},
      {"a line end", "\r"},
      {"a status above 599", "HTTP/1.1 6"},
      {"a status of four digits", "HTTP/1.1 2000"},
      {"a control octet in the reason", "HTTP/1.1 200 \x1b\r\n"},
      {"bare LF", "HTTP/1.1 200 OK\n"},
      {"bare CR in a value", kOk + "X: a\rb"},
      {"bare CR before the end", kOk + "\rx"},
      {"a folded line", kOk + "X: a\r\n b\r\n"},
      {"a space before the colon", kOk + "X : a\r\n"},
      {"one field too many", kOk + repeat("X: a\r\n", 9)},
      {"a head without room for its end", kOk + "X: " + std::string(512 - 17 - 3, 'x')},
      {"two lengths", kOk + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"},
      {"a bad chunk size", kOk + "Transfer-Encoding: chunked\r\n\r\nx\r\n"},
  };
}

}  // namespace

TEST_CASE("ResponseParser reads what is right and refuses what is wrong") {
  for (const Sample& sample : test::response::all_samples()) {
    CAPTURE(sample.name);
    CHECK(events_of(sample, {}) == sample.events);
    CHECK(events_of(sample, {}, kBypassing) == sample.events);
  }
}

TEST_CASE("ResponseParser reports the same events octet by octet") {
  for (const Sample& sample : test::response::all_samples()) {
    CAPTURE(sample.name);
    const std::vector<std::size_t> ones(sample.bytes.size(), 1);
    CHECK(events_of(sample, ones) == sample.events);
    CHECK(events_of(sample, ones, kBypassing) == sample.events);
  }
}

TEST_CASE("ResponseParser reports the same events cut at every position") {
  for (const Sample& sample : test::response::all_samples()) {
    CAPTURE(sample.name);
    for (std::size_t cut = 1; cut < sample.bytes.size(); ++cut) {
      CAPTURE(cut);
      REQUIRE(events_of(sample, {{cut}}) == sample.events);
      REQUIRE(events_of(sample, {{cut, 1}}) == sample.events);
      REQUIRE(events_of(sample, {{cut}}, kBypassing) == sample.events);
      REQUIRE(events_of(sample, {{cut, 2}}, kBypassing) == sample.events);
    }
  }
}

TEST_CASE("ResponseParser gives a body in the portions that are taken") {
  for (const Sample& sample : test::response::all_samples()) {
    CAPTURE(sample.name);
    for (const std::size_t octets : {1U, 2U, 3U, 7U}) {
      const Delivery delivery{.octets_at_once = octets};
      CHECK(events_of(sample, {}, delivery) == sample.events);
      CHECK(events_of(sample, {{octets, 60}}, delivery) == sample.events);
    }
  }
}

TEST_CASE("A fault in a response is seen with the octet that shows it") {
  for (const Detected& fault : faults_as_they_show()) {
    CAPTURE(fault.name);
    const std::string before = fault.bytes.substr(0, fault.bytes.size() - 1);
    if (!before.empty()) CHECK(events_of(before).back() == "more");
    CHECK(events_of(fault.bytes).back().starts_with("error: "));
  }
}

TEST_CASE("An octet that no value or reason may hold is refused, each of the others is kept") {
  for (int octet = 0; octet < 256; ++octet) {
    CAPTURE(octet);
    const std::string text = "a"s + static_cast<char>(octet) + "b";
    const bool allowed = octet == '\t' || (octet >= 0x20 && octet != 0x7f);
    const Events with_value =
        events_of(test::response::kOk + "X: " + text + "\r\n" + test::response::kEmpty);
    const Events with_reason = events_of("HTTP/1.1 200 " + text + "\r\n" + test::response::kEmpty);
    if (allowed) {
      CHECK(with_value.front() == "1.1 200 [OK] X=" + text + test::response::kEmptyEvent);
      CHECK(with_reason.front() == "1.1 200 [" + text + "]" + test::response::kEmptyEvent);
    } else {
      CHECK(with_value.front().starts_with("error: "));
      CHECK(with_reason.front().starts_with("error: "));
    }
  }
}

TEST_CASE("Every status from 100 to 599 is read, and no other") {
  for (int status = 0; status < 1000; ++status) {
    CAPTURE(status);
    std::string digits = std::to_string(status);
    digits.insert(0, 3 - digits.size(), '0');
    const std::string event = events_of("HTTP/1.1 " + digits + "\r\n\r\n").front();
    if (status >= 100 && status <= 599) {
      CHECK(event.find(" " + digits + " []") != std::string::npos);
      CHECK(event.starts_with("interim ") == (status < 200 && status != 101));
    } else {
      CHECK(event == "error: invalid status code");
    }
  }
}

TEST_CASE("The views of a response's head live in the arena, not in the buffer") {
  ResponseParser parser(kSampleLimits);
  RecvBuffer buffer(kMaxChunkLineBytes);
  Arena arena;
  parser.start(Method::get);
  buffer.assign("HTTP/1.1 200 Fine\r\nDate: now\r\n\r\n");
  REQUIRE(parser.next(buffer, arena) == ResponseParser::Event::head);
  CHECK(buffer.empty());
  buffer.assign(std::string(buffer.capacity(), '!'));
  CHECK(parser.head().reason == "Fine");
  CHECK(parser.head().fields.value(FieldName::date) == "now");
}

TEST_CASE("A response's octets are announced as far as nothing stands between them") {
  ResponseParser parser(kSampleLimits);
  RecvBuffer buffer(kMaxChunkLineBytes);
  Arena arena;
  parser.start(Method::get);
  CHECK(parser.announced() == 0);

  buffer.assign(test::response::kOk + "Content-Length: 5\r\n\r\n");
  REQUIRE(parser.next(buffer, arena) == ResponseParser::Event::head);
  CHECK(parser.announced() == 5);
  parser.skip(2);
  CHECK(parser.announced() == 3);
  buffer.assign("llo");
  REQUIRE(parser.next(buffer, arena) == ResponseParser::Event::body);
  CHECK(parser.body() == "llo");
  parser.take(buffer, 1);
  CHECK(parser.body() == "lo");
  CHECK(parser.announced() == 2);
  parser.take(buffer, 2);
  CHECK(parser.next(buffer, arena) == ResponseParser::Event::end);

  parser.start(Method::get);
  buffer.assign(test::response::kOk + "Transfer-Encoding: chunked\r\n\r\n");
  REQUIRE(parser.next(buffer, arena) == ResponseParser::Event::head);
  CHECK(parser.announced() == 0);
  buffer.assign("4\r\n");
  REQUIRE(parser.next(buffer, arena) == ResponseParser::Event::need_more);
  CHECK(parser.announced() == 4);
  parser.skip(4);
  CHECK(parser.announced() == 0);
  buffer.assign("\r\n0\r\n\r\n");
  CHECK(parser.next(buffer, arena) == ResponseParser::Event::end);

  parser.start(Method::get);
  buffer.assign(test::response::kOk + "\r\n");
  REQUIRE(parser.next(buffer, arena) == ResponseParser::Event::head);
  CHECK(parser.announced() == UINT64_MAX);
  parser.skip(1000);
  CHECK(parser.announced() == UINT64_MAX);
  parser.input_ended();
  CHECK(parser.next(buffer, arena) == ResponseParser::Event::end);
  CHECK(parser.announced() == 0);
}

TEST_CASE("A connection is reusable after the end of a response that keeps it") {
  ResponseParser parser(kSampleLimits);
  RecvBuffer buffer(kMaxChunkLineBytes);
  Arena arena;
  CHECK_FALSE(parser.is_reusable());
  parser.start(Method::get);
  CHECK_FALSE(parser.is_reusable());
  buffer.assign(test::response::kOk + test::response::kEmpty);
  REQUIRE(parser.next(buffer, arena) == ResponseParser::Event::head);
  CHECK_FALSE(parser.is_reusable());
  REQUIRE(parser.next(buffer, arena) == ResponseParser::Event::end);
  CHECK(parser.is_reusable());
  parser.input_ended();
  CHECK_FALSE(parser.is_reusable());
}

TEST_CASE("What follows a response that switches protocols stays in the buffer") {
  ResponseParser parser(kSampleLimits);
  RecvBuffer buffer(kMaxChunkLineBytes);
  Arena arena;
  parser.start(Method::get);
  buffer.assign("HTTP/1.1 101 x\r\n\r\nHTTP/1.1 200");
  REQUIRE(parser.next(buffer, arena) == ResponseParser::Event::head);
  CHECK(parser.framing().upgraded);
  CHECK(parser.next(buffer, arena) == ResponseParser::Event::end);
  CHECK(buffer.unread() == "HTTP/1.1 200");
  CHECK_FALSE(parser.is_reusable());
}

TEST_CASE("A response that failed stays failed until the next one is started") {
  ResponseParser parser(kSampleLimits);
  RecvBuffer buffer(kMaxChunkLineBytes);
  Arena arena;
  parser.start(Method::get);
  buffer.assign("rubbish");
  CHECK(parser.next(buffer, arena) == ResponseParser::Event::error);
  CHECK(parser.fault() == "malformed status line");
  buffer.assign(test::response::kOk + test::response::kEmpty);
  CHECK(parser.next(buffer, arena) == ResponseParser::Event::error);
  parser.start(Method::get);
  CHECK(parser.fault().empty());
  CHECK(parser.next(buffer, arena) == ResponseParser::Event::head);
}

}  // namespace uvhttpd::http
