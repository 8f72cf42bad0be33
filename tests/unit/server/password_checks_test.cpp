// SPDX-License-Identifier: MIT
// unit/server/password_checks_test.cpp: passwords are checked off the loop, few at once.
#include "server/password_checks.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <list>
#include <optional>

#include "support/run_until.h"
#include "unit/server/passwords.h"

namespace uvhttpd::tests {
namespace {

using Outcome = PasswordChecks::Outcome;

struct Asker {
  std::optional<Outcome> answer;
  PasswordChecks::Waiter waiter{
      [](void* self, Outcome outcome) { static_cast<Asker*>(self)->answer = outcome; }, this};
};

PasswordChecks::Question question(std::size_t number, bool is_decoy = false) {
  PasswordChecks::Question asked;
  asked.key[0] = static_cast<std::uint8_t>(number & 0xff);
  asked.key[1] = static_cast<std::uint8_t>(number >> 8);
  asked.hash = kHashOfSecret;
  asked.is_decoy = is_decoy;
  return asked;
}

const Secret kSecret(std::string_view("secret"));
const Secret kOther(std::string_view("other"));

TEST_CASE("A check says whether the password is right, in a later turn of the loop") {
  EventLoop loop;
  PasswordChecks checks(loop);
  Asker right;
  Asker wrong;
  Asker decoy;
  REQUIRE(checks.check(question(1), kSecret, right.waiter));
  REQUIRE(checks.check(question(2), kOther, wrong.waiter));
  REQUIRE(checks.check(question(3, true), kSecret, decoy.waiter));
  CHECK_FALSE(right.answer.has_value());
  REQUIRE(run_until(loop, [&] { return right.answer && wrong.answer && decoy.answer; }));
  CHECK(right.answer == Outcome::right);
  CHECK(wrong.answer == Outcome::wrong);
  CHECK(decoy.answer == Outcome::wrong);
}

TEST_CASE("One question of many is one check") {
  EventLoop loop;
  PasswordChecks checks(loop);
  std::list<Asker> askers(1000);
  for (Asker& asker : askers) REQUIRE(checks.check(question(1), kSecret, asker.waiter));
  REQUIRE(run_until(loop, [&] { return askers.front().answer.has_value(); }));
  for (const Asker& asker : askers) CHECK(asker.answer == Outcome::right);
}

TEST_CASE("Who guesses has a few checks waiting and takes no room from others") {
  EventLoop loop;
  PasswordChecks checks(loop);
  std::list<Asker> askers;
  const auto asks = [&](std::size_t number, std::uint8_t client) {
    PasswordChecks::Question asked = question(number);
    asked.client = PeerAddress::of_ipv4({192, 0, 2, client});
    return checks.check(asked, kOther, askers.emplace_back().waiter);
  };
  const std::size_t most = PasswordChecks::kMostRunning + PasswordChecks::kMostOfClient;
  for (std::size_t i = 0; i < most; ++i) REQUIRE(asks(i, 1));
  CHECK_FALSE(asks(most, 1));
  CHECK(asks(most + 1, 2));
  CHECK(run_until(loop, [&] { return asks(most + 2, 1); }));
}

TEST_CASE("Beyond the bound no check is taken, until there is room again") {
  EventLoop loop;
  PasswordChecks checks(loop);
  std::list<Asker> askers;
  const std::size_t most = PasswordChecks::kMostRunning + PasswordChecks::kMostWaiting;
  for (std::size_t i = 0; i < most; ++i) {
    REQUIRE(checks.check(question(i), kSecret, askers.emplace_back().waiter));
  }
  Asker late;
  CHECK_FALSE(checks.check(question(most), kSecret, late.waiter));
  SUBCASE("because a check has ended") {
    REQUIRE(run_until(loop, [&] { return askers.front().answer.has_value(); }));
  }
  SUBCASE("because somebody waits no more") { askers.pop_back(); }
  CHECK(checks.check(question(most), kSecret, late.waiter));
  REQUIRE(run_until(loop, [&] { return late.answer.has_value(); }));
  CHECK(late.answer == Outcome::right);
}

struct Client {
  PasswordChecks& checks;
  std::uint8_t number;
  std::list<Asker> askers{};

  bool asks() {
    static std::size_t questions = 0;
    PasswordChecks::Question asked = question(++questions);
    asked.client = PeerAddress::of_ipv4({192, 0, 2, number});
    return checks.check(asked, kOther, askers.emplace_back().waiter);
  }
  std::size_t count(std::optional<Outcome> outcome) const {
    return static_cast<std::size_t>(std::count_if(
        askers.begin(), askers.end(), [&](const Asker& asker) { return asker.answer == outcome; }));
  }
};

TEST_CASE("When all places are taken, who has most gives one up for who has none") {
  EventLoop loop;
  PasswordChecks checks(loop);
  std::list<Client> crowd;
  for (std::size_t i = 0; i < PasswordChecks::kMostRunning + PasswordChecks::kMostWaiting; ++i) {
    if (i % PasswordChecks::kMostOfClient == 0) {
      crowd.push_back({checks, static_cast<std::uint8_t>(crowd.size())});
    }
    REQUIRE(crowd.back().asks());
  }
  Client newcomer{checks, 200};
  REQUIRE(newcomer.asks());
  CHECK(std::all_of(crowd.begin(), crowd.end(),
                    [](const Client& client) { return client.count(Outcome::given_up) == 0; }));
  REQUIRE(run_until(loop, [&] { return newcomer.count(Outcome::wrong) == 1; }));
  std::size_t given_up = 0;
  for (const Client& client : crowd) {
    given_up += client.count(Outcome::given_up);
    // Each had had a turn at most before the newcomer had its own.
    CHECK(client.count(Outcome::wrong) <= 2);
  }
  CHECK(given_up == 1);
}

TEST_CASE("Who asks again and again keeps nobody from a second turn") {
  EventLoop loop;
  PasswordChecks checks(loop);
  struct Insistent {
    Client client;
    PasswordChecks::Waiter waiter{[](void* self, Outcome) { static_cast<Insistent*>(self)->ask(); },
                                  this};
    std::size_t asked = 0;

    void ask() {
      PasswordChecks::Question next = question(1'000 * client.number + ++asked);
      next.client = PeerAddress::of_ipv4({192, 0, 2, client.number});
      REQUIRE(client.checks.check(next, kOther, waiter));
    }
  };
  Insistent one{{checks, 1}};
  Insistent other{{checks, 2}};
  Client both{checks, 3};
  one.ask();
  other.ask();
  for (int i = 0; i < 2; ++i) REQUIRE(both.asks());
  REQUIRE(run_until(loop, [&] { return both.count(Outcome::wrong) == 2; }));
  CHECK(one.asked < 10);
  CHECK(other.asked < 10);
}

TEST_CASE("Who has asked once has its turn before the second of who has asked often") {
  EventLoop loop;
  PasswordChecks checks(loop);
  Client often{checks, 1};
  Client once{checks, 2};
  for (int i = 0; i < 6; ++i) REQUIRE(often.asks());
  REQUIRE(once.asks());
  REQUIRE(run_until(loop, [&] { return once.count(Outcome::wrong) == 1; }));
  CHECK(often.count(Outcome::wrong) <= 2);
}

TEST_CASE("Who is gone is not called, also when others wait for the same") {
  EventLoop loop;
  PasswordChecks checks(loop);
  Asker stays;
  {
    Asker goes;
    REQUIRE(checks.check(question(1), kSecret, goes.waiter));
    REQUIRE(checks.check(question(1), kSecret, stays.waiter));
  }
  REQUIRE(run_until(loop, [&] { return stays.answer.has_value(); }));
  CHECK(stays.answer == Outcome::right);
}

TEST_CASE("Checks that are under way do not outlive who made them") {
  Asker asker;
  Asker queued;
  {
    EventLoop loop;
    PasswordChecks checks(loop);
    REQUIRE(checks.check(question(1), kSecret, asker.waiter));
    REQUIRE(checks.check(question(2), kSecret, queued.waiter));
    asker.waiter.unlink();
    queued.waiter.unlink();
  }
  CHECK_FALSE(asker.answer.has_value());
  CHECK_FALSE(queued.answer.has_value());
}

TEST_CASE("An answer may be followed by the next question, and by the end of who waits, too") {
  EventLoop loop;
  PasswordChecks checks(loop);
  // Both wait for the same, and whoever is told first ends the other.
  struct Ender {
    PasswordChecks& checks;
    std::unique_ptr<Asker> other;
    Asker next;
    PasswordChecks::Waiter waiter{
        [](void* self, Outcome) {
          auto& ender = *static_cast<Ender*>(self);
          ender.other.reset();
          REQUIRE(ender.checks.check(question(2), kOther, ender.next.waiter));
        },
        this};
  };
  Ender ender{checks, std::make_unique<Asker>(), {}};
  REQUIRE(checks.check(question(1), kSecret, ender.waiter));
  REQUIRE(checks.check(question(1), kSecret, ender.other->waiter));
  REQUIRE(run_until(loop, [&] { return ender.next.answer.has_value(); }));
  CHECK(ender.next.answer == Outcome::wrong);
  CHECK(ender.other == nullptr);
}

}  // namespace
}  // namespace uvhttpd::tests
