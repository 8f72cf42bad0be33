// SPDX-License-Identifier: MIT
#include "server/password_checks.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/password_hash.h"

namespace uvhttpd {
namespace {

// What the thread that works on it has its share of.
struct Work {
  Secret password;
  std::string hash;
  bool is_right = false;
};

void move_all(IntrusiveList<PasswordChecks::Waiter>& from,
              IntrusiveList<PasswordChecks::Waiter>& to) {
  from.for_each([&to](PasswordChecks::Waiter& waiter) {
    waiter.unlink();
    to.push_back(waiter);
  });
}

}  // namespace

struct PasswordChecks::Check {
  Check(PasswordChecks& its_checks, const Question& question, const Secret& password)
      : checks(its_checks),
        key(question.key),
        is_decoy(question.is_decoy),
        client(question.client),
        turn(checks.next_turn_of(client)),
        work(std::make_shared<Work>(Work{Secret(password.view()), question.hash})),
        task(
            checks.loop_,
            [](void* self) {
              auto* check = static_cast<Check*>(self);
              check->checks.finish(*check);
            },
            this) {}

  bool is_abandoned() { return waiters.empty() && !task.is_running(); }
  bool waits_of(const PeerAddress& whom) const { return !task.is_running() && client == whom; }

  PasswordChecks& checks;
  const KeyedHash::Digest key;
  const bool is_decoy;
  const PeerAddress client;
  const std::uint64_t turn;  // the lowest is next
  std::shared_ptr<Work> work;
  IntrusiveList<Waiter> waiters;
  BackgroundTask task;
};

PasswordChecks::PasswordChecks(EventLoop& loop)
    : loop_(loop),
      given_up_timer_(
          loop,
          [](void* self) {
            tell(static_cast<PasswordChecks*>(self)->given_up_, Outcome::given_up);
          },
          this) {}
PasswordChecks::~PasswordChecks() = default;

bool PasswordChecks::check(const Question& question, const Secret& password, Waiter& waiter) {
  const auto same = std::find_if(checks_.begin(), checks_.end(),
                                 [&](const Check& check) { return check.key == question.key; });
  if (same != checks_.end()) {
    same->waiters.push_back(waiter);
    return true;
  }
  // Behind others stands a proxy with many clients.
  const bool is_one = question.client.kind == PeerAddress::Kind::ipv4 ||
                      question.client.kind == PeerAddress::Kind::ipv6;
  const std::size_t most = is_one ? kMostOfClient : kMostWaiting;
  if (is_full() || count_waiting(question.client) >= most) drop_abandoned();
  if (count_waiting(question.client) >= most) return false;
  if (is_full() && !make_room_for(question.client)) return false;
  checks_.emplace_back(*this, question, password).waiters.push_back(waiter);
  start_next();
  return true;
}

std::size_t PasswordChecks::count_waiting(const PeerAddress& client) const {
  return static_cast<std::size_t>(std::count_if(
      checks_.begin(), checks_.end(), [&](const Check& check) { return check.waits_of(client); }));
}

// The last check of who has most of them waiting is given up, if that makes it fairer.
bool PasswordChecks::make_room_for(const PeerAddress& client) {
  const auto greediest =
      std::max_element(checks_.begin(), checks_.end(), [this](const Check& a, const Check& b) {
        return count_waiting(a.client) < count_waiting(b.client);
      });
  if (count_waiting(greediest->client) <= count_waiting(client) + 1) return false;
  const auto last =
      std::find_if(checks_.rbegin(), checks_.rend(),
                   [whom = greediest->client](const Check& check) { return check.waits_of(whom); });
  move_all(last->waiters, given_up_);
  checks_.erase(std::prev(last.base()));
  given_up_timer_.start(Duration{0});
  return true;
}

// Behind what this client has asked before, and before what others ask more than it does. Not in
// the turn that goes on: who asks again and again would be in it for ever.
std::uint64_t PasswordChecks::next_turn_of(const PeerAddress& client) const {
  std::uint64_t turn = turn_ + 1;
  for (const Check& check : checks_) {
    if (check.client == client) turn = std::max(turn, check.turn + 1);
  }
  return turn;
}

void PasswordChecks::drop_abandoned() {
  checks_.remove_if([](Check& check) { return check.is_abandoned(); });
}

void PasswordChecks::start_next() {
  const auto running = std::count_if(checks_.begin(), checks_.end(),
                                     [](const Check& check) { return check.task.is_running(); });
  if (static_cast<std::size_t>(running) >= kMostRunning) return;
  drop_abandoned();
  const auto next =
      std::min_element(checks_.begin(), checks_.end(), [](const Check& a, const Check& b) {
        return std::pair(a.task.is_running(), a.turn) < std::pair(b.task.is_running(), b.turn);
      });
  if (next == checks_.end() || next->task.is_running()) return;
  turn_ = next->turn;
  next->task.start(
      [work = next->work] { work->is_right = is_password(work->password, work->hash); });
}

void PasswordChecks::finish(Check& check) {
  const bool is_right = check.work->is_right && !check.is_decoy;
  // The check must be gone before anybody is called, who may ask for the next one.
  IntrusiveList<Waiter> waiting;
  move_all(check.waiters, waiting);
  checks_.remove_if([&](const Check& each) { return &each == &check; });
  start_next();
  tell(waiting, is_right ? Outcome::right : Outcome::wrong);
}

// Whoever is told may end others that wait.
void PasswordChecks::tell(IntrusiveList<Waiter>& waiters, Outcome outcome) {
  while (!waiters.empty()) {
    Waiter& waiter = waiters.front();
    waiter.unlink();
    waiter.decided_(waiter.owner_, outcome);
  }
}

}  // namespace uvhttpd
