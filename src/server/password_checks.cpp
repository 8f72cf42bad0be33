// SPDX-License-Identifier: MIT
#include "server/password_checks.h"

#include <algorithm>
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

}  // namespace

struct PasswordChecks::Check {
  Check(PasswordChecks& its_checks, const Question& question, const Secret& password)
      : checks(its_checks),
        key(question.key),
        is_decoy(question.is_decoy),
        client(question.client),
        work(std::make_shared<Work>(Work{Secret(password.view()), question.hash})),
        task(
            checks.loop_,
            [](void* self) {
              auto* check = static_cast<Check*>(self);
              check->checks.finish(*check);
            },
            this) {}

  bool is_abandoned() { return waiters.empty() && !task.is_running(); }

  PasswordChecks& checks;
  const KeyedHash::Digest key;
  const bool is_decoy;
  const PeerAddress client;
  std::shared_ptr<Work> work;
  IntrusiveList<Waiter> waiters;
  BackgroundTask task;
};

PasswordChecks::PasswordChecks(EventLoop& loop) : loop_(loop) {}
PasswordChecks::~PasswordChecks() = default;

bool PasswordChecks::check(const Question& question, const Secret& password, Waiter& waiter) {
  const auto same = std::find_if(checks_.begin(), checks_.end(),
                                 [&](const Check& check) { return check.key == question.key; });
  if (same != checks_.end()) {
    same->waiters.push_back(waiter);
    return true;
  }
  if (!has_room_for(question.client)) drop_abandoned();
  if (!has_room_for(question.client)) return false;
  checks_.emplace_back(*this, question, password).waiters.push_back(waiter);
  start_next();
  return true;
}

bool PasswordChecks::has_room_for(const PeerAddress& client) const {
  if (checks_.size() >= kMostRunning + kMostWaiting) return false;
  // Behind others stands a proxy with many clients.
  const bool is_one =
      client.kind == PeerAddress::Kind::ipv4 || client.kind == PeerAddress::Kind::ipv6;
  if (!is_one) return true;
  const auto its = std::count_if(checks_.begin(), checks_.end(), [&](const Check& check) {
    return !check.task.is_running() && check.client == client;
  });
  return static_cast<std::size_t>(its) < kMostOfClient;
}

void PasswordChecks::drop_abandoned() {
  checks_.remove_if([](Check& check) { return check.is_abandoned(); });
}

void PasswordChecks::start_next() {
  const auto running = std::count_if(checks_.begin(), checks_.end(),
                                     [](const Check& check) { return check.task.is_running(); });
  if (static_cast<std::size_t>(running) >= kMostRunning) return;
  drop_abandoned();
  const auto next = std::find_if(checks_.begin(), checks_.end(),
                                 [](const Check& check) { return !check.task.is_running(); });
  if (next == checks_.end()) return;
  next->task.start(
      [work = next->work] { work->is_right = is_password(work->password, work->hash); });
}

void PasswordChecks::finish(Check& check) {
  const bool is_right = check.work->is_right && !check.is_decoy;
  // The check must be gone before anybody is called, who may ask for the next one.
  IntrusiveList<Waiter> waiting;
  check.waiters.for_each([&](Waiter& waiter) {
    waiter.unlink();
    waiting.push_back(waiter);
  });
  checks_.remove_if([&](const Check& each) { return &each == &check; });
  start_next();
  while (!waiting.empty()) {
    Waiter& waiter = waiting.front();
    waiter.unlink();
    waiter.decided_(waiter.owner_, is_right);
  }
}

}  // namespace uvhttpd
