// SPDX-License-Identifier: MIT
// unit/handlers/http_codec_test.cpp: requests as a reverse proxy sends them on.
#include <doctest/doctest.h>

#include <array>

#include "handlers/http_codec.h"
#include "support/test_server.h"

namespace uvhttpd::tests {
namespace {

std::string octets_of(const SendQueue& queue) {
  std::array<iovec, 64> pieces;
  std::string all;
  const std::size_t count = queue.gather(pieces, SIZE_MAX);
  for (std::size_t i = 0; i < count; ++i) {
    all.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  }
  return all;
}

// What an upstream is sent of the request, which has no body or one of three octets.
std::string sent_on(const std::string& request,
                    const std::function<void(config::ProxyHandler&, config::Upstream&)>& change) {
  config::ProxyHandler rules;
  config::Upstream upstream;
  upstream.host = "10.0.0.2";
  upstream.port = 9000;
  upstream.text = "http://10.0.0.2:9000";
  change(rules, upstream);
  const HttpCodec::Settings settings(rules);
  std::string head = "not asked";
  TestServer server("[[site]]\n" + route("/*", "proxy"),
                    {{"proxy", {[&](Exchange& exchange) {
                        HttpCodec codec(settings, exchange);
                        SendQueue out;
                        codec.start(upstream);
                        GatewayBody body;
                        if (exchange.request().framing.body == http::Framing::Body::length) {
                          body = {GatewayBody::Kind::length, exchange.request().framing.length};
                        }
                        if (exchange.request().framing.body == http::Framing::Body::chunked) {
                          body = {GatewayBody::Kind::chunked, 0};
                        }
                        codec.encode_head(out, body);
                        head = octets_of(out);
                        exchange.fail(500, {});
                      }}}});
  TestClient client(server, request);
  return head;
}
std::string sent_on(const std::string& request) {
  return sent_on(request, [](config::ProxyHandler&, config::Upstream&) {});
}

const std::string kOrigin =
    "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: example.org\r\n"
    "Forwarded: for=192.0.2.7;host=example.org;proto=http\r\n";

TEST_CASE("Requests are sent on with what concerns the next connection alone") {
  struct Row {
    const char* name;
    const char* start;   // the request's method and target
    const char* fields;  // without Host
    const char* sent_start;
    const char* sent_fields;  // between Host and the origin
    const char* behind = "";  // the origin
  };
  const Row rows[] = {
      {"plain", "GET /a?b=c", "", "GET /a?b=c", "Via: 1.1 uvhttpd\r\n"},
      {"raw paths stay", "GET /a%2fb/%41//c..;x", "", "GET /a%2fb/%41//c..;x",
       "Via: 1.1 uvhttpd\r\n"},
      {"empty query", "GET /?", "", "GET /?", "Via: 1.1 uvhttpd\r\n"},
      {"absolute target", "GET http://example.org/x", "", "GET /x", "Via: 1.1 uvhttpd\r\n"},
      {"fields in their order", "GET /", "B: 2\r\nA: 1\r\nB: 3\r\n", "GET /",
       "B: 2\r\nA: 1\r\nB: 3\r\nVia: 1.1 uvhttpd\r\n"},
      {"connection fields", "GET /",
       "Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: a\r\nProxy-Connection: b\r\n"
       "Upgrade: h2c\r\nProxy-Authorization: c\r\nProxy: d\r\n",
       "GET /", "Via: 1.1 uvhttpd\r\n"},
      {"claims of the client", "GET /",
       "X-Forwarded-For: 1.1.1.1\r\nx_forwarded_for: 1\r\nX.Forwarded.For: 1\r\n"
       "Forwarded: for=1.1.1.1\r\nX-Real-IP: 1.1.1.1\r\nX-Forwarded-Prefix: /x\r\n"
       "X-Forwarded-Port: 1\r\n",
       "GET /", "Via: 1.1 uvhttpd\r\n"},
      {"vias", "GET /", "Via: 1.0 other\r\n", "GET /", "Via: 1.0 other\r\nVia: 1.1 uvhttpd\r\n"},
      {"a count of forwards", "OPTIONS /", "Max-Forwards: 10\r\n", "OPTIONS /",
       "Max-Forwards: 9\r\nVia: 1.1 uvhttpd\r\n"},
      {"a count that is none", "OPTIONS /", "Max-Forwards: -1\r\nMax-Forwards: 1x\r\n", "OPTIONS /",
       "Max-Forwards: -1\r\nMax-Forwards: 1x\r\nVia: 1.1 uvhttpd\r\n"},
      {"a count of another method", "GET /", "Max-Forwards: 0\r\n", "GET /",
       "Max-Forwards: 0\r\nVia: 1.1 uvhttpd\r\n"},
      {"trailers", "GET /", "TE: deflate, trailers\r\n", "GET /",
       "Via: 1.1 uvhttpd\r\nTE: trailers\r\nConnection: TE\r\n"},
      {"length", "POST /", "Content-Length: 03\r\n", "POST /", "Via: 1.1 uvhttpd\r\n",
       "Content-Length: 3\r\n"},
      {"chunked", "POST /", "Transfer-Encoding: chunked\r\n", "POST /", "Via: 1.1 uvhttpd\r\n",
       "Transfer-Encoding: chunked\r\n"},
      {"expectation", "POST /", "Expect: 100-continue\r\nContent-Length: 3\r\n", "POST /",
       "Via: 1.1 uvhttpd\r\n", "Content-Length: 3\r\nExpect: 100-continue\r\n"},
      {"websocket", "GET /",
       "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: a\r\n", "GET /",
       "Sec-WebSocket-Key: a\r\nVia: 1.1 uvhttpd\r\n",
       "Connection: Upgrade\r\nUpgrade: websocket\r\n"},
      {"websocket of a POST", "POST /",
       "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n", "POST /",
       "Via: 1.1 uvhttpd\r\n", "Content-Length: 3\r\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    CHECK(sent_on(std::string(row.start) + " HTTP/1.1\r\nHost: example.org\r\n" + row.fields +
                  "\r\n") == std::string(row.sent_start) + " HTTP/1.1\r\nHost: example.org\r\n" +
                                 row.sent_fields + kOrigin + row.behind + "\r\n");
  }
}

TEST_CASE("Targets lose the prefix and gain the base") {
  struct Row {
    const char* name;
    const char* prefix;
    const char* base;
    const char* target;
    const char* sent;
  };
  constexpr Row kRows[] = {
      {"base", "", "/base", "/a?b", "/base/a?b"},
      {"prefix", "/app", "", "/app/a%2Fb", "/a%2Fb"},
      {"prefix alone", "/app", "", "/app", "/"},
      {"prefix and slash", "/app", "", "/app/", "/"},
      {"both", "/app", "/base", "/app/x", "/base/x"},
      {"encoded prefix", "/app", "", "/%61pp/x", "/x"},
      {"prefix of other paths", "/app", "", "/apple", "/apple"},
      {"an encoded slash of other paths", "/app", "", "/a%2Fb", "/a%2Fb"},
      {"two slashes of other paths", "/app", "/base", "/a//b", "/base/a//b"},
      {"parameters of other paths", "/app", "", "/a;b", "/a;b"},
      {"the prefix behind two slashes", "/app", "", "//app/x", "/x"},
      {"dot segments of other paths", "/app", "", "/a%2Fb/../c", "/a/c"},
      {"prefix with a space", "/a b", "", "/a%20b/x", "/x"},
      {"dot segments", "/app", "/base", "/app/x/../y", "/base/y"},
      {"dot segments out", "/app", "/base", "/app/../app/y", "/base/y"},
      {"encoded dots", "/app", "/base", "/app/%2e%2e/app/y", "/base/y"},
      {"nothing to do", "", "", "/a%2Fb//c;d/.e/f..g/%25?h", "/a%2Fb//c;d/.e/f..g/%25?h"},
      {"dot segments alone", "", "", "/admin/../x/./y", "/x/y"},
      {"encoded dots alone", "", "", "/admin/%2E%2e/x", "/x"},
      {"a dot segment behind an encoded slash", "", "", "/admin/..%2fx", "/x"},
      {"dots behind two encodings", "", "", "/admin/%252e%252e/x", "/admin/%252e%252e/x"},
      {"dots behind a parameter", "", "", "/a/..;b/x", "/a/..%3Bb/x"},
  };
  for (const Row& row : kRows) {
    CAPTURE(std::string(row.name));
    const std::string head =
        sent_on("GET " + std::string(row.target) + " HTTP/1.1\r\nHost: example.org\r\n\r\n",
                [&](config::ProxyHandler& rules, config::Upstream& upstream) {
                  rules.strip_prefix = row.prefix;
                  upstream.base = row.base;
                });
    CHECK(head.substr(0, head.find("\r\n")) == "GET " + std::string(row.sent) + " HTTP/1.1");
  }
}

TEST_CASE("Fields of the configuration stand for those of the client") {
  const std::string head =
      sent_on("GET / HTTP/1.1\r\nHost: example.org\r\nX-Secret: 1\r\nx_a: 2\r\n\r\n",
              [](config::ProxyHandler& rules, config::Upstream&) {
                rules.set_headers = {{"Host", "inner"},
                                     {"X-Secret", ""},
                                     {"X-A", "{client} {upstream}"},
                                     {"X-Forwarded-For", "-"},
                                     {"Forwarded", ""}};
              });
  CHECK(head ==
        "GET / HTTP/1.1\r\nHost: inner\r\nVia: 1.1 uvhttpd\r\nX-Forwarded-Proto: http\r\n"
        "X-Forwarded-Host: example.org\r\nX-A: 192.0.2.7 http://10.0.0.2:9000\r\n"
        "X-Forwarded-For: -\r\n\r\n");
}

TEST_CASE("A request without a host has the upstream's") {
  const std::string head = sent_on("GET / HTTP/1.0\r\n\r\n");
  CHECK(head.find("\r\nHost: 10.0.0.2:9000\r\n") != std::string::npos);
  CHECK(head.find("X-Forwarded-Host") == std::string::npos);
  CHECK(head.find("\r\nVia: 1.0 uvhttpd\r\n") != std::string::npos);
}

TEST_CASE("The upstream's own name as Host has no scheme, and no request goes without one") {
  for (const char* value : {"{upstream}", ""}) {
    CAPTURE(std::string(value));
    const std::string head = sent_on("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
                                     [&](config::ProxyHandler& rules, config::Upstream&) {
                                       rules.set_headers = {{"Host", value}};
                                     });
    CHECK(head.find("\r\nHost: 10.0.0.2:9000\r\n") != std::string::npos);
  }
}

TEST_CASE("Pieces of a chunked body are chunks") {
  config::ProxyHandler rules;
  const HttpCodec::Settings settings(rules);
  config::Upstream upstream;
  std::string octets;
  TestServer server("[[site]]\n" + route("/*", "proxy"),
                    {{"proxy", {[&](Exchange& exchange) {
                        HttpCodec codec(settings, exchange);
                        SendQueue head;
                        SendQueue body;
                        codec.start(upstream);
                        codec.encode_head(head, {GatewayBody::Kind::chunked, 0});
                        codec.encode_body(body, std::string(26, 'x'));
                        codec.encode_body_end(body);
                        octets = octets_of(body);
                        exchange.fail(500, {});
                      }}}});
  TestClient client(server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(octets == "1a\r\n" + std::string(26, 'x') + "\r\n0\r\n\r\n");
}

}  // namespace
}  // namespace uvhttpd::tests
