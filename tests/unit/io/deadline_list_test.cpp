// SPDX-License-Identifier: MIT
// unit/io/deadline_list_test.cpp: deadlines come in order, not early, and their callbacks may do as
// they like.
#include "io/deadline_list.h"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>

#include "support/run_until.h"

namespace uvhttpd::tests {
namespace {

// A node whose callback is a function of the test.
struct Node {
  explicit Node(std::function<void()> act)
      : expired(std::move(act)),
        node([](void* self) { static_cast<Node*>(self)->expired(); }, this) {}
  std::function<void()> expired;
  DeadlineNode node;
};

struct Fixture {
  EventLoop loop;
  DeadlineClock clock{loop};
  DeadlineList list{clock, Duration{20}};
  std::string order;
  Node a{[this] { order += 'a'; }};
  Node b{[this] { order += 'b'; }};
  Node c{[this] { order += 'c'; }};
  bool comes(const std::string& expected) {
    return run_until(loop, [&] { return order == expected; });
  }
};

TEST_CASE_FIXTURE(Fixture, "Deadlines come in the order they were armed in") {
  list.arm(b.node);
  list.arm(a.node);
  list.arm(c.node);
  CHECK(comes("bac"));
  CHECK_FALSE(a.node.is_armed());
}

TEST_CASE_FIXTURE(Fixture, "A deadline does not come early") {
  const TimePoint start = loop.now();
  list.arm(a.node);
  CHECK(a.node.due() == start + Duration{20});
  REQUIRE(comes("a"));
  CHECK(loop.now() - start >= Duration{20});
}

TEST_CASE_FIXTURE(Fixture, "A deadline armed again moves to the end and comes once") {
  list.arm(a.node);
  list.arm(b.node);
  list.arm(a.node);
  CHECK(comes("ba"));
}

TEST_CASE_FIXTURE(Fixture, "A deadline that is disarmed, or whose node is gone, does not come") {
  auto gone = std::make_unique<Node>([this] { order += 'g'; });
  list.arm(a.node);
  list.arm(gone->node);
  list.arm(b.node);
  a.node.disarm();
  a.node.disarm();
  gone.reset();
  CHECK(comes("b"));
}

TEST_CASE_FIXTURE(Fixture, "Lists of different durations share one clock") {
  DeadlineList longer(clock, Duration{60});
  DeadlineList shorter(clock, Duration{5});
  longer.arm(a.node);
  list.arm(b.node);
  shorter.arm(c.node);
  CHECK(comes("cba"));
}

TEST_CASE_FIXTURE(Fixture, "A deadline moves from one list to another") {
  DeadlineList longer(clock, Duration{60});
  list.arm(a.node);
  longer.arm(a.node);
  list.arm(b.node);
  CHECK(comes("ba"));
}

TEST_CASE_FIXTURE(Fixture, "A callback may arm its own node again") {
  int left = 3;
  Node again([&] {
    order += 'x';
    if (--left > 0) list.arm(again.node);
  });
  list.arm(again.node);
  CHECK(comes("xxx"));
}

TEST_CASE_FIXTURE(Fixture, "A callback may disarm the nodes that are due with it") {
  Node killer([this] {
    order += 'k';
    a.node.disarm();
  });
  list.arm(killer.node);
  list.arm(a.node);
  list.arm(b.node);
  CHECK(comes("kb"));
}

TEST_CASE_FIXTURE(Fixture, "A callback may destroy its own node and others") {
  std::unique_ptr<Node> own;
  std::unique_ptr<Node> other;
  own = std::make_unique<Node>([&] {
    order += 'o';
    other.reset();
    const std::unique_ptr<Node> last = std::move(own);
  });
  other = std::make_unique<Node>([this] { order += 'x'; });
  list.arm(own->node);
  list.arm(other->node);
  list.arm(a.node);
  CHECK(comes("oa"));
}

TEST_CASE_FIXTURE(Fixture, "A callback may add lists and arm nodes in them") {
  std::vector<std::unique_ptr<DeadlineList>> more;
  Node adding([&] {
    order += 'n';
    for (int i = 1; i <= 20; ++i)
      more.push_back(std::make_unique<DeadlineList>(clock, Duration{i}));
    more[4]->arm(b.node);
    more[0]->arm(a.node);
  });
  list.arm(adding.node);
  CHECK(comes("nab"));
}

TEST_CASE_FIXTURE(Fixture, "A sooner deadline armed later is not missed") {
  DeadlineList far(clock, Duration{3'600'000});
  far.arm(c.node);
  list.arm(a.node);
  CHECK(comes("a"));
  list.arm(b.node);
  CHECK(comes("ab"));
  c.node.disarm();
}

}  // namespace
}  // namespace uvhttpd::tests
