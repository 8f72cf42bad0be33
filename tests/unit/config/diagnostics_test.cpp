// SPDX-License-Identifier: MIT
// tests/unit/config/diagnostics_test.cpp: a fault looks as a compiler would show it.
#include "config/diagnostics.h"

#include <doctest/doctest.h>

namespace uvhttpd::config {
namespace {

Diagnostic misspelt() {
  Diagnostic diagnostic;
  diagnostic.file = "/etc/uvhttpd.toml";
  diagnostic.line = 3;
  diagnostic.column = 1;
  diagnostic.length = 7;
  diagnostic.message = "unknown key `wrokers` in [server]";
  diagnostic.hint = "did you mean `workers`?";
  diagnostic.source_line = "wrokers = 2";
  return diagnostic;
}

std::string line_of(const std::string& text, int number) {
  std::size_t start = 0;
  for (; number > 0; --number) start = text.find('\n', start) + 1;
  return text.substr(start, text.find('\n', start) - start);
}

TEST_CASE("A diagnostic shows the place, the line, a caret and the hint") {
  CHECK(render(misspelt()) ==
        "/etc/uvhttpd.toml:3:1: error: unknown key `wrokers` in [server]\n"
        "   3 | wrokers = 2\n"
        "     | ^~~~~~~\n"
        "     = did you mean `workers`?\n");
}

TEST_CASE("A diagnostic about the whole file has neither place nor line") {
  Diagnostic diagnostic;
  diagnostic.file = "x.toml";
  diagnostic.message = "is a directory, not a file";
  CHECK(render(diagnostic) == "x.toml: error: is a directory, not a file\n");
}

TEST_CASE("A warning says that it is one") {
  Diagnostic diagnostic = misspelt();
  diagnostic.severity = Diagnostic::Severity::warning;
  CHECK(line_of(render(diagnostic), 0).find(": warning: ") != std::string::npos);
}

TEST_CASE("Line numbers of more than four digits keep the columns in line") {
  Diagnostic diagnostic = misspelt();
  diagnostic.line = 12345;
  CHECK(line_of(render(diagnostic), 1) == "12345 | wrokers = 2");
  CHECK(line_of(render(diagnostic), 2) == "      | ^~~~~~~");
}

TEST_CASE("Control characters of the line are shown escaped and the caret stays below its place") {
  Diagnostic diagnostic = misspelt();
  diagnostic.source_line = "\t\x1b[2J wrokers = 2";
  diagnostic.column = 7;
  CHECK(line_of(render(diagnostic), 1) == "   3 |  \\x1b[2J wrokers = 2");
  CHECK(line_of(render(diagnostic), 2) == "     |          ^~~~~~~");
}

TEST_CASE("A character of several octets takes one column") {
  Diagnostic diagnostic = misspelt();
  diagnostic.source_line = "\"\xc3\xa4\" = 1, wrokers";
  diagnostic.column = 11;
  CHECK(line_of(render(diagnostic), 2) == "     |          ^~~~~~~");
}

TEST_CASE("Of a very long line the part around the caret is shown") {
  Diagnostic diagnostic = misspelt();
  diagnostic.source_line = std::string(5000, 'a') + "wrokers" + std::string(5000, 'b');
  diagnostic.column = 5001;
  const std::string line = line_of(render(diagnostic), 1);
  const std::string caret = line_of(render(diagnostic), 2);
  CHECK(line.size() < 140);
  CHECK(line.starts_with("   3 | ...aaa"));
  CHECK(line.ends_with("bbb..."));
  CHECK(line.substr(caret.find('^'), 7) == "wrokers");
}

TEST_CASE("An underline longer than the line ends with it") {
  Diagnostic diagnostic = misspelt();
  diagnostic.length = 1000;
  CHECK(line_of(render(diagnostic), 2) == "     | ^~~~~~~~~~~");
}

TEST_CASE("A place behind the end of the line is pointed at") {
  Diagnostic diagnostic = misspelt();
  diagnostic.column = 12;
  diagnostic.length = 1;
  CHECK(line_of(render(diagnostic), 2) == "     |            ^");
}

TEST_CASE("No diagnostics are an empty JSON array") { CHECK(render_json({}) == "[]\n"); }

TEST_CASE("A diagnostic as JSON has every member, escaped") {
  Diagnostic diagnostic = misspelt();
  diagnostic.source_line = "a = \"b\"";
  CHECK(render_json({diagnostic}) ==
        "[\n  {\"severity\":\"error\",\"file\":\"/etc/uvhttpd.toml\",\"line\":3,\"column\":1,"
        "\"length\":7,\"message\":\"unknown key `wrokers` in [server]\","
        "\"hint\":\"did you mean `workers`?\",\"source_line\":\"a = \\\"b\\\"\"}\n]\n");
}

}  // namespace
}  // namespace uvhttpd::config
