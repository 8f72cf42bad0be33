// SPDX-License-Identifier: MIT
// unit/server/connection_client_test.cpp: who the client is, where proxies stand before us.
#include <doctest/doctest.h>

#include "io/proxy_protocol.h"
#include "server/trusted_proxies.h"
#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

PeerAddress address(std::string_view ip, std::uint16_t port = 0) {
  std::optional<PeerAddress> parsed = PeerAddress::parse(ip);
  REQUIRE(parsed.has_value());
  parsed->port = port;
  return *parsed;
}

std::shared_ptr<config::Listener> listener() { return std::make_shared<config::Listener>(); }
std::shared_ptr<const config::Listener> of_proxy_protocol() {
  auto made = listener();
  made->proxy_protocol = true;
  return made;
}

void trust(config::Listener& listener, std::string_view ip, unsigned bits) {
  const PeerAddress base = address(ip);
  listener.trusted_proxies.push_back({base.kind == PeerAddress::Kind::ipv6, base.ip, bits});
}

// Answers with who asked whom through whom.
Fakes telling() {
  return {{"tell", {[](Exchange& exchange) {
             const Request& request = exchange.request();
             respond_with(exchange, request.client.text() + " " +
                                        std::to_string(request.client.port) + " " +
                                        request.server.text() + " " + request.peer.text() + " " +
                                        std::string(request.scheme) +
                                        (request.peer_is_trusted ? " trusted" : ""));
           }}}};
}
const std::string kSite = "[[site]]\n" + route("/*", "tell");
// The test's client is 192.0.2.7, port 4711.
PeerAddress real_client() { return address("203.0.113.9", 5000); }
PeerAddress real_server() { return address("198.51.100.1", 443); }

TEST_CASE("A PROXY protocol header names client and server, however it is cut") {
  for (const unsigned version : {1u, 2u}) {
    const std::string bytes =
        encode_proxy_header(version, real_client(), real_server()) + get("/") + get("/");
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      CAPTURE(version);
      CAPTURE(cut);
      TestServer server(kSite, telling());
      TestClient client(
          server, bytes.substr(0, cut), [](Wire&) {}, of_proxy_protocol());
      client.send(bytes.substr(cut));
      const std::vector<Answer> answers = answers_in(client.take());
      REQUIRE(answers.size() == 2);
      for (const Answer& answer : answers) {
        CHECK(answer.body == "203.0.113.9 5000 198.51.100.1 192.0.2.7 http");
      }
    }
  }
}

TEST_CASE("A proxy that speaks for itself is the client") {
  for (const unsigned version : {1u, 2u}) {
    CAPTURE(version);
    TestServer server(kSite, telling());
    TestClient client(
        server, encode_proxy_header(version, {}, {}) + get("/"), [](Wire&) {}, of_proxy_protocol());
    CHECK(answer_in(client.take()).body == "192.0.2.7 4711 192.0.2.7 192.0.2.7 http");
  }
}

TEST_CASE("Without its PROXY protocol header a connection is closed without a word") {
  TestServer server(kSite, telling());
  SUBCASE("a request") {
    TestClient client(
        server, get("/"), [](Wire&) {}, of_proxy_protocol());
    CHECK(client.is_closed());
    CHECK(client.take().empty());
  }
  SUBCASE("the end") {
    TestClient client(
        server, "PROXY TCP4", [](Wire&) {}, of_proxy_protocol());
    CHECK_FALSE(client.is_closed());
    client.end();
    CHECK(client.is_closed());
    CHECK(client.take().empty());
  }
  SUBCASE("an end without a word") {
    TestClient client(
        server, "", [](Wire&) {}, of_proxy_protocol());
    client.end();
    CHECK(client.is_closed());
  }
  CHECK(server.error_log().find("no header from 192.0.2.7") != std::string::npos);
  CHECK(server.connections() == 0);
}

TEST_CASE("A PROXY protocol header has head_timeout") {
  TestServer server("[limits]\nhead_timeout = \"30ms\"\n" + kSite, telling());
  TestClient client(
      server, "PROXY TCP4", [](Wire&) {}, of_proxy_protocol());
  REQUIRE(server.wait_until([&] { return client.is_closed(); }));
  CHECK(client.take().empty());
}

TEST_CASE("A client that goes, or a server that drains, ends the wait for a PROXY header") {
  TestServer server(kSite, telling());
  TestClient client(
      server, "", [](Wire&) {}, of_proxy_protocol());
  SUBCASE("the client goes") { client.go_away(); }
  SUBCASE("the server drains") {
    server.context.draining = true;
    client.connection().drain();
  }
  CHECK(server.wait_until([&] { return client.is_closed(); }));
}

TEST_CASE("On other listeners a PROXY protocol header is no request") {
  TestServer server(kSite, telling());
  TestClient client(server, encode_proxy_header(1, real_client(), real_server()) + get("/"));
  CHECK(answer_in(client.take()).status >= 400);
}

TEST_CASE("The client behind a PROXY header is the one that connections_per_ip counts") {
  ConnectionQuota quota;
  quota.set_limits(10, 1);
  TestServer server(kSite, telling());
  server.context.quota = &quota;
  const auto connect = [&](const PeerAddress& from) {
    return std::make_unique<TestClient>(
        server, encode_proxy_header(1, from, real_server()) + get("/"), [](Wire&) {},
        of_proxy_protocol());
  };
  const auto first = connect(real_client());
  CHECK(answer_in(first->take()).status == 200);
  const auto second = connect(real_client());
  CHECK(answer_in(second->take()).status == 503);
  const auto other = connect(address("203.0.113.10", 1));
  CHECK(answer_in(other->take()).status == 200);
  second->end();
  CHECK(second->is_closed());
  // The one turned away has not taken the first one's place along.
  const auto third = connect(real_client());
  CHECK(answer_in(third->take()).status == 503);
  third->end();
  first->end();
  const auto fourth = connect(real_client());
  CHECK(answer_in(fourth->take()).status == 200);
  CHECK(quota.count() == 2);
  fourth->end();
  other->end();
  CHECK(quota.count() == 0);
}

// What is believed of one request that came from 192.0.2.7, for a listener that trusts it and
// 10.0.0.0/8.
std::string believed(std::string_view fields) {
  auto rules = listener();
  trust(*rules, "192.0.2.7", 32);
  trust(*rules, "10.0.0.0", 8);
  trust(*rules, "2001:db8::", 32);
  TestServer server(kSite, telling());
  TestClient client(
      server, get("/", fields), [](Wire&) {}, rules);
  const std::string body = answer_in(client.take()).body;
  CHECK(body.ends_with(" trusted"));
  const std::size_t scheme = body.rfind(" http");
  return body.substr(0, body.find(' ', body.find(' ') + 1)) +
         body.substr(scheme, body.find(' ', scheme + 1) - scheme);
}

TEST_CASE("A trusted proxy's fields tell client and scheme") {
  struct Row {
    const char* name;
    const char* fields;
    const char* expected;
  };
  static constexpr Row kRows[] = {
      {"nothing said", "", "192.0.2.7 4711 http"},
      {"a client", "X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9 0 http"},
      {"a client with its port", "X-Forwarded-For: 203.0.113.9:81\r\n", "203.0.113.9 0 http"},
      {"an IPv6 client", "X-Forwarded-For: 2001:db9::1\r\n", "2001:db9::1 0 http"},
      {"an IPv6 client with its port", "X-Forwarded-For: [2001:db9::1]:81\r\n",
       "2001:db9::1 0 http"},
      {"a scheme", "X-Forwarded-Proto: HTTPS\r\n", "192.0.2.7 4711 https"},
      {"another scheme", "X-Forwarded-Proto: gopher\r\n", "192.0.2.7 4711 http"},
      {"both", "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n",
       "203.0.113.9 0 https"},
      {"what the client claims itself", "X-Forwarded-For: 198.51.100.66, 203.0.113.9\r\n",
       "203.0.113.9 0 http"},
      {"what the client claims in a line of its own",
       "X-Forwarded-For: 198.51.100.66\r\nX-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9 0 http"},
      {"trusted hops", "X-Forwarded-For: 1.2.3.4, 203.0.113.9, 10.1.2.3,10.0.0.1\r\n",
       "203.0.113.9 0 http"},
      {"a trusted IPv6 hop", "X-Forwarded-For: 203.0.113.9, 2001:db8::7\r\n", "203.0.113.9 0 http"},
      {"none but trusted hops", "X-Forwarded-For: 10.0.0.2, 10.0.0.1\r\n", "10.0.0.2 0 http"},
      {"an unknown client", "X-Forwarded-For: 203.0.113.9, unknown, 10.0.0.1\r\n",
       "10.0.0.1 0 http"},
      {"nonsense", "X-Forwarded-For: 203.0.113.9, [::, 1.2.3\r\n", "192.0.2.7 4711 http"},
      {"the scheme of the client's hop",
       "X-Forwarded-For: 203.0.113.9, 10.0.0.1\r\nX-Forwarded-Proto: https, http\r\n",
       "203.0.113.9 0 https"},
      {"a scheme that the client claims",
       "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https, http\r\n", "203.0.113.9 0 http"},
      {"Forwarded", "Forwarded: for=203.0.113.9;proto=https\r\n", "203.0.113.9 0 https"},
      {"Forwarded with an IPv6 client", "Forwarded: for=\"[2001:db9::1]:81\"\r\n",
       "2001:db9::1 0 http"},
      {"Forwarded with hops",
       "Forwarded: for=1.2.3.4, for=203.0.113.9;proto=https\r\n"
       "Forwarded: for=10.0.0.1;proto=http\r\n",
       "203.0.113.9 0 https"},
      {"Forwarded with a hidden client", "Forwarded: for=_hidden;proto=https\r\n",
       "192.0.2.7 4711 https"},
      {"Forwarded without a scheme", "Forwarded: for=203.0.113.9\r\nX-Forwarded-Proto: https\r\n",
       "203.0.113.9 0 https"},
      {"Forwarded and the other", "Forwarded: for=203.0.113.9\r\nX-Forwarded-For: 203.0.113.9\r\n",
       "203.0.113.9 0 http"},
      {"Forwarded and the other as IPv6",
       "Forwarded: for=203.0.113.9\r\nX-Forwarded-For: ::ffff:203.0.113.9\r\n",
       "203.0.113.9 0 http"},
      {"an empty Forwarded", "Forwarded:\r\nX-Forwarded-For: 203.0.113.9\r\n",
       "203.0.113.9 0 http"},
      {"an empty X-Forwarded-For", "Forwarded: for=203.0.113.9\r\nX-Forwarded-For:\r\n",
       "203.0.113.9 0 http"},
      {"Forwarded that names nobody",
       "Forwarded: proto=https;host=a\r\nX-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9 0 https"},
      {"Forwarded that says less",
       "Forwarded: for=10.0.0.1\r\nX-Forwarded-For: 203.0.113.9, 10.0.0.1\r\n",
       "203.0.113.9 0 http"},
      {"X-Forwarded-For that says less",
       "Forwarded: for=203.0.113.9, for=10.0.0.1\r\nX-Forwarded-For: 10.0.0.1\r\n",
       "203.0.113.9 0 http"},
      {"an empty X-Forwarded-Proto", "X-Forwarded-Proto: ,\r\n", "192.0.2.7 4711 http"},
      {"one scheme for several hops",
       "X-Forwarded-For: 203.0.113.9, 10.0.0.1\r\nX-Forwarded-Proto: https\r\n",
       "203.0.113.9 0 https"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    CHECK(believed(row.fields) == row.expected);
  }
}

TEST_CASE("Where Forwarded and X-Forwarded-For name different clients, neither is believed") {
  for (const char* fields : {"Forwarded: for=203.0.113.9\r\nX-Forwarded-For: 1.2.3.4\r\n",
                             "Forwarded: for=203.0.113.9, for=10.0.0.1\r\n"
                             "X-Forwarded-For: 1.2.3.4, 10.0.0.1\r\n",
                             "Forwarded: for=10.0.0.2\r\nX-Forwarded-For: 10.0.0.1\r\n"}) {
    CAPTURE(fields);
    auto rules = listener();
    trust(*rules, "192.0.2.7", 32);
    trust(*rules, "10.0.0.0", 8);
    TestServer server(kSite, telling());
    TestClient client(
        server, get("/", fields), [](Wire&) {}, rules);
    CHECK(answer_in(client.take()).status == 400);
  }
}

TEST_CASE("Nobody hides behind a Forwarded that cannot be read") {
  auto rules = listener();
  SUBCASE("of a trusted peer") { trust(*rules, "192.0.2.7", 32); }
  SUBCASE("of any other, whose word is nothing anyway") {}
  for (const std::string fields :
       {"Forwarded: =\r\nForwarded: for=203.0.113.9\r\n", "Forwarded: =, for=203.0.113.9\r\n",
        "Forwarded: for=\"1.2.3.4\r\nX-Forwarded-For: 203.0.113.9\r\n"}) {
    CAPTURE(fields);
    TestServer server(kSite, telling());
    TestClient client(
        server, get("/", fields), [](Wire&) {}, rules);
    CHECK(answer_in(client.take()).status == (rules->trusted_proxies.empty() ? 200 : 400));
  }
}

TEST_CASE("Nobody else is believed") {
  const std::string fields = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n";
  auto rules = listener();
  SUBCASE("no listener's rules") { rules = nullptr; }
  SUBCASE("nobody trusted") {}
  SUBCASE("others trusted") { trust(*rules, "10.0.0.0", 8); }
  SUBCASE("Unix sockets trusted") { rules->trust_unix = true; }
  TestServer server(kSite, telling());
  TestClient client(
      server, get("/", fields), [](Wire&) {}, rules);
  CHECK(answer_in(client.take()).body == "192.0.2.7 4711 192.0.2.7 192.0.2.7 http");
}

TEST_CASE("Whom a PROXY header names may be a proxy that is trusted") {
  auto rules = listener();
  rules->proxy_protocol = true;
  trust(*rules, "10.0.0.0", 8);
  TestServer server(kSite, telling());
  TestClient client(
      server,
      encode_proxy_header(2, address("10.0.0.1", 1), real_server()) +
          get("/", "X-Forwarded-For: 203.0.113.9\r\n"),
      [](Wire&) {}, rules);
  CHECK(answer_in(client.take()).body == "203.0.113.9 0 198.51.100.1 192.0.2.7 http trusted");
}

TEST_CASE("Who is behind a Unix socket is believed with trust_unix alone") {
  Request request;
  request.peer.kind = request.client.kind = PeerAddress::Kind::unix_socket;
  const http::Field field{http::FieldName::x_forwarded_for, "X-Forwarded-For", "203.0.113.9"};
  request.head.fields = http::FieldList({&field, 1});
  auto rules = listener();
  Arena arena;
  CHECK(believe_proxies(request, *rules, arena).empty());
  CHECK_FALSE(request.peer_is_trusted);
  CHECK(request.client == request.peer);
  rules->trust_unix = true;
  CHECK(believe_proxies(request, *rules, arena).empty());
  CHECK(request.peer_is_trusted);
  CHECK(request.client == address("203.0.113.9"));
}

}  // namespace
}  // namespace uvhttpd::tests
