// SPDX-License-Identifier: MIT
// unit/handlers/cgi_head_test.cpp: the head of a CGI program's answer, RFC 3875 section 6.
#include "handlers/wire/cgi_head.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "cgi_head_reading.h"

namespace uvhttpd::wire {
namespace {

std::string read_in_pieces(std::string_view bytes, std::size_t piece) {
  test::CgiHeadReading reading;
  for (std::size_t at = 0; at < bytes.size(); at += piece) reading.feed(bytes.substr(at, piece));
  return std::move(reading).finish();
}

struct Row {
  const char* name;
  std::string bytes;
  std::string read;
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    for (std::size_t piece = 1; piece <= row.bytes.size(); ++piece) {
      CAPTURE(row.name);
      CAPTURE(piece);
      const std::string read = read_in_pieces(row.bytes, piece);
      REQUIRE(read == row.read);
    }
  }
}

void check_faults(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    for (const std::size_t piece : {row.bytes.size(), std::size_t{1}, std::size_t{7}}) {
      CAPTURE(row.name);
      CAPTURE(piece);
      CHECK(read_in_pieces(row.bytes, piece) == "fault: " + row.read);
    }
  }
}

std::string fields(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "X-" + std::to_string(i) + ": v\n";
  return text;
}

}  // namespace

TEST_CASE("CgiHeadParser reads the same head however the output is split") {
  check({
      {"type only", "Content-Type: text/plain\n\nbody", "200 [Content-Type: text/plain] rest=body"},
      {"CRLF", "Content-Type: a/b\r\nX: y\r\n\r\nbody\n",
       "200 [Content-Type: a/b] [X: y] rest=body\n"},
      {"mixed line ends", "Content-Type: a/b\r\n\n\n", "200 [Content-Type: a/b] rest=\n"},
      {"no space, any case", "content-TYPE:a/b\n\n", "200 [content-TYPE: a/b] rest="},
      {"tabs around", "Content-Type:\t a/b \t\n\n", "200 [Content-Type: a/b] rest="},
      {"status", "Status: 404 Not Here\nContent-Type: a/b\n\n",
       "404 Not Here [Content-Type: a/b] rest="},
      {"status alone", "Status: 204\n\n", "204 rest="},
      {"teapot", "Status: 418 I'm a teapot\n\n", "418 I'm a teapot rest="},
      {"status without a phrase", "Status: 200 \n\n", "200 rest="},
      {"own status code", "Status: 599 Mine\n\n", "599 Mine rest="},
      {"length", "Content-Length: 12\nContent-Type: a/b\n\nhi",
       "200 length=12 [Content-Type: a/b] rest=hi"},
      {"repeated others", "Set-Cookie: a\nSet-Cookie: b\nStatus: 200\n\n",
       "200 [Set-Cookie: a] [Set-Cookie: b] rest="},
      {"empty value of another", "X:\nStatus: 200\n\n", "200 [X: ] rest="},
      {"octets above ASCII", "X: \xc3\xa4\nStatus: 200\n\n", "200 [X: \xc3\xa4] rest="},
      {"whole response", "HTTP/1.0 403 Keep Out\r\nContent-Type: a/b\r\n\r\nx",
       "403 Keep Out [Content-Type: a/b] rest=x"},
      {"whole response, no fields", "HTTP/1.1 200 OK\r\n\r\nx", "200 OK rest=x"},
  });
}

TEST_CASE("CgiHeadParser tells redirects apart, RFC 3875 section 6.2") {
  check({
      {"local", "Location: /other?x=1\n\n", "302 local [Location: /other?x=1] rest="},
      {"local path with a cookie", "Location: /other\nSet-Cookie: a\n\n",
       "302 client [Location: /other] [Set-Cookie: a] rest="},
      {"local path with a status", "Status: 303 See Other\nLocation: /other\n\n",
       "303 See Other client [Location: /other] rest="},
      {"another host", "Location: http://example.org/\n\n",
       "302 client [Location: http://example.org/] rest="},
      {"network path", "Location: //example.org/\n\n",
       "302 client [Location: //example.org/] rest="},
      {"created", "Status: 201\nLocation: /new\nContent-Type: a/b\n\n",
       "201 client [Location: /new] [Content-Type: a/b] rest="},
  });
}

TEST_CASE("CgiHeadParser drops what the server says itself and what is for one connection") {
  check({{"all of them",
          "Connection: close\nKeep-Alive: x\nProxy-Connection: x\nTE: x\nTrailer: x\n"
          "Transfer-Encoding: chunked\nUpgrade: x\nDate: x\nServer: x\nStatus: 200\nX-Own: y\n\n",
          "200 [X-Own: y] rest="},
         {"what Connection names",
          "Status: 200\nX-Foo: 1\nConnection: x-foo, close\nX-Bar: 2\nX-FOO: 3\nX-Fo: 4\n\n",
          "200 [X-Bar: 2] [X-Fo: 4] rest="},
         {"what several of them name",
          "Connection: ,\tX-A ,\nConnection: X-B\nStatus: 200\nX-A: 1\nX-B: 2\nX-C: 3\n\n",
          "200 [X-C: 3] rest="},
         {"names that mean something to us all the same",
          "Connection: Status, Content-Length\nStatus: 201\nContent-Length: 5\n\n",
          "201 length=5 rest="}});
}

TEST_CASE("CgiHeadParser refuses what is no head") {
  using namespace std::string_literals;
  const std::string type = "Content-Type: a/b\n";
  const std::string twice = "a field that may come once comes twice";
  const std::string field_value = "invalid octet in a field value";
  check_faults({
      {"nothing but an empty line", "\nbody", "no Content-Type, Location or Status"},
      {"no field that counts", "X-A: b\n\nbody", "no Content-Type, Location or Status"},
      {"no head at all", "<html>\n<body>\n\n", "invalid octet in a field name"},
      {"a line without a colon", type + "hello\n\n", "field line without a colon"},
      {"folded", type + " more\n\n", "folded field line"},
      {"folded first line", " " + type + "\n", "folded field line"},
      {"space in a name", "Content Type: a/b\n\n", "white space before the colon"},
      {"space before the colon", "Content-Type : a/b\n\n", "white space before the colon"},
      {"empty name", ": x\n" + type + "\n", "empty field name"},
      {"bare CR in a value", type + "X: a\rb\n\n", field_value},
      {"two CR", "Content-Type: a/b\r\r\n\n", field_value},
      {"NUL", type + "X: a\0b\n\n"s, field_value},
      {"control octet", type + "X: a\x01\n\n", field_value},
      {"DEL", type + "X: a\x7f\n\n", field_value},
      {"two types", type + type + "\n", twice},
      {"two types in another case", type + "CONTENT-TYPE: a/b\n\n", twice},
      {"two statuses", "Status: 200\nStatus: 200\n\n", twice},
      {"status line and status", "HTTP/1.1 200 OK\nStatus: 200\n\n", twice},
      {"two locations", "Location: /\nLocation: /\n\n", twice},
      {"two lengths", type + "Content-Length: 1\nContent-Length: 1\n\n", twice},
      {"empty type", "Content-Type: \n\n", "a field without its value"},
      {"empty location", "Location:\n\n", "a field without its value"},
      {"empty status", type + "Status:\n\n", "a field without its value"},
      {"signed length", type + "Content-Length: -1\n\n", "invalid Content-Length"},
      {"length in words", type + "Content-Length: five\n\n", "invalid Content-Length"},
      {"list of lengths", type + "Content-Length: 5, 5\n\n", "invalid Content-Length"},
      {"endless length", type + "Content-Length: 99999999999999999999\n\n",
       "invalid Content-Length"},
      {"interim status", "Status: 100 Continue\n\n", "invalid status"},
      {"switching protocols", "Status: 101 Switching\n\n", "invalid status"},
      {"status too high", "Status: 600\n\n", "invalid status"},
      {"two digits", "Status: 20\n\n", "invalid status"},
      {"four digits", "Status: 2000\n\n", "invalid status"},
      {"no space behind", "Status: 200OK\n\n", "invalid status"},
      {"words only", "Status: OK\n\n", "invalid status"},
      {"tab in the phrase", "Status: 200 O\tK\n\n", "invalid status"},
      {"status line of another version", "HTTP/2.0 200 OK\n" + type + "\n", "invalid status line"},
      {"status line without a status", "HTTP/1.1\n" + type + "\n", "invalid status line"},
      {"status line with an interim status", "HTTP/1.1 100 Continue\n\n", "invalid status"},
      {"CR in the status line", "HTTP/1.1 200 O\rK\n\n", "invalid status"},
      {"too many fields", type + fields(200) + "\n", "more than 200 fields"},
      {"no line end", std::string(70'000, 'x'), "head longer than 64 KiB"},
      {"too long", type + "X: " + std::string(70'000, 'x') + "\n\n", "head longer than 64 KiB"},
  });
}

TEST_CASE("CgiHeadParser takes a head up to its limits") {
  CHECK(read_in_pieces("Status: 200\n" + fields(199) + "\n", 100).starts_with("200 [X-0: v]"));
  CHECK(
      read_in_pieces("HTTP/1.1 200 OK\n" + fields(200) + "\n", 100).starts_with("200 OK [X-0: v]"));
  const std::string start = "Status: 200\nX: ";
  const std::string most =
      start + std::string(CgiHeadParser::kMaxBytes - start.size() - 2, 'x') + "\n\n";
  REQUIRE(most.size() == CgiHeadParser::kMaxBytes);
  CHECK(read_in_pieces(most + std::string(5, 'b'), most.size() + 5).ends_with("rest=bbbbb"));
  CHECK(read_in_pieces(start + std::string(CgiHeadParser::kMaxBytes, 'x') + "\n\n", 4096) ==
        "fault: head longer than 64 KiB");
}

TEST_CASE("a long body behind the head does not count for it") {
  const std::string body(200'000, 'b');
  CHECK(read_in_pieces("Status: 200\n\n" + body, 300'000) == "200 rest=" + body);
}

TEST_CASE("CgiHeadParser waits for an incomplete head") {
  CHECK(read_in_pieces("Content-Type: a/b\n", 1) == "incomplete");
  CHECK(read_in_pieces("Content-Type: a/b\nX", 1) == "incomplete");
  CHECK(read_in_pieces("Content-Type: a/b\n\r", 1) == "incomplete");
}

}  // namespace uvhttpd::wire
