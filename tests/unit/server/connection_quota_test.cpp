// SPDX-License-Identifier: MIT
// unit/server/connection_quota_test.cpp: who has a place among the connections.
#include "server/connection_quota.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "unit/server/addresses.h"

namespace uvhttpd::tests {
namespace {

// What the log says of a refusal that the quota has just decided.
std::string told_of(const ConnectionQuota& quota, const PeerAddress& client) {
  std::vector<std::string> lines;
  Log log;
  log.keep_in(lines);
  CHECK(quota.refusals()->add(client));
  quota.refusals()->tell(log);
  REQUIRE(lines.size() == 1);
  return lines.front();
}

TEST_CASE("An IPv6 network of 64 bits is one client, an IPv4 address another") {
  ConnectionQuota quota;
  quota.set_limits(100, 2);
  const auto first = quota.enter(address("2001:db8:0:1::1", 1));
  auto second = quota.enter(address("2001:db8:0:1::2", 2));
  CHECK((first && second));
  CHECK_FALSE(quota.enter(address("2001:db8:0:1:ffff::3", 3)));
  const auto other = quota.enter(address("2001:db8:0:2::1", 1));
  const auto ipv4 = quota.enter(address("32.1.13.184"));  // the same first octets
  CHECK((other && ipv4));
  second.reset();
  const auto third = quota.enter(address("2001:db8:0:1:ffff::3", 3));
  CHECK(third);
  CHECK(quota.count() == 4);
}

TEST_CASE("Clients of Unix sockets are only counted all together") {
  ConnectionQuota quota;
  quota.set_limits(3, 1);
  std::vector<std::optional<ConnectionPlace>> places(3);
  for (auto& place : places) place = quota.enter(address("unix:"));
  CHECK(places.back());
  CHECK_FALSE(quota.enter(address("unix:")));
}

TEST_CASE("Who came in without a limit makes no room for others by leaving") {
  ConnectionQuota quota;
  quota.set_limits(100, 0);
  std::vector<std::optional<ConnectionPlace>> old(10);
  for (auto& place : old) place = quota.enter(address("10.0.0.1"));
  quota.set_limits(100, 2);
  const auto first = quota.enter(address("10.0.0.1"));
  auto second = quota.enter(address("10.0.0.1"));
  CHECK((first && second));
  for (auto& place : old) {
    place.reset();
    CHECK_FALSE(quota.enter(address("10.0.0.1")));
  }
  second.reset();
  CHECK(quota.enter(address("10.0.0.1")));
  CHECK(quota.count() == 1);
}

TEST_CASE("Who was counted and leaves when there is no limit any more is not remembered") {
  ConnectionQuota quota;
  quota.set_limits(100, 1);
  auto place = quota.enter(address("10.0.0.1"));
  quota.set_limits(100, 0);
  place.reset();
  quota.set_limits(100, 1);
  CHECK(quota.enter(address("10.0.0.1")));
}

TEST_CASE("A client that is known later is counted then") {
  ConnectionQuota quota;
  quota.set_limits(100, 1);
  auto first = quota.enter_unknown();
  auto second = quota.enter_unknown();
  REQUIRE((first && second));
  CHECK(first->admit(address("10.0.0.1")));
  CHECK_FALSE(second->admit(address("10.0.0.1")));
  second->leave();
  CHECK(quota.count() == 1);
  CHECK_FALSE(quota.enter(address("10.0.0.1")));
  first.reset();
  CHECK(quota.enter(address("10.0.0.1")));
}

TEST_CASE("A refusal is told with the limit that decided") {
  ConnectionQuota quota;
  quota.set_limits(2, 1);
  const auto first = quota.enter(address("10.0.0.1"));
  CHECK_FALSE(quota.enter(address("10.0.0.1")));
  CHECK(told_of(quota, address("10.0.0.1")) ==
        "10.0.0.1: 1 connection refused (connections_per_ip)");
  const auto second = quota.enter(address("10.0.0.2"));
  CHECK_FALSE(quota.enter(address("10.0.0.3")));
  CHECK(told_of(quota, address("10.0.0.3")) == "10.0.0.3: 1 connection refused (connections)");
}

}  // namespace
}  // namespace uvhttpd::tests
