// SPDX-License-Identifier: MIT
// unit/server/connection_quota_test.cpp: who has a place among the connections.
#include "server/connection_quota.h"

#include <doctest/doctest.h>

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
  CHECK(quota.enter(address("2001:db8:0:1::1", 1)));
  CHECK(quota.enter(address("2001:db8:0:1::2", 2)));
  CHECK_FALSE(quota.enter(address("2001:db8:0:1:ffff::3", 3)));
  CHECK(quota.enter(address("2001:db8:0:2::1", 1)));
  CHECK(quota.enter(address("32.1.13.184")));  // the same first octets
  quota.leave(address("2001:db8:0:1::2", 2));
  CHECK(quota.enter(address("2001:db8:0:1:ffff::3", 3)));
  CHECK(quota.count() == 4);
}

TEST_CASE("Clients of Unix sockets are only counted all together") {
  ConnectionQuota quota;
  quota.set_limits(3, 1);
  for (int i = 0; i < 3; ++i) CHECK(quota.enter(address("unix:")));
  CHECK_FALSE(quota.enter(address("unix:")));
}

TEST_CASE("A refusal is told with the limit that decided") {
  ConnectionQuota quota;
  quota.set_limits(2, 1);
  CHECK(quota.enter(address("10.0.0.1")));
  CHECK_FALSE(quota.enter(address("10.0.0.1")));
  CHECK(told_of(quota, address("10.0.0.1")) ==
        "10.0.0.1: 1 connection refused (connections_per_ip)");
  CHECK(quota.enter(address("10.0.0.2")));
  CHECK_FALSE(quota.enter(address("10.0.0.3")));
  CHECK(told_of(quota, address("10.0.0.3")) == "10.0.0.3: 1 connection refused (connections)");
}

}  // namespace
}  // namespace uvhttpd::tests
