// SPDX-License-Identifier: MIT
// unit/http/response_framing_test.cpp: where a response's body ends, by status, method and fields.
#include "http/response_framing.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sample_request.h"

namespace uvhttpd::http {
namespace {

using test::Line;
using enum FieldName;

// "length 5 keep", "until close", "none upgraded close", or the reason of the refusal.
std::string framing_of(const std::vector<Line>& lines, Status status, Method method,
                       int minor_version = 1) {
  const test::SampleRequest sample(method, lines);
  UpstreamHead head;
  head.status = status;
  head.minor_version = minor_version;
  head.fields = sample.head().fields;
  const auto framing = response_framing(head, method);
  if (!framing) return std::string(framing.error());
  CHECK((framing->length > 0) == (framing->body == ResponseFraming::Body::length));
  std::string text;
  switch (framing->body) {
    case ResponseFraming::Body::none: text = "none"; break;
    case ResponseFraming::Body::length: text = "length " + std::to_string(framing->length); break;
    case ResponseFraming::Body::chunked: text = "chunked"; break;
    case ResponseFraming::Body::until_close: text = "until"; break;
  }
  if (framing->upgraded) text += " upgraded";
  return text + (framing->keep_alive ? " keep" : " close");
}

struct Row {
  std::string_view name;
  std::vector<Line> lines;
  std::string_view of_200;
  std::string_view of_head;  // a 200 to HEAD
  std::string_view of_204;
  std::string_view of_304;
  std::string_view in_1_0;
};

const std::vector<Row> kRows = {
    {"nothing", {}, "until close", "none keep", "none keep", "none keep", "until close"},
    {"a length",
     {{content_length, "5"}},
     "length 5 keep",
     "none keep",
     "none close",
     "none keep",
     "length 5 close"},
    {"no octets",
     {{content_length, "0"}},
     "none keep",
     "none keep",
     "none keep",
     "none keep",
     "none close"},
    {"a length and keep-alive",
     {{content_length, "5"}, {connection, "keep-alive"}},
     "length 5 keep",
     "none keep",
     "none close",
     "none keep",
     "length 5 keep"},
    {"a length and close",
     {{content_length, "5"}, {connection, "close"}},
     "length 5 close",
     "none close",
     "none close",
     "none close",
     "length 5 close"},
    {"keep-alive alone",
     {{connection, "keep-alive"}},
     "until close",
     "none keep",
     "none keep",
     "none keep",
     "until close"},
    {"chunked",
     {{transfer_encoding, "chunked"}},
     "chunked keep",
     "none keep",
     "none close",
     "none keep",
     "Transfer-Encoding in HTTP/1.0"},
};

}  // namespace

TEST_CASE("response_framing finds the body's end by status, method and version") {
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    CHECK(framing_of(row.lines, 200, Method::get) == row.of_200);
    CHECK(framing_of(row.lines, 404, Method::post) == row.of_200);
    CHECK(framing_of(row.lines, 205, Method::get) == row.of_200);
    CHECK(framing_of(row.lines, 200, Method::head) == row.of_head);
    CHECK(framing_of(row.lines, 204, Method::get) == row.of_204);
    CHECK(framing_of(row.lines, 304, Method::get) == row.of_304);
    CHECK(framing_of(row.lines, 200, Method::get, 0) == row.in_1_0);
    CHECK(framing_of(row.lines, 400, Method::connect) == row.of_200);
  }
}

TEST_CASE("A tunnel has no end that its head could tell") {
  CHECK(framing_of({}, 200, Method::connect) == "none close");
  CHECK(framing_of({{content_length, "5"}}, 299, Method::connect) == "none close");
  CHECK(framing_of({{transfer_encoding, "chunked"}}, 200, Method::connect) == "none close");
}

TEST_CASE("An interim response has no body and may not speak of one") {
  for (const Status status : {100U, 101U, 103U, 199U}) {
    CAPTURE(status);
    const std::string_view none = status == 101 ? "none upgraded close" : "none close";
    CHECK(framing_of({}, status, Method::get) == none);
    CHECK(framing_of({{content_length, "0"}}, status, Method::get) ==
          "a body in an interim response");
    CHECK(framing_of({{transfer_encoding, "chunked"}}, status, Method::get) ==
          "a body in an interim response");
  }
}

TEST_CASE("Fields that could make two readers disagree are refused in every response") {
  const std::vector<std::vector<Line>> faults = {
      {{content_length, "5"}, {content_length, "5"}},
      {{content_length, "5, 5"}},
      {{content_length, "5"}, {content_length, "6"}},
      {{content_length, "x"}},
      {{content_length, "5"}, {transfer_encoding, "chunked"}},
      {{transfer_encoding, "gzip"}},
      {{transfer_encoding, "gzip, chunked"}},
      {{transfer_encoding, "chunked"}, {transfer_encoding, "chunked"}},
      {{transfer_encoding, ""}},
  };
  for (const std::vector<Line>& lines : faults) {
    CAPTURE(lines.front().value);
    for (const Method method : {Method::get, Method::head, Method::connect}) {
      for (const Status status : {100U, 101U, 200U, 204U, 304U, 500U}) {
        UpstreamHead head;
        head.status = status;
        const test::SampleRequest sample(method, lines);
        head.fields = sample.head().fields;
        CHECK_FALSE(response_framing(head, method));
      }
    }
  }
}

}  // namespace uvhttpd::http
