// SPDX-License-Identifier: MIT
// unit/server/access_rules_test.cpp: whom allow and deny let in.
#include "server/access_rules.h"

#include <doctest/doctest.h>

#include <random>
#include <string_view>

#include "io/network.h"
#include "unit/server/addresses.h"
#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

struct Row {
  const char* name;
  config::Access access;
  const char* client;
  bool lets_in;
};

const Row kRows[] = {
    {"no rules", {}, "192.0.2.1", true},
    {"in a network of allow", {{network("10.0.0.0", 8)}, {}}, "10.255.255.255", true},
    {"before a network of allow", {{network("10.0.0.0", 8)}, {}}, "9.255.255.255", false},
    {"behind a network of allow", {{network("10.0.0.0", 8)}, {}}, "11.0.0.0", false},
    {"in a network of deny", {{}, {network("10.0.0.0", 8)}}, "10.0.0.0", false},
    {"behind a network of deny", {{}, {network("10.0.0.0", 8)}}, "11.0.0.0", true},
    {"in the longer one, of deny",
     {{network("10.0.0.0", 8)}, {network("10.1.0.0", 16)}},
     "10.1.2.3",
     false},
    {"behind the longer one, of deny",
     {{network("10.0.0.0", 8)}, {network("10.1.0.0", 16)}},
     "10.2.0.0",
     true},
    {"in the longer one, of allow",
     {{network("10.1.0.0", 16)}, {network("10.0.0.0", 8)}},
     "10.1.2.3",
     true},
    {"behind the longer one, of allow",
     {{network("10.1.0.0", 16)}, {network("10.0.0.0", 8)}},
     "10.2.0.0",
     false},
    {"in two equal ones", {{network("10.0.0.0", 8)}, {network("10.0.0.0", 8)}}, "10.1.2.3", false},
    {"in the longest of three",
     {{network("10.0.0.0", 8), network("10.1.2.3", 32)}, {network("10.1.0.0", 16)}},
     "10.1.2.3",
     true},
    {"beside the longest of three",
     {{network("10.0.0.0", 8), network("10.1.2.3", 32)}, {network("10.1.0.0", 16)}},
     "10.1.2.4",
     false},
    {"all but one", {{network("0.0.0.0", 0)}, {network("255.255.255.255", 32)}}, "1.2.3.4", true},
    {"the last address of all",
     {{network("0.0.0.0", 0)}, {network("255.255.255.255", 32)}},
     "255.255.255.255",
     false},
    {"the first address of all", {{}, {network("0.0.0.0", 32)}}, "0.0.0.0", false},
    {"IPv6 where only IPv4 is allowed", {{network("0.0.0.0", 0)}, {}}, "2001:db8::1", false},
    {"IPv6 where only IPv4 is denied", {{}, {network("0.0.0.0", 0)}}, "2001:db8::1", true},
    {"an IPv6 network", {{network("2001:db8::", 32)}, {}}, "2001:db8:ffff::1", true},
    {"a longer IPv6 network",
     {{network("2001:db8::", 32)}, {network("2001:db8:0:1::", 64)}},
     "2001:db8:0:1::9",
     false},
    {"behind a longer IPv6 network",
     {{network("2001:db8::", 32)}, {network("2001:db8:0:1::", 64)}},
     "2001:db8:0:2::",
     true},
    {"IPv4 mapped into IPv6", {{network("10.0.0.0", 8)}, {}}, "::ffff:10.1.2.3", true},
    {"a Unix socket where all are allowed",
     {{network("0.0.0.0", 0), network("::", 0)}, {}},
     "unix:",
     false},
    {"a Unix socket where all are denied",
     {{}, {network("0.0.0.0", 0), network("::", 0)}},
     "unix:",
     true},
};

TEST_CASE("Of the networks that an address is in the longest decides, of equal ones deny") {
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    const AccessRules rules(row.access);
    CHECK(rules.judge(address(row.client)).lets_in == row.lets_in);
  }
}

TEST_CASE("Only rules without a network are open") {
  CHECK(AccessRules().is_open());
  CHECK(AccessRules(config::Access{}).is_open());
  const config::Access access{{}, {network("10.0.0.0", 8)}};
  CHECK_FALSE(AccessRules(access).is_open());
}

TEST_CASE("A verdict names the network that decided") {
  const config::Access access{{network("10.0.0.0", 8)}, {network("10.1.0.0", 16)}};
  const AccessRules rules(access);
  CHECK(rules.judge(address("10.1.2.3")).network == &access.deny.front());
  CHECK(rules.judge(address("10.2.2.3")).network == &access.allow.front());
  CHECK(rules.judge(address("192.0.2.1")).network == nullptr);
}

// The rule word by word.
bool lets_in_naively(const config::Access& access, const PeerAddress& client) {
  const auto longest = [&](const std::vector<config::Network>& networks) {
    int bits = -1;
    for (const config::Network& each : networks) {
      if (contains(each, client)) bits = std::max(bits, static_cast<int>(each.bits));
    }
    return bits;
  };
  const int allowed = longest(access.allow);
  const int denied = longest(access.deny);
  return allowed < 0 && denied < 0 ? access.allow.empty() : allowed > denied;
}

// Addresses of few different bits, so that networks lie within each other and meet.
class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}
  unsigned below(unsigned end) {
    return std::uniform_int_distribution<unsigned>(0, end - 1)(random_);
  }
  PeerAddress address(bool is_ipv6) {
    constexpr std::uint8_t kOctets[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    std::array<std::uint8_t, 16> octets{};
    for (unsigned i = 0; i < (is_ipv6 ? 16U : 4U); ++i) octets[i] = kOctets[below(5)];
    return is_ipv6 ? PeerAddress::of_ipv6(octets) : PeerAddress::of_ipv4(octets);
  }
  config::Network network() {
    const bool is_ipv6 = below(2) == 0;
    config::Network made{is_ipv6, address(is_ipv6).ip, below(is_ipv6 ? 129 : 33)};
    for (unsigned bit = made.bits; bit < 128; ++bit) {
      made.ip[bit / 8] = static_cast<std::uint8_t>(made.ip[bit / 8] & ~(0x80U >> bit % 8));
    }
    return made;
  }

 private:
  std::mt19937 random_;
};

TEST_CASE("Whatever the networks are, the verdict is that of the rule word by word") {
  for (unsigned seed = 0; seed < 2'000; ++seed) {
    CAPTURE(seed);
    Chance chance(seed);
    config::Access access;
    for (unsigned i = chance.below(12); i > 0; --i) access.allow.push_back(chance.network());
    for (unsigned i = chance.below(12); i > 0; --i) access.deny.push_back(chance.network());
    const AccessRules rules(access);
    std::size_t differences = 0;
    for (unsigned i = 0; i < 100; ++i) {
      const PeerAddress client = chance.address(chance.below(2) == 0);
      if (rules.judge(client).lets_in != lets_in_naively(access, client)) ++differences;
    }
    CHECK(differences == 0);
  }
}

// The usual routes; /early lets in only those of 198.51.100.0/24, and so does the site itself.
std::shared_ptr<const config::Config> guarded_config(std::string_view site_keys = "") {
  config::Config config =
      *config_of("[[site]]\n" + std::string(site_keys) + "\n" + route("/echo", "echo") +
                 route("/early", "early") + route("/stream", "stream", "methods = [\"POST\"]") +
                 route("/to/*", "target"));
  config::Site& site = config.sites.front();
  site.access.allow = {network("198.51.100.0", 24)};
  for (config::Route& route : site.routes) {
    if (route.path.text == "/early") route.access = site.access;
  }
  return std::make_shared<const config::Config>(std::move(config));
}

struct Guarded {
  explicit Guarded(std::string_view site_keys = "")
      : server("[[site]]\n" + route("/*", "target"), fakes()) {
    server.use(guarded_config(site_keys));
  }
  static Fakes fakes() {
    Fakes made = usual_fakes();
    made["target"] = {[](Exchange& exchange) { CHECK(exchange.redirect_internally("/early")); }};
    return made;
  }
  // Of the client 192.0.2.7, or of `client` behind it.
  Answer ask(const std::string& request, std::string_view client = "") {
    auto listener = std::make_shared<config::Listener>();
    listener->trusted_proxies = {network("192.0.2.7", 32)};
    std::string octets = request;
    if (!client.empty()) {
      octets.insert(octets.find("\r\n") + 2, "X-Forwarded-For: " + std::string(client) + "\r\n");
    }
    TestClient asking(
        server, octets, [](Wire&) {}, listener);
    return answer_in(asking.take());
  }
  TestServer server;
};

TEST_CASE("A client that is not let in is answered with 403") {
  Guarded guarded;
  CHECK(guarded.ask(get("/early")).status == 403);
  CHECK(guarded.ask(post("/echo", "body")).status == 200);
  CHECK(guarded.server.error_log().find("allow and deny do not let 192.0.2.7 in") !=
        std::string::npos);
}

TEST_CASE("The client that a trusted proxy names is the one that is let in or not") {
  Guarded guarded;
  CHECK(guarded.ask(get("/early"), "198.51.100.9").status == 200);
  CHECK(guarded.ask(get("/early"), "203.0.113.9").status == 403);
}

TEST_CASE("Where no route has the path the site's rules say who learns of it, else the route's") {
  Guarded guarded;
  CHECK(guarded.ask(get("/nothing")).status == 403);
  CHECK(guarded.ask(get("/nothing"), "198.51.100.9").status == 404);
  CHECK(guarded.ask(get("/stream")).status == 405);
  CHECK(guarded.ask(get("/stream"), "198.51.100.9").status == 405);
}

TEST_CASE("A request that is sent on within the server does not get around the rules") {
  Guarded guarded;
  CHECK(guarded.ask(get("/to/it")).status == 403);
  CHECK(guarded.ask(get("/to/it"), "198.51.100.9").status == 200);
}

TEST_CASE("A preflight is answered only to those who are let in") {
  Guarded guarded("cors = { origins = [\"https://a.example\"] }");
  std::string preflight = get("/early",
                              "Origin: https://a.example\r\n"
                              "Access-Control-Request-Method: GET\r\n");
  preflight.replace(0, 3, "OPTIONS");
  const Answer refused = guarded.ask(preflight);
  CHECK(refused.status == 403);
  CHECK_FALSE(refused.has("Access-Control-Allow-Origin"));
  const Answer answered = guarded.ask(preflight, "198.51.100.9");
  CHECK(answered.status == 204);
  CHECK(answered.field("Access-Control-Allow-Origin") == "https://a.example");
}

}  // namespace
}  // namespace uvhttpd::tests
