// SPDX-License-Identifier: MIT
// unit/io/background_test.cpp: work on other threads, and owners that do not wait for it.
#include "io/background.h"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "support/run_until.h"

namespace uvhttpd::tests {
namespace {

struct Owner {
  int done = 0;
  static void on_done(void* self) { ++static_cast<Owner*>(self)->done; }
};

TEST_CASE("BackgroundTask works on another thread and tells its owner on the loop's") {
  EventLoop loop;
  struct Seen {
    std::thread::id told{};
    static void on_done(void* self) { static_cast<Seen*>(self)->told = std::this_thread::get_id(); }
  } seen;
  BackgroundTask task(loop, Seen::on_done, &seen);
  std::thread::id worked{};
  task.start([&] { worked = std::this_thread::get_id(); });
  CHECK(task.is_running());
  CHECK(run_until(loop, [&] { return !task.is_running(); }));
  CHECK(worked != std::this_thread::get_id());
  CHECK(worked != std::thread::id{});
  CHECK(seen.told == std::this_thread::get_id());
}

TEST_CASE("BackgroundTask can be started again from its own callback") {
  EventLoop loop;
  struct Chain {
    EventLoop& loop;
    std::optional<BackgroundTask> task{};
    int done = 0;
    static void on_done(void* self) {
      auto* chain = static_cast<Chain*>(self);
      if (++chain->done < 3) chain->task->start([] {});
    }
  } chain{loop};
  chain.task.emplace(loop, Chain::on_done, &chain);
  chain.task->start([] {});
  CHECK(run_until(loop, [&] { return chain.done == 3; }));
}

TEST_CASE("BackgroundTask that dies calls nobody, and its work may end later") {
  Owner owner;
  std::promise<void> may_end;
  std::atomic<bool> began{false};
  std::atomic<bool> ended{false};
  {
    EventLoop loop;
    auto task = std::make_unique<BackgroundTask>(loop, Owner::on_done, &owner);
    task->start([&, gate = may_end.get_future().share()] {
      began = true;
      gate.wait();
      ended = true;
    });
    CHECK(run_until(loop, [&] { return began.load(); }));
    task.reset();
    may_end.set_value();
    // The loop's destructor waits for it.
  }
  CHECK(ended);
  CHECK(owner.done == 0);
}

TEST_CASE("The wait for what runs in the background has an end") {
  Owner owner;
  std::promise<void> may_end;
  std::atomic<bool> began{false};
  EventLoop loop;
  CHECK(loop.wait_for_background(Duration{0}));
  auto task = std::make_unique<BackgroundTask>(loop, Owner::on_done, &owner);
  task->start([&, gate = may_end.get_future().share()] {
    began = true;
    gate.wait();
  });
  CHECK(run_until(loop, [&] { return began.load(); }));
  task.reset();
  CHECK_FALSE(loop.wait_for_background(Duration{0}));
  CHECK_FALSE(loop.wait_for_background(Duration{5}));
  may_end.set_value();
  CHECK(loop.wait_for_background(Duration{60'000}));
  CHECK(owner.done == 0);
}

TEST_CASE("BackgroundTask that dies before its work began takes it back") {
  EventLoop loop;
  Owner owner;
  std::promise<void> may_end;
  const std::shared_future<void> gate = may_end.get_future().share();
  constexpr int kMoreThanThePoolHas = 1024;  // libuv's upper bound for its threads
  std::vector<std::unique_ptr<BackgroundTask>> busy;
  for (int i = 0; i < kMoreThanThePoolHas; ++i) {
    busy.push_back(std::make_unique<BackgroundTask>(loop, Owner::on_done, &owner));
    busy.back()->start([gate] { gate.wait(); });
  }
  bool ran = false;
  auto last = std::make_unique<BackgroundTask>(loop, Owner::on_done, &owner);
  last->start([&] { ran = true; });
  last.reset();
  may_end.set_value();
  CHECK(run_until(loop, [&] { return owner.done == kMoreThanThePoolHas; }));
  CHECK_FALSE(ran);
}

}  // namespace
}  // namespace uvhttpd::tests
