// SPDX-License-Identifier: MIT
// unit/server/send_share_test.cpp: what each of many that send much may send in a turn.
#include "server/send_share.h"

#include <doctest/doctest.h>

namespace uvhttpd::tests {
namespace {

// Octets that so many connections send in a turn, of which each has more than its share.
std::uint64_t turn(SendShare& share, int connections) {
  std::uint64_t sent = 0;
  for (int i = 0; i < connections; ++i) {
    const std::size_t octets = share.octets();
    share.spend(octets);
    sent += octets;
  }
  share.end_turn();
  return sent;
}

TEST_CASE("Few connections send as much as is best for them") {
  SendShare share;
  for (int turns = 0; turns < 10; ++turns) {
    CHECK(turn(share, 32) == 32 * SendShare::kMost);
    CHECK(share.octets() == SendShare::kMost);
  }
}

TEST_CASE("A turn in which unexpectedly many send is bounded all the same") {
  SendShare share;
  CHECK(turn(share, 500) <= SendShare::kTooMuch + 500 * SendShare::kLeast);
}

TEST_CASE("Shares of many are equal, and together what a turn may have") {
  for (const int connections : {33, 64, 100, 500}) {
    CAPTURE(connections);
    SendShare share;
    for (int turns = 0; turns < 5; ++turns) turn(share, connections);
    for (int turns = 0; turns < 20; ++turns) {
      const std::size_t before = share.octets();
      const std::uint64_t sent = turn(share, connections);
      CHECK(sent == before * static_cast<unsigned>(connections));
      CHECK(sent <= SendShare::kTogether);
      CHECK((sent >= SendShare::kTogether / 2 || before == SendShare::kLeast));
    }
  }
}

TEST_CASE("However many send, each gets on") {
  SendShare share;
  for (int turns = 0; turns < 20; ++turns) {
    turn(share, 10'000);
    CHECK(share.octets() == SendShare::kLeast);
  }
}

TEST_CASE("When the many have gone, the rest has all it can use again") {
  SendShare share;
  for (int turns = 0; turns < 20; ++turns) turn(share, 10'000);
  for (int turns = 0; turns < 10; ++turns) turn(share, 1);
  CHECK(share.octets() == SendShare::kMost);
}

}  // namespace
}  // namespace uvhttpd::tests
