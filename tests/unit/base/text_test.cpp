// SPDX-License-Identifier: MIT
// unit/base/text_test.cpp: small functions on octets.
#include "base/text.h"

#include <doctest/doctest.h>

#include <string>

namespace uvhttpd {
namespace {

using namespace std::string_literals;

struct Pair {
  std::string text;
  std::string result;
};

}  // namespace

TEST_CASE("Only ASCII letters have a lower case") {
  for (int octet = 0; octet < 256; ++octet) {
    CAPTURE(octet);
    const char c = static_cast<char>(octet);
    const bool is_upper = octet >= 'A' && octet <= 'Z';
    CHECK(ascii_lower(c) == (is_upper ? static_cast<char>(octet + 32) : c));
    CHECK(is_digit(c) == (octet >= '0' && octet <= '9'));
    CHECK(is_ows(c) == (octet == ' ' || octet == '\t'));
  }
  CHECK(to_lower("AbC-\xc3\x84") == "abc-\xc3\x84");
}

TEST_CASE("Case does not matter for ASCII letters, and for nothing else") {
  CHECK(equals_ignoring_case("", ""));
  CHECK(equals_ignoring_case("Keep-Alive", "keep-aLIVE"));
  CHECK_FALSE(equals_ignoring_case("a", ""));
  CHECK_FALSE(equals_ignoring_case("a", "ab"));
  CHECK_FALSE(equals_ignoring_case("[", "{"));
  CHECK_FALSE(equals_ignoring_case("\xc3\xa4", "\xc3\x84"));
}

TEST_CASE("trim_ows takes spaces and tabs from both ends") {
  for (const Pair& row : {Pair{"", ""}, Pair{" \t ", ""}, Pair{"a", "a"}, Pair{"\t a b\t ", "a b"},
                          Pair{"\na\r", "\na\r"}, Pair{"a \t", "a"}}) {
    CAPTURE(row.text);
    CHECK(trim_ows(row.text) == row.result);
  }
}

TEST_CASE("parse_decimal takes digits only, up to the largest number") {
  CHECK(parse_decimal("0") == 0);
  CHECK(parse_decimal("007") == 7);
  CHECK(parse_decimal("18446744073709551615") == UINT64_MAX);
  CHECK(parse_decimal("0000000000000000000000000000018446744073709551615") == UINT64_MAX);
  for (const std::string_view text :
       {"", " ", "-1", "+1", "1 ", " 1", "1a", "0x1", "1.0", "1e3", "18446744073709551616",
        "99999999999999999999", "184467440737095516150", "\xd9\xa1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_decimal(text).has_value());
  }
}

TEST_CASE("hex_value knows the digits of both cases") {
  const std::string_view lower = "0123456789abcdef";
  const std::string_view upper = "0123456789ABCDEF";
  for (int octet = 0; octet < 256; ++octet) {
    CAPTURE(octet);
    const char c = static_cast<char>(octet);
    const std::size_t at = std::min(lower.find(c), upper.find(c));
    CHECK(hex_value(c) == (at == std::string_view::npos ? -1 : static_cast<int>(at)));
  }
}

TEST_CASE("A line of a log holds nothing but printable ASCII") {
  for (int octet = 0; octet < 256; ++octet) {
    CAPTURE(octet);
    const char c = static_cast<char>(octet);
    const std::string escaped = escape_for_log(std::string(1, c));
    if (octet >= 0x20 && octet < 0x7f && c != '"' && c != '\\') {
      CHECK(escaped == std::string(1, c));
    } else {
      const char* const hex = "0123456789abcdef";
      CHECK(escaped == std::string("\\x") + hex[octet / 16] + hex[octet % 16]);
    }
  }
  CHECK(escape_for_log("GET /\"\n") == "GET /\\x22\\x0a");
}

TEST_CASE("The inside of a JSON string is UTF-8 without control octets") {
  const std::string unknown = "\xef\xbf\xbd";
  for (const Pair& row : {
           Pair{"plain", "plain"},
           Pair{"\"\\/", "\\\"\\\\/"},
           Pair{"\0\x01\x1f\x7f"s, "\\u0000\\u0001\\u001f\\u007f"},
           Pair{"\r\n\t", "\\u000d\\u000a\\u0009"},
           Pair{"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"},
           Pair{"\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "\\u0080\\u009b\\u009f\xc2\xa0"},
           Pair{"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9", "\xe2\x80\xa7\\u2028\\u2029"},
           Pair{"\xe2\x80\x8e\xe2\x80\xae\xe2\x80\xaf", "\\u200e\\u202e\xe2\x80\xaf"},
           Pair{"\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa",
                "\xe2\x81\xa5\\u2066\\u2069\xe2\x81\xaa"},
           Pair{"\xd8\x9b\xd8\x9c", "\xd8\x9b\\u061c"},
           Pair{"\x80", unknown},
           Pair{"\xff", unknown},
           Pair{"\xc3", unknown},
           Pair{"\xc3(", unknown + "("},
           Pair{"\xe2\x82", unknown + unknown},
           Pair{"\xc0\xaf", unknown + unknown},                              // overlong
           Pair{"\xe0\x80\x80", unknown + unknown + unknown},                // overlong
           Pair{"\xed\xa0\x80", unknown + unknown + unknown},                // a surrogate
           Pair{"\xf4\x90\x80\x80", unknown + unknown + unknown + unknown},  // above U+10FFFF
           Pair{"\xf0\x9f\x98\"", unknown + unknown + unknown + "\\\""},
       }) {
    CAPTURE(row.result);
    CHECK(escape_for_json(row.text) == row.result);
  }
}

TEST_CASE("Markup is not markup any more") {
  CHECK(escape_for_html("<a href=\"x\" id='y'>&amp;</a>") ==
        "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
  CHECK(escape_for_html("plain \xc3\xa4").size() == 8);
}

TEST_CASE("nearest proposes a word that was probably meant") {
  const std::vector<std::string_view> keys = {"listen", "workers", "timeouts", "keep_alive"};
  CHECK(nearest("listne", keys) == "listen");
  CHECK(nearest("Worker", keys) == "workers");
  CHECK(nearest("timeout", keys) == "timeouts");
  CHECK(nearest("keepalive", keys) == "keep_alive");
  CHECK(nearest("listen", keys) == "listen");
  CHECK_FALSE(nearest("quantum_state", keys).has_value());
  CHECK_FALSE(nearest("x", {}).has_value());
}

}  // namespace uvhttpd
