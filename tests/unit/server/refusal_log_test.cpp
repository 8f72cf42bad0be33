// SPDX-License-Identifier: MIT
// unit/server/refusal_log_test.cpp: one line for many refusals.
#include "server/refusal_log.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "support/run_until.h"
#include "unit/server/addresses.h"

namespace uvhttpd::tests {
namespace {

struct Told {
  Told() { log.keep_in(lines); }
  std::vector<std::string> lines;
  EventLoop loop;
  Log log;
  std::optional<RefusalLog> refusals{std::in_place, loop, log};
};

std::shared_ptr<Refusals> requests() {
  return std::make_shared<Refusals>(Refusals::Names{"rate_limit", "request", "a"});
}

TEST_CASE("All refusals of a second are one line") {
  Told told;
  const auto reason = requests();
  for (int i = 0; i < 200; ++i) told.refusals->add(reason, address("10.0.0.1", 80));
  CHECK(told.lines.empty());
  REQUIRE(run_until(told.loop, [&] { return !told.lines.empty(); }));
  CHECK(told.lines == std::vector<std::string>{"10.0.0.1: 200 requests refused (a)"});
  told.refusals->add(reason, address("10.0.0.2"));
  told.refusals->add(reason, address("10.0.0.3"));
  told.refusals.reset();
  REQUIRE(told.lines.size() == 2);
  CHECK(told.lines.back() == "10.0.0.2 and others: 2 requests refused (a)");
}

TEST_CASE("Each reason has a line of its own") {
  Told told;
  told.refusals->add(requests(), address("10.0.0.1"));
  told.refusals->add(requests(), address("10.0.0.2"));
  REQUIRE(run_until(told.loop, [&] { return told.lines.size() == 2; }));
  CHECK(told.lines.front() == "10.0.0.1: 1 request refused (a)");
}

TEST_CASE("Addresses of one IPv6 network are one client") {
  Told told;
  const auto reason = requests();
  told.refusals->add(reason, address("2001:db8::1"));
  told.refusals->add(reason, address("2001:db8::2"));
  told.refusals.reset();
  CHECK(told.lines == std::vector<std::string>{"2001:db8::/64: 2 requests refused (a)"});
}

TEST_CASE("The workers tell of one reason together") {
  Told told;
  RefusalLog other(told.loop, told.log);
  const auto reason = requests();
  told.refusals->add(reason, address("10.0.0.1"));
  other.add(reason, address("10.0.0.1"));
  REQUIRE(run_until(told.loop, [&] { return !told.lines.empty(); }));
  CHECK(told.lines == std::vector<std::string>{"10.0.0.1: 2 requests refused (a)"});
}

}  // namespace
}  // namespace uvhttpd::tests
