// SPDX-License-Identifier: MIT
// unit/server/send_pace_test.cpp: how many octets may go by when.
#include "server/send_pace.h"

#include <doctest/doctest.h>

namespace uvhttpd::tests {
namespace {

constexpr std::uint64_t kAll = std::uint64_t{1} << 40;

TimePoint at(std::int64_t milliseconds) { return TimePoint(Duration{1'000'000 + milliseconds}); }

// Takes all that may be sent.
std::uint64_t take(SendPace& pace, TimePoint now, std::uint64_t wanted = kAll) {
  const std::uint64_t octets = pace.allowance(wanted, now);
  pace.spend(octets);
  return octets;
}

TEST_CASE("A pace begins with what comes in a second, and 64 KiB at least") {
  SendPace fast(at(0));
  fast.set_rate(1'000'000);
  CHECK(take(fast, at(0)) == 1'000'000);
  CHECK(take(fast, at(0)) == 0);
  SendPace slow(at(0));
  slow.set_rate(1'000);
  CHECK(take(slow, at(0)) == 65'536);
  CHECK(take(slow, at(0)) == 0);
}

TEST_CASE("Over any time it lets through what the rate says, and the burst") {
  for (const std::uint64_t rate : {1U, 7U, 100U, 1'000U, 65'537U, 1'000'000U, 100'000'000U}) {
    CAPTURE(rate);
    SendPace pace(at(0));
    pace.set_rate(rate);
    const std::uint64_t burst = take(pace, at(0));
    std::uint64_t sent = 0;
    for (std::int64_t time = 0; time <= 100'000; time += 7) sent += take(pace, at(time));
    CHECK(sent <= rate * 100);
    CHECK(sent + std::max<std::uint64_t>(rate / 5, 1'024) >= rate * 100);
    CHECK(take(pace, at(1'000'000'000)) == burst);
  }
}

TEST_CASE("After a pause there is something to send, unless the rate is lower than 512 octets") {
  for (const std::uint64_t rate : {5'120U, 65'537U, 1'000'000U, 4'000'000'000U}) {
    CAPTURE(rate);
    SendPace pace(at(0));
    pace.set_rate(rate);
    take(pace, at(0));
    CHECK(take(pace, at(SendPace::kPause.count())) >= rate / 10);
  }
}

TEST_CASE("Little that is wanted may go although it is little") {
  SendPace pace(at(0));
  pace.set_rate(1'000);
  take(pace, at(0));
  CHECK(take(pace, at(10)) == 0);
  CHECK(take(pace, at(10), 10) == 10);
}

TEST_CASE("A rate of nothing is no limit, and what goes then is not owed later") {
  SendPace pace(at(0));
  pace.set_rate(1'000);
  take(pace, at(0));
  pace.set_rate(0);
  CHECK(take(pace, at(0)) == kAll);
  pace.set_rate(1'000);
  CHECK(take(pace, at(0)) == 0);
  CHECK(take(pace, at(1'000)) == 1'000);
}

TEST_CASE("A lower rate takes away what is more than its burst") {
  SendPace pace(at(0));
  pace.set_rate(1'000'000);
  pace.set_rate(100'000);
  CHECK(take(pace, at(0)) == 100'000);
}

TEST_CASE("The highest rates do not overflow") {
  SendPace pace(at(0));
  pace.set_rate(UINT64_MAX);
  CHECK(take(pace, at(0)) > 0);
  CHECK(take(pace, at(INT64_MAX / 2'000'000)) > 0);
}

}  // namespace
}  // namespace uvhttpd::tests
