// SPDX-License-Identifier: MIT
// unit/handlers/upstream_pool_test.cpp: which upstream is asked, and which connections are kept.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <map>

#include "handlers/upstream_pool.h"
#include "support/fake_upstream.h"
#include "support/run_until.h"
#include "support/temp_dir.h"

namespace uvhttpd::tests {
namespace {

// A pool of upstreams that nobody listens at, unless a test says where.
class PoolStage {
 public:
  explicit PoolStage(std::size_t count, config::Balance balance = config::Balance::round_robin) {
    REQUIRE(log.open(directory / "log", LogLevel::debug).has_value());
    rules.balance = balance;
    for (std::size_t i = 0; i < count; ++i) add(static_cast<std::uint16_t>(9000 + i));
  }
  void add(std::uint16_t port) {
    config::Upstream& upstream = rules.upstreams.emplace_back();
    upstream.host = "127.0.0.1";
    upstream.port = port;
    upstream.text = "127.0.0.1:" + std::to_string(port);
    rules.loads.push_back(std::make_shared<config::UpstreamLoad>());
  }
  void add_name(const std::string& name) {
    add(9000);
    rules.upstreams.back().kind = config::Upstream::Kind::name;
    rules.upstreams.back().host = name;
    rules.upstreams.back().text = name;
  }
  UpstreamPool& start() {
    const HandlerContext context{loop, log, config, site, shared, lasting, activity};
    pool = std::make_unique<UpstreamPool>(context, rules, "/*", HealthCheck::Kind::connect,
                                          config::ProxyProtocol::off);
    pool->start();
    return *pool;
  }
  UpstreamServer& server(std::size_t number) { return *pool->servers()[number]; }
  // Its number, as one request after the other is given it.
  std::size_t choose(std::string_view key = "",
                     const std::vector<const UpstreamServer*>* tried = nullptr) {
    const UpstreamPool::Choice choice = pool->choose({key, tried});
    REQUIRE(choice.verdict == UpstreamPool::Verdict::chosen);
    std::size_t number = 0;
    while (&server(number) != choice.server) ++number;
    return number;
  }
  // The upstreams that so many requests get.
  std::map<std::size_t, int> choose_often(int requests) {
    std::map<std::size_t, int> counts;
    for (int i = 0; i < requests; ++i) ++counts[choose()];
    return counts;
  }
  // A request is made and gets no answer, or one.
  void fail(std::size_t number) {
    pool->note_failure(server(number), connect_to(number).get(), "it is off");
  }
  void succeed(std::size_t number) { pool->note_success(server(number), *connect_to(number)); }
  std::unique_ptr<UpstreamConnection> connect_to(std::size_t number) {
    auto made = server(number).connect(loop);
    REQUIRE(made);
    return *std::move(made);
  }
  // The loop's clock goes on, though the loop does not turn.
  void pass(Duration time) { loop.raw()->time += static_cast<std::uint64_t>(time.count()); }

  TempDir directory;
  Log log;
  EventLoop loop;
  config::Config config;
  config::Site site;
  SharedObjects shared;
  SharedObjects lasting;
  Activity activity;
  config::UpstreamRules rules;
  std::unique_ptr<UpstreamPool> pool;
};

TEST_CASE("Each upstream has its turn") {
  PoolStage stage(3);
  stage.start();
  CHECK(stage.choose_often(30) == std::map<std::size_t, int>{{0, 10}, {1, 10}, {2, 10}});
}

TEST_CASE("The upstream with the fewest requests under way is asked") {
  FakeUpstream listener;
  PoolStage stage(0, config::Balance::least_connections);
  for (int i = 0; i < 3; ++i) stage.add(listener.port());
  stage.start();
  auto first = stage.server(0).connect(stage.loop);
  auto third = stage.server(2).connect(stage.loop);
  REQUIRE((first && third));
  CHECK(stage.choose_often(5) == std::map<std::size_t, int>{{1, 5}});
  first->reset();
  std::map<std::size_t, int> counts = stage.choose_often(6);
  CHECK((counts[0] > 0 && counts[1] > 0 && counts[2] == 0));
}

TEST_CASE("Of two that are drawn the less busy is asked") {
  FakeUpstream listener;
  PoolStage stage(0, config::Balance::random_two);
  for (int i = 0; i < 2; ++i) stage.add(listener.port());
  stage.start();
  auto busy = stage.server(0).connect(stage.loop);
  REQUIRE(busy);
  CHECK(stage.choose_often(20) == std::map<std::size_t, int>{{1, 20}});
}

TEST_CASE("A hash leads to the same upstream, and elsewhere only when that one rests") {
  PoolStage stage(5, config::Balance::hash);
  stage.start();
  std::map<std::string, std::size_t> before;
  std::map<std::size_t, int> counts;
  for (int i = 0; i < 200; ++i) {
    const std::string key = "client " + std::to_string(i);
    before[key] = stage.choose(key);
    ++counts[before[key]];
    CHECK(stage.choose(key) == before[key]);
  }
  CHECK(counts.size() == 5);
  stage.fail(2);
  for (const auto& [key, number] : before) {
    if (number == 2) {
      CHECK(stage.choose(key) != 2);
    } else {
      CHECK(stage.choose(key) == number);
    }
  }
}

TEST_CASE("An upstream that fails rests, twice as long each time, at most half a minute") {
  PoolStage stage(2);
  stage.start();
  for (const int seconds : {1, 2, 4, 8, 16, 30, 30}) {
    CAPTURE(seconds);
    stage.fail(0);
    // Of requests that were under way already.
    stage.fail(0);
    stage.pass(Duration{seconds * 1000 - 1});
    CHECK(stage.choose_often(4) == std::map<std::size_t, int>{{1, 4}});
    stage.pass(Duration{1});
    CHECK(stage.choose_often(4) == std::map<std::size_t, int>{{0, 2}, {1, 2}});
  }
  stage.succeed(0);
  stage.fail(0);
  stage.pass(Duration{1000});
  CHECK(stage.choose_often(4) == std::map<std::size_t, int>{{0, 2}, {1, 2}});
}

TEST_CASE("An answer ends the rest of an upstream") {
  PoolStage stage(2);
  stage.start();
  stage.fail(0);
  stage.succeed(0);
  CHECK(stage.choose_often(4) == std::map<std::size_t, int>{{0, 2}, {1, 2}});
}

TEST_CASE("Where all rest all are asked") {
  PoolStage stage(2);
  stage.start();
  stage.fail(0);
  stage.fail(1);
  CHECK(stage.choose_often(4) == std::map<std::size_t, int>{{0, 2}, {1, 2}});
}

TEST_CASE("One that has failed a request is not asked for it again while there are others") {
  PoolStage stage(3);
  stage.start();
  std::vector<const UpstreamServer*> tried{&stage.server(0)};
  for (int i = 0; i < 6; ++i) CHECK(stage.choose("", &tried) != 0);
  // Rather one that rests than one that was tried.
  stage.fail(1);
  tried.push_back(&stage.server(2));
  CHECK(stage.choose("", &tried) == 1);
  tried.push_back(&stage.server(1));
  CHECK(stage.choose("", &tried) <= 2);
}

TEST_CASE("A pool that takes the place of another knows what rests") {
  PoolStage stage(2);
  stage.start();
  stage.fail(0);
  const std::unique_ptr<UpstreamPool> old = std::move(stage.pool);
  stage.start();
  CHECK(stage.choose_often(4) == std::map<std::size_t, int>{{1, 4}});
  CHECK(stage.activity.upstreams()[0]->workers_that_say(UpstreamState::down) == 1);
  stage.pass(Duration{1000});
  CHECK(stage.choose_often(4) == std::map<std::size_t, int>{{0, 2}, {1, 2}});
}

TEST_CASE("What a pool has known goes with it") {
  PoolStage stage(2);
  stage.start();
  stage.fail(0);
  stage.pool.reset();
  stage.start();
  CHECK(stage.choose_often(4) == std::map<std::size_t, int>{{0, 2}, {1, 2}});
}

TEST_CASE("A pool that checks the health in another way knows nothing of it") {
  PoolStage stage(2);
  stage.start();
  stage.fail(0);
  const std::unique_ptr<UpstreamPool> old = std::move(stage.pool);
  config::UpstreamRules other = stage.rules;
  other.health.emplace();
  const HandlerContext context{stage.loop,   stage.log,     stage.config,  stage.site,
                               stage.shared, stage.lasting, stage.activity};
  UpstreamPool checking(context, other, "/*", HealthCheck::Kind::connect,
                        config::ProxyProtocol::off);
  checking.start();
  std::map<const UpstreamServer*, int> counts;
  for (int i = 0; i < 4; ++i) ++counts[checking.choose({"", nullptr}).server];
  CHECK(counts.size() == 2);
}

TEST_CASE("The connection that was used last is taken first") {
  FakeUpstream listener;
  PoolStage stage(0);
  stage.add(listener.port());
  UpstreamPool& pool = stage.start();
  auto older = stage.server(0).connect(stage.loop);
  auto newer = stage.server(0).connect(stage.loop);
  REQUIRE((older && newer));
  const UpstreamConnection* last = newer->get();
  CHECK(stage.server(0).connections_in_use() == 2);
  pool.give_back(stage.server(0), *std::move(older));
  pool.give_back(stage.server(0), *std::move(newer));
  CHECK(stage.server(0).connections_in_use() == 0);
  CHECK(stage.server(0).connections_idle() == 2);
  stage.pass(Duration{1000});
  CHECK(pool.take_idle(stage.server(0), Duration{999}) == nullptr);
  const auto taken = pool.take_idle(stage.server(0), Duration{1000});
  CHECK(taken.get() == last);
  CHECK(taken->is_reused());
  CHECK(stage.server(0).connections_idle() == 1);
}

TEST_CASE("None is kept while somebody is held up, on whatever worker") {
  FakeUpstream listener;
  PoolStage stage(0);
  stage.add(listener.port());
  UpstreamPool& pool = stage.start();
  pool.give_way();
  for (int i = 0; i < 2; ++i) pool.give_back(stage.server(0), stage.connect_to(0));
  CHECK(stage.server(0).connections_idle() == 2);
  ++stage.rules.loads[0]->held_up;
  CHECK(run_until(stage.loop, [&] { return stage.server(0).connections_idle() == 0; }));
}

TEST_CASE("A lack of descriptors is not the upstream's") {
  FakeUpstream listener;
  PoolStage stage(0);
  stage.add(listener.port());
  stage.add(9001);
  stage.start();
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{0, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const auto made = stage.server(0).connect(stage.loop);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE_FALSE(made);
  CHECK(is_lack_of_room(made.error().os_error));
  CHECK(stage.choose_often(4) == std::map<std::size_t, int>{{0, 2}, {1, 2}});
}

TEST_CASE("No more connections are kept than may be, and none of them too long") {
  FakeUpstream listener;
  PoolStage stage(0);
  stage.add(listener.port());
  stage.rules.keep_alive = 2;
  stage.rules.keep_alive_timeout = Duration{30};
  UpstreamPool& pool = stage.start();
  std::vector<std::unique_ptr<UpstreamConnection>> all;
  for (int i = 0; i < 3; ++i) {
    auto made = stage.server(0).connect(stage.loop);
    REQUIRE(made);
    all.push_back(*std::move(made));
  }
  for (auto& each : all) pool.give_back(stage.server(0), std::move(each));
  CHECK(stage.server(0).connections_idle() == 2);
  CHECK(stage.server(0).connections_in_use() == 0);
  CHECK(run_until(stage.loop, [&] { return stage.server(0).connections_idle() == 0; }));
}

TEST_CASE("A kept connection that its upstream closes, or sends something on, is kept no more") {
  for (const Step& step : {close_it(), send("unasked"), reset_it()}) {
    FakeUpstream listener;
    listener.play({wait(), step});
    PoolStage stage(0);
    stage.add(listener.port());
    UpstreamPool& pool = stage.start();
    auto made = stage.server(0).connect(stage.loop);
    REQUIRE(made);
    REQUIRE(run_until(stage.loop, [&] {
      listener.turn();
      return listener.accepted() == 1;
    }));
    pool.give_back(stage.server(0), *std::move(made));
    listener[0].release();
    CHECK(run_until(stage.loop, [&] {
      listener.turn();
      return stage.server(0).connections_idle() == 0;
    }));
  }
}

struct Waiting {
  explicit Waiting(UpstreamPool& its_pool)
      : pool(its_pool), waiter([](void* self) { static_cast<Waiting*>(self)->look(); }, this) {}
  void look() {
    ++told;
    verdict = pool.choose({"", nullptr}).verdict;
    if (verdict == UpstreamPool::Verdict::unresolved) pool.wait(waiter);
  }
  UpstreamPool& pool;
  int told = 0;
  UpstreamPool::Verdict verdict = UpstreamPool::Verdict::unresolved;
  UpstreamWaiter waiter;
};

TEST_CASE("Who waits for a name is told when it has addresses, and when it has none") {
  struct Row {
    const char* name;
    UpstreamPool::Verdict verdict;
  };
  constexpr Row kRows[] = {{"localhost", UpstreamPool::Verdict::chosen},
                           {"nowhere.invalid", UpstreamPool::Verdict::no_address}};
  for (const Row& row : kRows) {
    CAPTURE(std::string(row.name));
    PoolStage stage(0);
    stage.add_name(row.name);
    UpstreamPool& pool = stage.start();
    Waiting one(pool);
    auto gone = std::make_unique<Waiting>(pool);
    one.look();
    gone->look();
    REQUIRE(one.verdict == UpstreamPool::Verdict::unresolved);
    gone.reset();
    REQUIRE(run_until(stage.loop, [&] { return one.told > 1; }));
    CHECK(one.verdict == row.verdict);
  }
}

TEST_CASE("Others are asked while a name is looked up") {
  PoolStage stage(1);
  stage.add_name("nowhere.invalid");
  stage.start();
  CHECK(stage.choose_often(3) == std::map<std::size_t, int>{{0, 3}});
}

}  // namespace
}  // namespace uvhttpd::tests
