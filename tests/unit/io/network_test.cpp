// SPDX-License-Identifier: MIT
// unit/io/network_test.cpp: addresses in and out of ranges.
#include "io/network.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>

namespace uvhttpd::tests {
namespace {

PeerAddress address(const std::string& text) {
  if (text == "unix:") {
    PeerAddress peer;
    peer.kind = PeerAddress::Kind::unix_socket;
    return peer;
  }
  if (text == "-") return {};
  const std::optional<PeerAddress> parsed = PeerAddress::parse(text);
  REQUIRE(parsed.has_value());
  return *parsed;
}

config::Network network(const std::string& text, unsigned bits) {
  const PeerAddress parsed = address(text);
  return {parsed.kind == PeerAddress::Kind::ipv6, parsed.ip, bits};
}

struct Row {
  const char* name;
  const char* network;
  unsigned bits;
  const char* address;
  bool is_in;
};

constexpr Row kRows[] = {
    {"an address of a network", "10.0.0.0", 8, "10.255.3.4", true},
    {"the address behind a network", "10.0.0.0", 8, "11.0.0.0", false},
    {"the address before a network", "10.0.0.0", 8, "9.255.255.255", false},
    {"a network of one address", "192.0.2.1", 32, "192.0.2.1", true},
    {"beside a network of one address", "192.0.2.1", 32, "192.0.2.0", false},
    {"the last of a prefix within an octet", "172.16.0.0", 12, "172.31.255.255", true},
    {"behind a prefix within an octet", "172.16.0.0", 12, "172.32.0.0", false},
    {"the last bit of a prefix of 31", "192.0.2.2", 31, "192.0.2.3", true},
    {"beside a prefix of 31", "192.0.2.2", 31, "192.0.2.1", false},
    {"all of IPv4", "0.0.0.0", 0, "203.0.113.9", true},
    {"all of IPv4, and IPv6", "0.0.0.0", 0, "2001:db8::1", false},
    {"an address of an IPv6 network", "2001:db8::", 32, "2001:db8:ffff::1", true},
    {"behind an IPv6 network", "2001:db8::", 32, "2001:db9::", false},
    {"an IPv6 prefix within an octet", "fc00::", 7, "fdff::1", true},
    {"behind an IPv6 prefix within an octet", "fc00::", 7, "fe00::1", false},
    {"one IPv6 address", "::1", 128, "::1", true},
    {"beside one IPv6 address", "::1", 128, "::2", false},
    {"the last bit of a prefix of 127", "::2", 127, "::3", true},
    {"all of IPv6", "::", 0, "2001:db8::1", true},
    {"all of IPv6, and IPv4", "::", 0, "10.0.0.1", false},
    {"IPv4 mapped into IPv6", "10.0.0.0", 8, "::ffff:10.1.2.3", true},
    {"a Unix socket", "0.0.0.0", 0, "unix:", false},
    {"nobody", "::", 0, "-", false},
};

TEST_CASE("contains looks at the bits of the prefix and no others") {
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    CHECK(contains(network(row.network, row.bits), address(row.address)) == row.is_in);
  }
}

TEST_CASE("contains_any is satisfied by one network") {
  const std::array networks = {network("10.0.0.0", 8), network("2001:db8::", 32)};
  CHECK(contains_any(networks, address("10.1.1.1")));
  CHECK(contains_any(networks, address("2001:db8::7")));
  CHECK_FALSE(contains_any(networks, address("192.0.2.1")));
  CHECK_FALSE(contains_any({}, address("10.1.1.1")));
}

}  // namespace
}  // namespace uvhttpd::tests
