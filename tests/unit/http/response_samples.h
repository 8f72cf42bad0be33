// SPDX-License-Identifier: MIT
// unit/http/response_samples.h: responses, right and wrong, with the events that a parser must make
// of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "response_events.h"

// Apart from the samples of requests, whose functions have the same names.
namespace uvhttpd::http::test::response {

using namespace std::string_literals;

struct Sample {
  std::string_view name;
  std::string bytes;
  Events events;
  Method method = Method::get;
  bool closes = false;  // the peer, after these octets
};

// Small, so that each limit is met by a short sample.
constexpr ResponseLimits kSampleLimits{.head_bytes = 512, .head_fields = 8};

inline std::string repeat(std::string_view text, std::size_t times) {
  std::string all;
  for (; times > 0; --times) all += text;
  return all;
}

inline const std::string kOk = "HTTP/1.1 200 OK\r\n";
inline const std::string kEmpty = "Content-Length: 0\r\n\r\n";
inline const std::string kEmptyEvent = " Content-Length=0";

// A status line by itself, in front of an empty body.
inline Sample line(std::string_view name, const std::string& status_line,
                   const std::string& event) {
  return {name, status_line + "\r\n" + kEmpty, {event + kEmptyEvent, "end"}};
}
inline Sample bad_line(std::string_view name, const std::string& status_line,
                       const std::string& fault = "malformed status line") {
  return {name, status_line + "\r\n" + kEmpty, {"error: " + fault}};
}
// A 200 with these field lines.
inline Sample bad_fields(std::string_view name, const std::string& fields,
                         const std::string& fault) {
  return {name, kOk + fields + "\r\n", {"error: " + fault}};
}
inline Sample chunked(std::string_view name, const std::string& body, Events events) {
  events.insert(events.begin(), "1.1 200 [OK] Transfer-Encoding=chunked chunked");
  return {name, kOk + "Transfer-Encoding: chunked\r\n\r\n" + body, std::move(events)};
}

inline std::vector<Sample> good_heads() {
  return {
      line("200", "HTTP/1.1 200 OK", "1.1 200 [OK]"),
      line("404", "HTTP/1.1 404 Not Found", "1.1 404 [Not Found]"),
      line("599", "HTTP/1.1 599 x", "1.1 599 [x]"),
      line("a status nobody knows", "HTTP/1.1 299 Fine", "1.1 299 [Fine]"),
      line("an empty reason", "HTTP/1.1 200 ", "1.1 200 []"),
      line("no reason and no space", "HTTP/1.1 200", "1.1 200 []"),
      line("a reason in UTF-8", "HTTP/1.1 200 sch\xc3\xb6n", "1.1 200 [sch\xc3\xb6n]"),
      line("a reason with tabs and spaces", "HTTP/1.1 200  a\tb ", "1.1 200 [ a\tb ]"),
      line("1.2 counts as 1.1", "HTTP/1.2 200 OK", "1.1 200 [OK]"),
      line("1.9 counts as 1.1", "HTTP/1.9 200 OK", "1.1 200 [OK]"),
      {"1.0", "HTTP/1.0 200 OK\r\n" + kEmpty, {"1.0 200 [OK]" + kEmptyEvent + " close", "end"}},
      {"1.0 that stays",
       "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n" + kEmpty,
       {"1.0 200 [OK] Connection=Keep-Alive" + kEmptyEvent, "end"}},
      {"close",
       kOk + "Connection: close\r\n" + kEmpty,
       {"1.1 200 [OK] Connection=close" + kEmptyEvent + " close", "end"}},
      {"close in a list and another case",
       kOk + "Connection: te,\tClose\r\n" + kEmpty,
       {"1.1 200 [OK] Connection=te,\tClose" + kEmptyEvent + " close", "end"}},
      {"close beats keep-alive",
       kOk + "Connection: keep-alive\r\nConnection: close\r\n" + kEmpty,
       {"1.1 200 [OK] Connection=keep-alive Connection=close" + kEmptyEvent + " close", "end"}},
      {"fields of one name stay apart and in order",
       kOk + "Set-Cookie: a=1\r\nX: y\r\nset-cookie: b=2\r\n" + kEmpty,
       {"1.1 200 [OK] Set-Cookie=a=1 X=y set-cookie=b=2" + kEmptyEvent, "end"}},
      {"white space around values",
       kOk + "A:\r\nB: \t \r\nC:c\r\nD: \t d e \t\r\n" + kEmpty,
       {"1.1 200 [OK] A= B= C=c D=d e" + kEmptyEvent, "end"}},
      {"colons in a value",
       kOk + "A: :b:\r\n" + kEmpty,
       {"1.1 200 [OK] A=:b:" + kEmptyEvent, "end"}},
      {"octets above ASCII in a value",
       kOk + "A: \xff\x80\r\n" + kEmpty,
       {"1.1 200 [OK] A=\xff\x80" + kEmptyEvent, "end"}},
      {"as many fields as may be",
       kOk + repeat("X: a\r\n", 7) + kEmpty,
       {"1.1 200 [OK]" + repeat(" X=a", 7) + kEmptyEvent, "end"}},
      {"a head as large as may be",
       kOk + "X: " + std::string(512 - 17 - 5 - 21, 'x') + "\r\n" + kEmpty,
       {"1.1 200 [OK] X=" + std::string(512 - 17 - 5 - 21, 'x') + kEmptyEvent, "end"}},
  };
}

inline std::vector<Sample> good_bodies() {
  return {
      {"a body",
       kOk + "Content-Length: 5\r\n\r\nhello",
       {"1.1 200 [OK] Content-Length=5 length:5", "\"hello\"", "end"}},
      {"a body with zeros before its length",
       kOk + "Content-Length: 005\r\n\r\nhello",
       {"1.1 200 [OK] Content-Length=005 length:5", "\"hello\"", "end"}},
      {"a body of line ends",
       kOk + "Content-Length: 4\r\n\r\n\r\n\r\n",
       {"1.1 200 [OK] Content-Length=4 length:4", "\"\r\n\r\n\"", "end"}},
      {"a body larger than the buffer",
       kOk + "Content-Length: 3000\r\n\r\n" + std::string(3000, 'x'),
       {"1.1 200 [OK] Content-Length=3000 length:3000", '"' + std::string(3000, 'x') + '"', "end"}},
      {"a body that is not complete",
       kOk + "Content-Length: 6\r\n\r\nhello",
       {"1.1 200 [OK] Content-Length=6 length:6", "\"hello\"", "more"}},
      {"a body and the end of the connection",
       kOk + "Content-Length: 5\r\n\r\nhello",
       {"1.1 200 [OK] Content-Length=5 length:5", "\"hello\"", "end"},
       Method::get,
       true},
      {"a connection that ends within a body",
       kOk + "Content-Length: 6\r\n\r\nhello",
       {"1.1 200 [OK] Content-Length=6 length:6", "\"hello\"",
        "error: the connection ended within the body"},
       Method::get,
       true},
      {"a connection that ends before a body",
       kOk + "Content-Length: 6\r\n\r\n",
       {"1.1 200 [OK] Content-Length=6 length:6", "error: the connection ended within the body"},
       Method::get,
       true},
      {"a body until the end of the connection",
       kOk + "\r\nhello",
       {"1.1 200 [OK] until-close close", "\"hello\"", "end"},
       Method::get,
       true},
      {"an empty body until the end of the connection",
       kOk + "\r\n",
       {"1.1 200 [OK] until-close close", "end"},
       Method::get,
       true},
      {"a body until an end that has not come",
       kOk + "\r\nhello",
       {"1.1 200 [OK] until-close close", "\"hello\"", "more"}},
      {"keep-alive does not keep what only the end delimits",
       "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello",
       {"1.0 200 [OK] Connection=keep-alive until-close close", "\"hello\"", "end"},
       Method::get,
       true},
      {"a body until the end, larger than the buffer",
       kOk + "\r\n" + std::string(3000, 'x'),
       {"1.1 200 [OK] until-close close", '"' + std::string(3000, 'x') + '"', "end"},
       Method::get,
       true},
      chunked("no chunk", "0\r\n\r\n", {"end"}),
      chunked("two chunks", "5\r\nhello\r\n1;a=b\r\n!\r\n0\r\n\r\n", {"\"hello!\"", "end"}),
      chunked("trailers", "1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n",
              {"\"x\"", "trailers A: b\r\nC:\r\n", "end"}),
      chunked("a chunk larger than the buffer",
              "bb8\r\n" + std::string(3000, 'x') + "\r\n0\r\n\r\n",
              {'"' + std::string(3000, 'x') + '"', "end"}),
      {"chunked in another case",
       kOk + "transfer-encoding: Chunked\r\n\r\n0\r\n\r\n",
       {"1.1 200 [OK] transfer-encoding=Chunked chunked", "end"}},
      {"chunked and close",
       kOk + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
       {"1.1 200 [OK] Transfer-Encoding=chunked Connection=close chunked close", "end"}},
  };
}

inline std::vector<Sample> good_bodiless() {
  return {
      {"HEAD with a length",
       kOk + "Content-Length: 5\r\n\r\n",
       {"1.1 200 [OK] Content-Length=5", "end"},
       Method::head},
      {"HEAD of a chunked representation",
       kOk + "Transfer-Encoding: chunked\r\n\r\n",
       {"1.1 200 [OK] Transfer-Encoding=chunked", "end"},
       Method::head},
      {"HEAD that says nothing of a body", kOk + "\r\n", {"1.1 200 [OK]", "end"}, Method::head},
      {"204", "HTTP/1.1 204 No Content\r\n\r\n", {"1.1 204 [No Content]", "end"}},
      {"204 of no octets",
       "HTTP/1.1 204 No Content\r\n" + kEmpty,
       {"1.1 204 [No Content]" + kEmptyEvent, "end"}},
      {"204 that announces a body",
       "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
       {"1.1 204 [No Content] Content-Length=5 close", "end"}},
      {"204 in chunks",
       "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       {"1.1 204 [No Content] Transfer-Encoding=chunked close", "end"}},
      {"304 with the length of the representation",
       "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
       {"1.1 304 [Not Modified] Content-Length=5", "end"}},
      {"304 of a chunked representation",
       "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
       {"1.1 304 [Not Modified] Transfer-Encoding=chunked", "end"}},
      {"304 that closes",
       "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n",
       {"1.1 304 [Not Modified] Connection=close close", "end"}},
      {"CONNECT that opens a tunnel",
       kOk + "\r\ntunnel",
       {"1.1 200 [OK] close", "end"},
       Method::connect},
      {"CONNECT that is refused",
       "HTTP/1.1 403 No\r\nContent-Length: 1\r\n\r\nx",
       {"1.1 403 [No] Content-Length=1 length:1", "\"x\"", "end"},
       Method::connect},
      {"101",
       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x01x",
       {"1.1 101 [Switching Protocols] Upgrade=websocket upgraded close", "end"}},
  };
}

inline std::vector<Sample> several() {
  const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  const std::string go_on_event = "interim 1.1 100 [Continue]";
  std::vector<Sample> samples = {
      {"100 and the response",
       go_on + kOk + kEmpty,
       {go_on_event, "1.1 200 [OK]" + kEmptyEvent, "end"}},
      {"100 alone", go_on, {go_on_event, "more"}},
      {"100 and the end of the connection",
       go_on,
       {go_on_event, "error: the connection ended before the end of the response head"},
       Method::get,
       true},
      {"103 with fields",
       "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + kOk + kEmpty,
       {"interim 1.1 103 [Early Hints] Link=</a>", "1.1 200 [OK]" + kEmptyEvent, "end"}},
      {"199 without a reason",
       "HTTP/1.1 199\r\n\r\n" + kOk + kEmpty,
       {"interim 1.1 199 []", "1.1 200 [OK]" + kEmptyEvent, "end"}},
      {"100 and 101",
       go_on + "HTTP/1.1 101 x\r\n\r\n",
       {go_on_event, "1.1 101 [x] upgraded close", "end"}},
      {"100 before a HEAD's response",
       go_on + kOk + "Content-Length: 5\r\n\r\n",
       {go_on_event, "1.1 200 [OK] Content-Length=5", "end"},
       Method::head},
      {"two responses with bodies",
       kOk + "Content-Length: 1\r\n\r\na" + kOk + "Content-Length: 1\r\n\r\nb",
       {"1.1 200 [OK] Content-Length=1 length:1", "\"a\"", "end",
        "1.1 200 [OK] Content-Length=1 length:1", "\"b\"", "end"}},
      {"a response behind trailers",
       kOk + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n" + kOk + kEmpty,
       {"1.1 200 [OK] Transfer-Encoding=chunked chunked", "trailers A: b\r\n", "end",
        "1.1 200 [OK]" + kEmptyEvent, "end"}},
      {"100s before each of two responses",
       repeat(go_on + kOk + kEmpty, 2),
       {go_on_event, "1.1 200 [OK]" + kEmptyEvent, "end", go_on_event, "1.1 200 [OK]" + kEmptyEvent,
        "end"}},
      {"nothing is read behind a response that closes",
       kOk + "Connection: close\r\n" + kEmpty + "rubbish",
       {"1.1 200 [OK] Connection=close" + kEmptyEvent + " close", "end"}},
  };
  const Events sixteen(kMaxInterim, go_on_event);
  Sample most{"as many 100s as may be", repeat(go_on, kMaxInterim) + kOk + kEmpty, sixteen};
  most.events.insert(most.events.end(), {"1.1 200 [OK]" + kEmptyEvent, "end"});
  samples.push_back(std::move(most));
  Sample more{"one 100 too many", repeat(go_on, kMaxInterim + 1) + kOk + kEmpty, sixteen};
  more.events.emplace_back("error: too many interim responses");
  samples.push_back(std::move(more));
  return samples;
}

inline std::vector<Sample> bad_status_lines() {
  const std::string version = "HTTP version not supported";
  const std::string status = "invalid status code";
  const std::string reason = "invalid octet in the reason phrase";
  const std::string empty_line = "empty line before the response";
  return {
      {"a line end before", "\r\n" + kOk + kEmpty, {"error: " + empty_line}},
      {"a bare LF before", "\n" + kOk + kEmpty, {"error: " + empty_line}},
      bad_line("a space before", " HTTP/1.1 200 OK"),
      bad_line("NUL before", "\0HTTP/1.1 200 OK"s),
      bad_line("no HTTP at all", "SSH-2.0-OpenSSH_9.2"),
      bad_line("HTTP/0.9", "<html>"),
      bad_line("a request", "GET / HTTP/1.1"),
      bad_line("another case", "http/1.1 200 OK"),
      bad_line("another protocol", "ICY 200 OK"),
      bad_line("a Status field", "Status: 200 OK"),
      bad_line("2.0", "HTTP/2.0 200 OK", version),
      bad_line("2", "HTTP/2 200 OK", version),
      bad_line("0.9", "HTTP/0.9 200 OK", version),
      bad_line("no minor version", "HTTP/1 200 OK"),
      bad_line("a minor version of two digits", "HTTP/1.10 200 OK"),
      bad_line("a major version of two digits", "HTTP/11.1 200 OK"),
      bad_line("a version that is no number", "HTTP/1.x 200 OK"),
      bad_line("no status", "HTTP/1.1"),
      bad_line("two spaces before the status", "HTTP/1.1  200 OK", status),
      bad_line("a tab before the status", "HTTP/1.1\t200 OK"),
      bad_line("a status of two digits", "HTTP/1.1 20 OK", status),
      bad_line("a status of four digits", "HTTP/1.1 2000 OK", status),
      bad_line("a status with a sign", "HTTP/1.1 +20 OK", status),
      bad_line("a status that is no number", "HTTP/1.1 OK", status),
      bad_line("a status in hexadecimal digits", "HTTP/1.1 2aa OK", status),
      bad_line("a status below 100", "HTTP/1.1 099 x", status),
      bad_line("status 000", "HTTP/1.1 000 x", status),
      bad_line("a status above 599", "HTTP/1.1 600 x", status),
      bad_line("status 999", "HTTP/1.1 999 x", status),
      bad_line("a tab behind the status", "HTTP/1.1 200\tOK", status),
      bad_line("a reason without a space", "HTTP/1.1 200OK", status),
      bad_line("NUL in the reason", "HTTP/1.1 200 O\0K"s, reason),
      bad_line("DEL in the reason", "HTTP/1.1 200 O\x7fK", reason),
      bad_line("an escape in the reason", "HTTP/1.1 200 \x1b[2J", reason),
      bad_line("a bare CR in the reason", "HTTP/1.1 200 O\rK", "bare CR"),
      bad_line("a bare LF in the reason", "HTTP/1.1 200 O\nK", "bare LF"),
      bad_line("a bare CR behind the status", "HTTP/1.1 200\rK", "bare CR"),
      bad_line("a bare LF behind the status", "HTTP/1.1 200\nK", status),
      {"a bare LF behind the status line", "HTTP/1.1 200 OK\n" + kEmpty, {"error: bare LF"}},
      {"CR CR LF behind the status line", "HTTP/1.1 200 OK\r\r\n" + kEmpty, {"error: bare CR"}},
      {"a status line that has begun", "HTTP/1.1 20", {"more"}},
      {"a status line without its end", "HTTP/1.1 200 OK", {"more"}},
      {"a status line too long",
       "HTTP/1.1 200 " + std::string(512, 'x'),
       {"error: response head too large"}},
      {"a connection that ends within the status line",
       "HTTP/1.1 20",
       {"error: the connection ended before the end of the response head"},
       Method::get,
       true},
  };
}

inline std::vector<Sample> bad_heads() {
  const std::string large = "response head too large";
  return {
      bad_fields("a folded line", "X: a\r\n b\r\n", "folded field line"),
      bad_fields("a line folded with a tab", "X: a\r\n\tb\r\n", "folded field line"),
      bad_fields("a fold before the first field", " X: a\r\n", "folded field line"),
      bad_fields("a line of white space", "X: a\r\n \r\n", "folded field line"),
      bad_fields("a space before the colon", "X : a\r\n", "white space before the colon"),
      bad_fields("a tab before the colon", "X\t: a\r\n", "white space before the colon"),
      bad_fields("no colon", "X\r\n", "field line without a colon"),
      bad_fields("an empty name", ": a\r\n", "empty field name"),
      bad_fields("a name that is no token", "X(: a\r\n", "invalid octet in a field name"),
      bad_fields("a name above ASCII", "\xc3\xa4: a\r\n", "invalid octet in a field name"),
      bad_fields("NUL in a name", "X\0Y: a\r\n"s, "invalid octet in a field name"),
      bad_fields("NUL in a value", "X: a\0b\r\n"s, "invalid octet in a field value"),
      bad_fields("DEL in a value", "X: a\x7f\r\n", "invalid octet in a field value"),
      bad_fields("a bare CR in a value", "X: a\rb\r\n", "bare CR"),
      bad_fields("a bare CR behind a value", "X: a\r\r\n", "bare CR"),
      bad_fields("a bare LF behind a value", "X: a\nY: b\r\n", "bare LF"),
      {"a bare LF at the end", kOk + "X: a\r\n\n", {"error: bare LF"}},
      {"a bare CR at the end", kOk + "X: a\r\n\rx", {"error: bare CR"}},
      {"a head that has no end", kOk + "X: a\r\n", {"more"}},
      {"a connection that ends within the head",
       kOk + "X: a\r\n",
       {"error: the connection ended before the end of the response head"},
       Method::get,
       true},
      bad_fields("one field too many", repeat("X: a\r\n", 9), "too many fields"),
      {"a head of one octet too many",
       kOk + "X: " + std::string(512 - 17 - 5 - 2 + 1, 'x') + "\r\n\r\n",
       {"error: " + large}},
      {"a head that never ends", kOk + "X: " + std::string(1000, 'x'), {"error: " + large}},
      {"a bare CR behind the head's room",
       kOk + "X: " + std::string(600, 'x') + "\rx\r\n",
       {"error: " + large}},
      bad_fields("a length and chunked", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                 "two body lengths"),
      bad_fields("chunked and a length", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
                 "two body lengths"),
      bad_fields("two lengths that differ", "Content-Length: 5\r\nContent-Length: 6\r\n",
                 "more than one Content-Length"),
      bad_fields("one length twice", "Content-Length: 5\r\ncontent-length: 5\r\n",
                 "more than one Content-Length"),
      bad_fields("one length twice in a list", "Content-Length: 5, 5\r\n",
                 "invalid Content-Length"),
      bad_fields("a length with a sign", "Content-Length: +5\r\n", "invalid Content-Length"),
      bad_fields("a negative length", "Content-Length: -1\r\n", "invalid Content-Length"),
      bad_fields("an empty length", "Content-Length:\r\n", "invalid Content-Length"),
      bad_fields("a length in hexadecimal digits", "Content-Length: 0x5\r\n",
                 "invalid Content-Length"),
      bad_fields("a length one above the largest", "Content-Length: 18446744073709551616\r\n",
                 "invalid Content-Length"),
      bad_fields("gzip and chunked", "Transfer-Encoding: gzip, chunked\r\n",
                 "unknown transfer coding"),
      bad_fields("gzip alone", "Transfer-Encoding: gzip\r\n",
                 "chunked is not the last transfer coding"),
      bad_fields("identity", "Transfer-Encoding: identity\r\n",
                 "chunked is not the last transfer coding"),
      bad_fields("chunked twice", "Transfer-Encoding: chunked, chunked\r\n",
                 "chunked is not the last transfer coding"),
      bad_fields("chunked that is not last", "Transfer-Encoding: chunked, gzip\r\n",
                 "chunked is not the last transfer coding"),
      bad_fields("something like chunked", "Transfer-Encoding: xchunked\r\n",
                 "chunked is not the last transfer coding"),
      bad_fields("no coding", "Transfer-Encoding:\r\n", "empty Transfer-Encoding"),
      {"chunked in 1.0",
       "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       {"error: Transfer-Encoding in HTTP/1.0"}},
      {"100 with a length",
       "HTTP/1.1 100 x\r\n" + kEmpty,
       {"error: a body in an interim response"}},
      {"103 in chunks",
       "HTTP/1.1 103 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       {"error: a body in an interim response"}},
      {"101 with a length",
       "HTTP/1.1 101 x\r\nContent-Length: 5\r\n\r\nhello",
       {"error: a body in an interim response"}},
      {"HEAD with two lengths",
       kOk + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
       {"error: more than one Content-Length"},
       Method::head},
      {"304 with a length and chunked",
       "HTTP/1.1 304 x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
       {"error: two body lengths"}},
      {"octets between two responses",
       kOk + kEmpty + "x" + kOk + kEmpty,
       {"1.1 200 [OK]" + kEmptyEvent, "end", "error: malformed status line"}},
      {"a line end between two responses",
       kOk + kEmpty + "\r\n" + kOk + kEmpty,
       {"1.1 200 [OK]" + kEmptyEvent, "end", "error: empty line before the response"}},
      {"a body behind a HEAD's response",
       kOk + "Content-Length: 5\r\n\r\nhello",
       {"1.1 200 [OK] Content-Length=5", "end", "error: malformed status line"},
       Method::head},
  };
}

inline std::vector<Sample> bad_bodies() {
  return {
      chunked("a chunk size that is no number", "x\r\n", {"error: invalid chunk size"}),
      chunked("a chunk size that wraps round", "10000000000000005\r\nhello\r\n",
              {"error: invalid chunk size"}),
      chunked("a chunk longer than its size", "4\r\nhello\r\n0\r\n\r\n",
              {"\"hell\"", "error: chunk longer than its size"}),
      chunked("a bare LF behind a chunk size", "5\nhello\r\n0\r\n\r\n",
              {"error: bare LF in a chunked body"}),
      chunked("a chunk line that is too long", "0;" + std::string(1021, 'x') + "\r\n\r\n",
              {"error: chunk size line too long"}),
      chunked("a folded trailer", "0\r\nX: a\r\n b\r\n\r\n", {"error: folded field line"}),
      chunked("one trailer too many", "0\r\n" + repeat("X: a\r\n", 9) + "\r\n",
              {"error: too many trailer fields"}),
      chunked("trailers that are too large", "0\r\nX: " + std::string(900, 'x'),
              {"error: trailer section too large"}),
      chunked("chunks that have no end", "5\r\nhello\r\n", {"\"hello\"", "more"}),
      {"a connection that ends within a chunk",
       kOk + "Transfer-Encoding: chunked\r\n\r\n6\r\nhello",
       {"1.1 200 [OK] Transfer-Encoding=chunked chunked", "\"hello\"",
        "error: the connection ended within the body"},
       Method::get,
       true},
      {"a connection that ends without a last chunk",
       kOk + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
       {"1.1 200 [OK] Transfer-Encoding=chunked chunked", "\"hello\"",
        "error: the connection ended within the body"},
       Method::get,
       true},
      {"a connection that ends before the trailers do",
       kOk + "Transfer-Encoding: chunked\r\n\r\n0\r\n",
       {"1.1 200 [OK] Transfer-Encoding=chunked chunked",
        "error: the connection ended within the body"},
       Method::get,
       true},
  };
}

inline std::vector<Sample> all_samples() {
  std::vector<Sample> all;
  for (auto* part :
       {good_heads, good_bodies, good_bodiless, several, bad_status_lines, bad_heads, bad_bodies}) {
    for (Sample& sample : part()) all.push_back(std::move(sample));
  }
  return all;
}

}  // namespace uvhttpd::http::test::response
