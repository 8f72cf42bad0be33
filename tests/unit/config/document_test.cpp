// SPDX-License-Identifier: MIT
// tests/unit/config/document_test.cpp: what comes before the meaning: encoding, depth, syntax, and
// where everything stands.
#include "config/document.h"

#include <doctest/doctest.h>

#include "unit/config/support.h"

namespace uvhttpd::config::tests {
namespace {

std::string repeated(std::string_view piece, int times) {
  std::string out;
  for (; times > 0; --times) out += piece;
  return out;
}

TEST_CASE("Nesting beyond the limit is refused before it reaches the stack") {
  struct Row {
    const char* name;
    std::string text;
  };
  const Row kRows[] = {
      {"20000 arrays", "a = " + repeated("[", 20000)},
      {"20000 arrays, closed", "a = " + repeated("[", 20000) + repeated("]", 20000)},
      {"inline tables", repeated("a = { ", 20000)},
      {"arrays over lines", "a = " + repeated("[\n", 20000)},
      {"dotted key", repeated("a.", 20000) + "b = 1"},
      {"dotted table", "[" + repeated("a.", 20000) + "b]"},
      {"quoted dotted key", repeated("\"a\" . ", 20000) + "b = 1"},
      {"one more than allowed", "a = " + repeated("[", kMaxDepth + 1)},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    CHECK(faults_of(row.text).find("nested more than 32 deep") != std::string::npos);
  }
}

TEST_CASE("Brackets in strings and comments are no nesting") {
  const std::string brackets = repeated("[", 100);
  for (const std::string& text :
       {"# " + brackets + "\n", "[types]\n\".a\" = \"text/x; a=" + brackets + "\"\n",
        "[types]\n\".a\" = '''text/x; a=" + brackets + "'''\n"}) {
    CAPTURE(text);
    CHECK(faults_of(text + std::string(kSite)) == "");
  }
}

TEST_CASE("Text that is not UTF-8, and NUL, are refused where they stand") {
  struct Row {
    const char* name;
    std::string text;
    const char* place;
  };
  const Row kRows[] = {
      {"lone continuation", "a = 1\nb = \"\x80\"", "2:6+1 this is not UTF-8"},
      {"overlong", "\"\xc0\xaf\"", "1:2+1 this is not UTF-8"},
      {"overlong of three", "\"\xe0\x80\x80\"", "1:2+1 this is not UTF-8"},
      {"surrogate", "\"\xed\xa0\x80\"", "1:2+1 this is not UTF-8"},
      {"beyond Unicode", "\"\xf4\x90\x80\x80\"", "1:2+1 this is not UTF-8"},
      {"cut short", "\"\xe2\x82", "1:2+1 this is not UTF-8"},
      {"in a comment", "# \xff", "1:3+1 this is not UTF-8"},
      {"NUL", std::string("a\0b", 3), "1:2+1 there is a NUL"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    CHECK(faults_of(row.text).starts_with(row.place));
  }
}

TEST_CASE("Syntax errors say what was expected and where") {
  struct Row {
    const char* text;
    const char* fault;
  };
  constexpr Row kRows[] = {
      {"workers 2", "1:9+1 syntax error: expected `=` after the key"},
      {"[server\nworkers = 2", "1:8+1 syntax error: expected `]` at the end of the table's name"},
      {"[[site]", "1:7+1 syntax error: expected `]]` at the end of the table's name"},
      {"a = \"open\nb = 1", "1:5+1 syntax error: this string is not closed on its line"},
      {"a = \"\"\"open\nb = 1", "1:5+3 syntax error: this string is never closed"},
      {"a = [1, 2\n", "1:5+1 syntax error: this array is never closed"},
      {"a = [1 2]", nullptr},
      {"a = { b = 1", "1:12+1 syntax error: expected `,` or `}` in the inline table"},
      {"a =\nb = 1", "1:4+1 syntax error: expected a value"},
      {"= 1", "1:1+1 syntax error: expected a key"},
      {"\"a = 1", "1:1+1 syntax error: this quoted key is not closed on its line"},
      {"a = \"x\" y", "1:9+1 syntax error: expected the end of the line"},
      {"a = 1\nb = 2\na = 3", "3:1+1 syntax error: `a` is already there in line 1"},
      {"[a]\n[b]\n[a]", "3:2+1 syntax error: `a` is already there in line 1"},
      {"a = 1\na.b = 2", "2:1+1 syntax error: `a` is already a value"},
      {"a = truth", nullptr},
      {"a = 0123", nullptr},
      {"a = \"\\q\"", nullptr},
      {"a = 1979-13-99", nullptr},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const std::string fault = faults_of(row.text);
    if (row.fault != nullptr) CHECK(fault == row.fault);
    CHECK(fault.starts_with(row.fault != nullptr ? "" : "1:"));
    CHECK(fault.find("syntax error: ") != std::string::npos);
  }
}

TEST_CASE("Integers beyond 64 bits are errors, whatever base they are written in") {
  for (const char* number : {"9223372036854775808", "99999999999999999999", "-9223372036854775809",
                             "0x8000000000000000", "0o7777777777777777777777",
                             "0b11111111111111111111111111111111111111111111111111111111111111111",
                             "9_223_372_036_854_775_808", "+99999999999999999999"}) {
    CAPTURE(number);
    const std::string text = std::string(kSite) + "[limits]\nhead_fields = " + number + "\n";
    CHECK(faults_of(text) == "4:15+" + std::to_string(std::string_view(number).size()) +
                                 " this integer does not fit into 64 bits");
  }
}

TEST_CASE("Every key and value knows its place, however it is written") {
  const std::string text =
      "\xef\xbb\xbf# first\r\n[server]\r\nx1 = 1\r\n\"x\\u0032\" = 2\n"
      "limits.x3 = [\n  1, # ]\n]\n'x 4'.y = { z = 1 }\n"
      "[[site]]\nroot = '''/srv/www'''\nx5 = 1979-05-27 07:32:00Z\n[site.x6]\n[[site.x7.y]]\n";
  CHECK(faults_of(text) ==
        "3:1+2 unknown key `x1` in [server]\n"
        "4:1+9 unknown key `x2` in [server]\n"
        "5:1+6 unknown key `limits` in [server]\n"
        "8:1+5 unknown key `x 4` in [server]\n"
        "11:1+2 unknown key `x5` in [[site]]\n"
        "12:7+2 unknown key `x6` in [[site]]\n"
        "13:8+2 unknown key `x7` in [[site]]");
}

TEST_CASE("A control character in a key does not reach the terminal") {
  CHECK(faults_of("\"\\u001b[2J\" = 1\n" + std::string(kSite)) ==
        "1:1+11 unknown key `\\x1b[2J` in the file");
}

TEST_CASE("A file with more faults than anybody reads shows the first of them and says so") {
  std::string text(kSite);
  text += "[server]\n";
  for (int i = 0; i < 1000; ++i) text += "unknown_key_" + std::to_string(i) + " = 1\n";
  const Loaded loaded = load_text(text, kPath, false);
  CHECK(loaded.diagnostics.size() == Faults::kMaxShown);
  CHECK(loaded.diagnostics.back().message == "and 801 more errors");
}

TEST_CASE("A line of a megabyte is refused before it takes toml11 a minute") {
  const std::string text = "a = [" + repeated("1,", 500'000) + "]\n";
  const Loaded loaded = load_text(text, kPath, false);
  REQUIRE(loaded.diagnostics.size() == 1);
  CHECK(loaded.diagnostics[0].message == "this line is longer than 16KiB");
  CHECK(loaded.diagnostics[0].column == kMaxLineBytes + 1);
  CHECK(loaded.diagnostics[0].source_line.size() <= 1024);
}

TEST_CASE("A text of more than the limit is refused unread") {
  CHECK(faults_of(std::string(kMaxFileBytes + 1, '#')) == "0:0+1 is larger than 1MiB");
}

}  // namespace
}  // namespace uvhttpd::config::tests
