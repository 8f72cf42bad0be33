// SPDX-License-Identifier: MIT
// unit/http/response_encoder_test.cpp: status line and fields as they go out.
#include "http/response_encoder.h"

#include <doctest/doctest.h>
#include <sys/uio.h>

#include <string>
#include <vector>

namespace uvhttpd::http {
namespace {

std::string content_of(const SendQueue& queue) {
  iovec parts[64];
  const std::size_t count = queue.gather(parts, SIZE_MAX);
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  }
  return text;
}

std::string encode(const EncodedParts& parts) {
  SendQueue queue;
  encode_response_head(queue, parts);
  const std::string text = content_of(queue);
  CHECK(text.size() == queue.bytes());
  return text;
}

}  // namespace

TEST_CASE("The smallest head is a status line and an empty line") {
  CHECK(encode({}) == "HTTP/1.1 200 OK\r\n\r\n");
  CHECK(
      encode(
          {.status = 204, .reason = {}, .fields = {}, .prepared = {}, .date = {}, .server = {}}) ==
      "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST_CASE("Every status has a line with its phrase, written shortly or not") {
  for (Status status = 100; status < 600; ++status) {
    CAPTURE(status);
    EncodedParts parts;
    parts.status = status;
    CHECK(encode(parts) == "HTTP/1.1 " + std::to_string(status) + " " +
                               std::string(reason_phrase(status)) + "\r\n\r\n");
  }
}

TEST_CASE("A phrase of one's own replaces the registered one") {
  EncodedParts parts;
  parts.reason = "Fine";
  CHECK(encode(parts) == "HTTP/1.1 200 Fine\r\n\r\n");
  parts.status = 299;
  parts.reason = std::string_view(
      "A phrase of some length, which a gateway may give us and which has to have room");
  CHECK(encode(parts) == "HTTP/1.1 299 " + std::string(parts.reason) + "\r\n\r\n");
}

TEST_CASE("All parts stand in their order") {
  const std::vector<ResponseField> fields = {{"ETag", "\"x\""}, {"X-Empty", ""}};
  EncodedParts parts;
  parts.status = 206;
  parts.fields = fields;
  parts.prepared = "Cache-Control: no-cache\r\n";
  parts.date = "Tue, 20 Nov 2026 19:16:45 GMT";
  parts.server = "uvhttpd";
  parts.body = EncodedParts::Body::length;
  parts.length = 12345;
  parts.connection = EncodedParts::Connection::keep_alive;
  CHECK(encode(parts) ==
        "HTTP/1.1 206 Partial Content\r\n"
        "Date: Tue, 20 Nov 2026 19:16:45 GMT\r\n"
        "Server: uvhttpd\r\n"
        "Cache-Control: no-cache\r\n"
        "ETag: \"x\"\r\n"
        "X-Empty: \r\n"
        "Content-Length: 12345\r\n"
        "Connection: keep-alive\r\n"
        "\r\n");
}

TEST_CASE("The body's length is unsaid, a number or chunked") {
  EncodedParts parts;
  parts.body = EncodedParts::Body::length;
  CHECK(encode(parts) == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  parts.length = UINT64_MAX;
  CHECK(encode(parts) == "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n");
  parts.body = EncodedParts::Body::chunked;
  CHECK(encode(parts) == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST_CASE("Connection: close is written when asked for") {
  EncodedParts parts;
  parts.connection = EncodedParts::Connection::close;
  CHECK(encode(parts) == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
}

TEST_CASE("The largest fixed parts and large fields have room") {
  const std::string value(100'000, 'v');
  const std::vector<ResponseField> fields(20, ResponseField{"Name", value});
  EncodedParts parts;
  parts.status = 511;
  parts.fields = fields;
  const std::string prepared = encode_fields(fields);
  parts.prepared = prepared;
  parts.date = value;
  parts.server = value;
  parts.body = EncodedParts::Body::length;
  parts.length = UINT64_MAX;
  parts.connection = EncodedParts::Connection::keep_alive;
  const std::string text = encode(parts);
  CHECK(text.size() > 42 * value.size());
  CHECK(
      text.ends_with("\r\nContent-Length: 18446744073709551615\r\nConnection: keep-alive\r\n\r\n"));
}

TEST_CASE("A head is added behind what is queued") {
  SendQueue queue;
  queue.append("before ");
  encode_response_head(queue, {});
  queue.append("body");
  CHECK(content_of(queue) == "before HTTP/1.1 200 OK\r\n\r\nbody");
}

TEST_CASE("encode_fields writes whole lines") {
  const std::vector<ResponseField> fields = {{"A", "1"}, {"B", "2"}};
  CHECK(encode_fields({}).empty());
  CHECK(encode_fields(fields) == "A: 1\r\nB: 2\r\n");
}

TEST_CASE("is_valid_field keeps line ends and other control octets out") {
  using namespace std::string_view_literals;
  CHECK(is_valid_field("X-A", "b"));
  CHECK(is_valid_field("X-A", ""));
  CHECK(is_valid_field("X-A", "b\tc \xc3\xa4"));
  for (const std::string_view name :
       {""sv, "X A"sv, "X:"sv, "X\r"sv, "X\n"sv, "X\0"sv, "\xc3\xa4"sv, "X\x7f"sv}) {
    CAPTURE(name);
    CHECK_FALSE(is_valid_field(name, "b"));
  }
  for (const std::string_view value :
       {"b\r\nSet-Cookie: c"sv, "\r"sv, "\n"sv, "\0"sv, "\x01"sv, "\x7f"sv}) {
    CAPTURE(value);
    CHECK_FALSE(is_valid_field("X", value));
  }
}

}  // namespace uvhttpd::http
