// SPDX-License-Identifier: MIT
// unit/http/body_decoder_test.cpp: the octets of a body and its end, from a buffer that fills up
// slowly.
#include "http/body_decoder.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "http/octets.h"

namespace uvhttpd::http {
namespace {

using Event = BodyDecoder::Event;

constexpr std::size_t kTrailerBytes = 64;
constexpr std::size_t kTrailerFields = 3;

// A body that is being decoded, and the buffer it comes from.
struct Decoding {
  explicit Decoding(const Framing& framing) {
    decoder.start(framing, kTrailerBytes, kTrailerFields);
  }
  void receive(std::string_view bytes) {
    std::memcpy(buffer.room().data(), bytes.data(), bytes.size());
    buffer.commit(bytes.size());
  }
  Event next() { return decoder.next(buffer); }
  void take(std::size_t bytes) { decoder.take(buffer, bytes); }

  RecvBuffer buffer{4096};
  BodyDecoder decoder;
};

const Framing kChunked{.body = Framing::Body::chunked};

Framing of_length(std::uint64_t length) {
  return {.body = Framing::Body::length, .length = length};
}

std::string faulty_octet_line(unsigned octet) {
  return std::string("X: a") + static_cast<char>(octet);
}

}  // namespace

TEST_CASE("A message without a body ends at once and leaves the buffer alone") {
  Decoding none{Framing{}};
  none.receive("GET");
  CHECK(none.next() == Event::end);
  CHECK(none.buffer.unread() == "GET");
}

TEST_CASE("A body of known length ends behind its last octet") {
  Decoding body(of_length(5));
  CHECK(body.next() == Event::need_more);
  body.receive("hel");
  REQUIRE(body.next() == Event::data);
  CHECK(body.decoder.data() == "hel");
  body.take(3);
  CHECK(body.next() == Event::need_more);
  body.receive("loGET");
  REQUIRE(body.next() == Event::data);
  CHECK(body.decoder.data() == "lo");
  body.take(2);
  CHECK(body.next() == Event::end);
  CHECK(body.buffer.unread() == "GET");
  CHECK(body.decoder.taken() == 5);
}

TEST_CASE("Data that is not taken is given again") {
  Decoding body(kChunked);
  body.receive("5\r\nhello\r\n");
  REQUIRE(body.next() == Event::data);
  body.take(0);
  REQUIRE(body.next() == Event::data);
  CHECK(body.decoder.data() == "hello");
  body.take(4);
  CHECK(body.decoder.data() == "o");
  REQUIRE(body.next() == Event::data);
  body.take(1);
  CHECK(body.next() == Event::need_more);
  body.receive("0\r\n\r\nGET");
  CHECK(body.next() == Event::end);
  CHECK(body.buffer.unread() == "GET");
  CHECK(body.decoder.taken() == 5);
}

TEST_CASE("A chunk larger than the buffer is given in the parts that come") {
  Decoding body(kChunked);
  body.receive("FFFFFFFFFFFFFFFF\r\nab");
  REQUIRE(body.next() == Event::data);
  CHECK(body.decoder.data() == "ab");
  body.take(2);
  for (int i = 0; i < 100; ++i) {
    body.receive(std::string(4096, 'x'));
    REQUIRE(body.next() == Event::data);
    body.take(4096);
  }
  CHECK(body.decoder.taken() == 409602);
}

TEST_CASE("A decoder starts anew with each message") {
  Decoding body(of_length(2));
  body.receive("hi");
  REQUIRE(body.next() == Event::data);
  body.take(2);
  REQUIRE(body.next() == Event::end);
  for (int i = 0; i < 3; ++i) {
    body.decoder.start(kChunked, kTrailerBytes, kTrailerFields);
    CHECK(body.decoder.taken() == 0);
    body.receive("1\r\nx\r\n0\r\nA: b\r\nC: d\r\nE: f\r\n\r\n");
    REQUIRE(body.next() == Event::data);
    body.take(1);
    CHECK(body.next() == Event::end);
  }
}

TEST_CASE("Trailers are bounded in number and size") {
  const auto verdict = [](const std::string& trailers) {
    Decoding body(kChunked);
    body.receive("0\r\n" + trailers + "\r\n");
    const Event event = body.next();
    return event == Event::end ? 0U : body.decoder.refusal().status;
  };
  const std::string fits = "X: " + std::string(kTrailerBytes - 5, 'x') + "\r\n";
  CHECK(verdict("") == 0);
  CHECK(verdict(fits) == 0);
  CHECK(verdict("Y" + fits) == 431);
  CHECK(verdict(fits + "Y:\r\n") == 431);
  CHECK(verdict("A:\r\nB:\r\nC:\r\n") == 0);
  CHECK(verdict("A:\r\nB:\r\nC:\r\nD:\r\n") == 431);
}

TEST_CASE("field_line_fault accepts what RFC 9110 section 5 allows") {
  for (const std::string_view line :
       {"X:", "X: ", "X:a", "X: a", "X:\ta\t", "X: a b", "!#$%&'*+-.^_`|~: a", "X: \x80\xff",
        "X: a:b", "x-1: \"a\\\"b\""}) {
    CAPTURE(line);
    CHECK(field_line_fault(line).empty());
  }
}

TEST_CASE("The lines of a trailer section can be read until the next body begins") {
  Decoding body(kChunked);
  body.receive("0\r\nA: 1\r\nB:2\r\n\r\n");
  CHECK(body.next() == Event::end);
  CHECK(body.decoder.trailers() == "A: 1\r\nB:2\r\n");
  body.decoder.start(kChunked, kTrailerBytes, kTrailerFields);
  CHECK(body.decoder.trailers().empty());
}

TEST_CASE("field_line_fault names the fault") {
  struct Row {
    std::string_view line;
    std::string_view fault;
  };
  const Row rows[] = {
      {"", "folded field line"},
      {" X: a", "folded field line"},
      {"\tX: a", "folded field line"},
      {"X", "field line without a colon"},
      {"X : a", "white space before the colon"},
      {"X\t: a", "white space before the colon"},
      {"X Y: a", "white space before the colon"},
      {": a", "empty field name"},
      {":", "empty field name"},
      {"X(: a", "invalid octet in a field name"},
      {"\x80: a", "invalid octet in a field name"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.line);
    CHECK(field_line_fault(row.line) == row.fault);
  }
  for (unsigned octet = 0; octet < 256; ++octet) {
    CAPTURE(octet);
    const bool allowed = octet == '\t' || (octet >= 0x20 && octet != 0x7f);
    CHECK(field_line_fault(faulty_octet_line(octet)).empty() == allowed);
  }
}

TEST_CASE("The octets of a token are those of RFC 9110 section 5.6.2") {
  const std::string_view tokens =
      "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (int octet = 0; octet < 256; ++octet) {
    CAPTURE(octet);
    const char c = static_cast<char>(octet);
    CHECK(is_token_octet(c) == (tokens.find(c) != std::string_view::npos));
  }
}

}  // namespace uvhttpd::http
