// SPDX-License-Identifier: MIT
// unit/io/event_loop_test.cpp: one loop, its timers and signals, and what other threads ask of it.
#include "io/event_loop.h"

#include <doctest/doctest.h>

#include <csignal>
#include <ctime>
#include <optional>
#include <string>
#include <thread>

#include "support/run_until.h"

namespace uvhttpd::tests {
namespace {

TEST_CASE("EventLoop runs what other threads post, on its own thread and in their order") {
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  EventLoop loop;
  const std::thread::id own = std::this_thread::get_id();
  std::vector<int> last(kThreads, -1);
  int ran = 0;
  bool in_order = true;
  std::vector<std::thread> threads;
  for (std::size_t id = 0; id < kThreads; ++id) {
    threads.emplace_back([&, id] {
      for (int i = 0; i < kEach; ++i) {
        loop.post([&, id, i] {
          in_order = in_order && last[id] == i - 1 && std::this_thread::get_id() == own;
          last[id] = i;
          ++ran;
        });
      }
    });
  }
  CHECK(run_until(loop, [&] { return ran == kThreads * kEach; }));
  for (std::thread& thread : threads) thread.join();
  CHECK(in_order);
}

TEST_CASE("EventLoop wakes up for a post while it waits") {
  EventLoop loop;
  std::thread other([&] { loop.post([&] { loop.stop(); }); });
  loop.run();
  other.join();
}

TEST_CASE("EventLoop runs what is posted from posted work") {
  EventLoop loop;
  int depth = 0;
  loop.post([&] {
    ++depth;
    loop.post([&] { ++depth; });
  });
  CHECK(run_until(loop, [&] { return depth == 2; }));
}

TEST_CASE("EventLoop may be destroyed with work that was never run") {
  EventLoop loop;
  loop.post([] { FAIL("run by the destructor"); });
}

TEST_CASE("EventLoop calls its hook in each turn, until it is taken away") {
  EventLoop loop;
  int turns = 0;
  loop.set_turn_hook([](void* count) { ++*static_cast<int*>(count); }, &turns);
  loop.run_once();
  loop.run_once();
  CHECK(turns == 2);
  loop.set_turn_hook(nullptr, nullptr);
  loop.run_once();
  CHECK(turns == 2);
}

TEST_CASE("EventLoop knows the date") {
  EventLoop loop;
  loop.run_once();
  const std::int64_t before = std::time(nullptr) - 1;
  CHECK(loop.wall_seconds() >= before);
  CHECK(loop.wall_seconds() <= std::time(nullptr) + 1);
}

TEST_CASE("EventLoop closes with timers and signals that are still active") {
  EventLoop loop;
  Timer timer(
      loop, [](void*) {}, nullptr);
  timer.start(Duration{3'600'000});
  const SignalWatcher signals(
      loop, SIGUSR2, [](void*, int) {}, nullptr);
}

struct Calls {
  EventLoop loop;
  std::optional<Timer> timer;
  int count = 0;
};

TEST_CASE("Timer calls back once, not before its time") {
  Calls calls;
  calls.timer.emplace(
      calls.loop, [](void* self) { ++static_cast<Calls*>(self)->count; }, &calls);
  const TimePoint start = calls.loop.now();
  calls.timer->start(Duration{20});
  CHECK(calls.timer->is_active());
  REQUIRE(run_until(calls.loop, [&] { return calls.count == 1; }));
  CHECK(calls.loop.now() - start >= Duration{20});
  CHECK_FALSE(calls.timer->is_active());
}

TEST_CASE("Timer that is stopped, or destroyed, never calls back") {
  Calls calls;
  calls.timer.emplace(
      calls.loop, [](void* self) { ++static_cast<Calls*>(self)->count; }, &calls);
  calls.timer->start(Duration{0});
  SUBCASE("stopped") { calls.timer->stop(); }
  SUBCASE("destroyed") { calls.timer.reset(); }
  for (int i = 0; i < 5; ++i) calls.loop.run_once();
  CHECK(calls.count == 0);
}

TEST_CASE("Timer may be started again, and destroyed, by its own callback") {
  Calls calls;
  calls.timer.emplace(
      calls.loop,
      [](void* self) {
        auto& own = *static_cast<Calls*>(self);
        if (++own.count < 3) {
          own.timer->start(Duration{0});
        } else {
          own.timer.reset();
        }
      },
      &calls);
  calls.timer->start(Duration{-5});
  CHECK(run_until(calls.loop, [&] { return calls.count == 3; }));
  CHECK_FALSE(calls.timer.has_value());
}

TEST_CASE("SignalWatcher tells of each arrival of its signal") {
  EventLoop loop;
  int number = 0;
  const SignalWatcher watcher(
      loop, SIGUSR1, [](void* last, int signal) { *static_cast<int*>(last) = signal; }, &number);
  for (int i = 0; i < 2; ++i) {
    number = 0;
    ::raise(SIGUSR1);
    CHECK(run_until(loop, [&] { return number == SIGUSR1; }));
  }
}

}  // namespace
}  // namespace uvhttpd::tests
