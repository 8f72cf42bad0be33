// SPDX-License-Identifier: MIT
// unit/http/framing_test.cpp: where a request's body ends, and whether the connection goes on.
#include "http/framing.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sample_request.h"

namespace uvhttpd::http {
namespace {

using test::Line;
using enum FieldName;

// "length 5 keep", "chunked keep expect", "none close", or the status of the refusal.
std::string framing_of(const std::vector<Line>& lines, int minor_version = 1) {
  const test::SampleRequest sample(Method::post, lines);
  RequestHead head = sample.head();
  head.minor_version = minor_version;
  const Result<Framing, Refusal> framing = request_framing(head);
  if (!framing) return std::to_string(framing.error().status);
  CHECK((framing->length > 0) == (framing->body == Framing::Body::length));
  std::string text;
  switch (framing->body) {
    case Framing::Body::none: text = framing->has_length ? "empty" : "none"; break;
    case Framing::Body::length: text = "length " + std::to_string(framing->length); break;
    case Framing::Body::chunked: text = "chunked"; break;
  }
  text += framing->keep_alive ? " keep" : " close";
  if (framing->expect_continue) text += " expect";
  return text;
}

struct Row {
  std::string_view name;
  std::vector<Line> lines;
  std::string_view in_1_1;
  std::string_view in_1_0;
};

const std::vector<Row> kRows = {
    {"nothing", {}, "none keep", "none close"},
    {"length", {{content_length, "5"}}, "length 5 keep", "length 5 close"},
    {"no octets", {{content_length, "0"}}, "empty keep", "empty close"},
    {"many zeros", {{content_length, "000"}}, "empty keep", "empty close"},
    {"the largest length",
     {{content_length, "18446744073709551615"}},
     "length 18446744073709551615 keep",
     "length 18446744073709551615 close"},
    {"one more", {{content_length, "18446744073709551616"}}, "400", "400"},
    {"a sign", {{content_length, "+5"}}, "400", "400"},
    {"a minus", {{content_length, "-0"}}, "400", "400"},
    {"empty", {{content_length, ""}}, "400", "400"},
    {"a list", {{content_length, "5, 5"}}, "400", "400"},
    {"a comma", {{content_length, "5,"}}, "400", "400"},
    {"twice", {{content_length, "5"}, {content_length, "5"}}, "400", "400"},
    {"no number", {{content_length, "five"}}, "400", "400"},
    {"digits of another script", {{content_length, "\xd9\xa5"}}, "400", "400"},
    {"chunked", {{transfer_encoding, "chunked"}}, "chunked keep", "400"},
    {"Chunked", {{transfer_encoding, "Chunked"}}, "chunked keep", "400"},
    {"chunked and empty members", {{transfer_encoding, " ,, chunked\t,"}}, "chunked keep", "400"},
    {"chunked and an empty line",
     {{transfer_encoding, ""}, {transfer_encoding, "chunked"}},
     "chunked keep",
     "400"},
    {"chunked and length", {{transfer_encoding, "chunked"}, {content_length, "5"}}, "400", "400"},
    {"length and chunked", {{content_length, "5"}, {transfer_encoding, "chunked"}}, "400", "400"},
    {"bad length and chunked",
     {{content_length, "x"}, {transfer_encoding, "chunked"}},
     "400",
     "400"},
    {"gzip, chunked", {{transfer_encoding, "gzip, chunked"}}, "501", "400"},
    {"gzip, deflate, chunked",
     {{transfer_encoding, "gzip, deflate"}, {transfer_encoding, "chunked"}},
     "501",
     "400"},
    // Without chunked as the last coding the body has no end: 400 by RFC 9112 section 6.3.
    {"gzip", {{transfer_encoding, "gzip"}}, "400", "400"},
    {"identity", {{transfer_encoding, "identity"}}, "400", "400"},
    {"chunked, gzip", {{transfer_encoding, "chunked, gzip"}}, "400", "400"},
    {"chunked, chunked", {{transfer_encoding, "chunked, chunked"}}, "400", "400"},
    {"chunked, gzip, chunked", {{transfer_encoding, "chunked, gzip, chunked"}}, "400", "400"},
    {"chunked;a", {{transfer_encoding, "chunked;a"}}, "400", "400"},
    {"chunked in a string", {{transfer_encoding, "x;a=\"b, chunked\""}}, "400", "400"},
    {"no coding", {{transfer_encoding, ""}}, "400", "400"},
    {"commas", {{transfer_encoding, ","}}, "400", "400"},
    {"close", {{connection, "close"}}, "none close", "none close"},
    {"Close", {{connection, "Close"}}, "none close", "none close"},
    {"keep-alive", {{connection, "keep-alive"}}, "none keep", "none keep"},
    {"close beats keep-alive", {{connection, "close, keep-alive"}}, "none close", "none close"},
    {"close comes later",
     {{connection, "keep-alive"}, {connection, "te, close"}},
     "none close",
     "none close"},
    {"close with tabs", {{connection, "te,\tclose\t"}}, "none close", "none close"},
    {"closer", {{connection, "closer"}}, "none keep", "none close"},
    {"other options", {{connection, "te, upgrade"}}, "none keep", "none close"},
    {"expect",
     {{content_length, "5"}, {expect, "100-continue"}},
     "length 5 keep expect",
     "length 5 close"},
    {"Expect",
     {{transfer_encoding, "chunked"}, {expect, "100-Continue"}},
     "chunked keep expect",
     "400"},
    {"expect and no body", {{expect, "100-continue"}}, "none keep", "none close"},
    {"expect and an empty body",
     {{content_length, "0"}, {expect, "100-continue"}},
     "empty keep",
     "empty close"},
    {"an unknown expectation", {{expect, "x"}}, "417", "none close"},
    {"a known and an unknown one", {{expect, "100-continue, x"}}, "417", "none close"},
    {"a known one with a parameter", {{expect, "100-continue;a"}}, "417", "none close"},
    {"an empty expectation", {{expect, ""}}, "none keep", "none close"},
    {"framing comes before expectations", {{content_length, "x"}, {expect, "x"}}, "400", "400"},
};

}  // namespace

TEST_CASE("request_framing finds the body's end or refuses") {
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    CHECK(framing_of(row.lines, 1) == row.in_1_1);
    CHECK(framing_of(row.lines, 0) == row.in_1_0);
  }
}

TEST_CASE("for_each_token gives the members of a list, trimmed, without the empty ones") {
  const auto tokens = [](std::string_view list) {
    std::vector<std::string> all;
    for_each_token(list, [&](std::string_view token) { all.emplace_back(token); });
    return all;
  };
  using Strings = std::vector<std::string>;
  CHECK(tokens("").empty());
  CHECK(tokens(" ,\t, ").empty());
  CHECK(tokens("a") == Strings{"a"});
  CHECK(tokens("a,b") == Strings{"a", "b"});
  CHECK(tokens(", a ,\tb c\t,,") == Strings{"a", "b c"});
}

}  // namespace uvhttpd::http
