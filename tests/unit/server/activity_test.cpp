// SPDX-License-Identifier: MIT
// tests/unit/server/activity_test.cpp: what is known of the running process, and for how long.
#include "server/activity.h"

#include <doctest/doctest.h>

#include <thread>

#include "support/test_server.h"

namespace uvhttpd {
namespace {

Program program(pid_t pid, std::string file) {
  Program made;
  made.pid = pid;
  made.file = std::move(file);
  return made;
}

TEST_CASE("A program is listed from its entry to its end, the oldest first") {
  Activity activity;
  CHECK(activity.programs().empty());
  Activity::Entry first = activity.enter(program(11, "/srv/a"));
  {
    const Activity::Entry second = activity.enter(program(12, "/srv/b"));
    const std::vector<Program> both = activity.programs();
    REQUIRE(both.size() == 2);
    CHECK(both[0].pid == 11);
    CHECK(both[1].file == "/srv/b");
    CHECK(both[0].started <= both[1].started);
    CHECK(age_of(both[0].started) >= Duration{0});
  }
  REQUIRE(activity.programs().size() == 1);
  first.leave();
  CHECK(activity.programs().empty());
}

TEST_CASE("An entry that is moved stands for its program once") {
  Activity activity;
  Activity::Entry here = activity.enter(program(11, "/srv/a"));
  Activity::Entry there(std::move(here));
  CHECK(activity.programs().size() == 1);
  here = activity.enter(program(12, "/srv/b"));
  there = std::move(here);
  REQUIRE(activity.programs().size() == 1);
  CHECK(activity.programs().front().pid == 12);
  there = Activity::Entry();
  CHECK(activity.programs().empty());
}

TEST_CASE("Workers share the figures of an upstream while one of them holds them") {
  Activity activity;
  const UpstreamName name{"example.org", "/app/*", "unix:/run/app.sock"};
  std::shared_ptr<UpstreamFigures> one = activity.upstream(name);
  std::shared_ptr<UpstreamFigures> other = activity.upstream(name);
  CHECK(one == other);
  CHECK(activity.upstream({"example.org", "/b/*", "unix:/run/app.sock"}) != one);
  one->requests += 3;
  one.reset();
  REQUIRE(activity.upstreams().size() == 1);
  CHECK(activity.upstreams().front()->name == name);
  CHECK(activity.upstreams().front()->requests == 3);
  other.reset();
  CHECK(activity.upstreams().empty());
  CHECK(activity.upstream(name)->requests == 0);
}

TEST_CASE("Each worker's opinion of an upstream counts once") {
  const int workers[2]{};
  Activity activity;
  const std::shared_ptr<UpstreamFigures> figures = activity.upstream({"a", "/*", "127.0.0.1:9000"});
  UpstreamOpinion mine(figures, &workers[0], UpstreamState::resolving);
  {
    UpstreamOpinion other(figures, &workers[1], UpstreamState::up);
    const UpstreamOpinion moved(std::move(other));
    mine.set(UpstreamState::down);
    mine.set(UpstreamState::down);
    CHECK(figures->workers_that_say(UpstreamState::resolving) == 0);
    CHECK(figures->workers_that_say(UpstreamState::up) == 1);
    CHECK(figures->workers_that_say(UpstreamState::down) == 1);
  }
  CHECK(figures->workers_that_say(UpstreamState::up) == 0);
  CHECK(mine.state() == UpstreamState::down);
}

TEST_CASE("What a worker knows under an older configuration is not counted beside the newer") {
  const int workers[2]{};
  const auto figures = std::make_shared<UpstreamFigures>(UpstreamName{"a", "/*", "10.0.0.1:80"});
  using Counts = std::array<std::uint64_t, 3>;  // resolving, up, down
  UpstreamOpinion old_one(figures, &workers[0], UpstreamState::up);
  const UpstreamOpinion others(figures, &workers[1], UpstreamState::up);
  CHECK(figures->workers_by_state() == Counts{0, 2, 0});
  {
    UpstreamOpinion new_one(figures, &workers[0], UpstreamState::resolving);
    CHECK(figures->workers_by_state() == Counts{1, 1, 0});
    old_one.set(UpstreamState::down);
    new_one.set(UpstreamState::up);
    CHECK(figures->workers_by_state() == Counts{0, 2, 0});
  }
  // The reload was refused.
  CHECK(figures->workers_by_state() == Counts{0, 1, 1});
}

TEST_CASE("Places of a route are one object as long as somebody holds it") {
  Activity activity;
  CHECK(activity.find_places("a /*") == nullptr);
  std::shared_ptr<ProgramPlaces> places = activity.places("a /*", 3);
  CHECK(places->most_running == 3);
  CHECK(activity.places("a /*", 5) == places);
  CHECK(activity.find_places("a /*") == places);
  CHECK(places->most_running == 3);
  CHECK(activity.places("b /*", 5) != places);
  places.reset();
  CHECK(activity.find_places("a /*") == nullptr);
  CHECK(activity.places("a /*", 5)->most_running == 5);
}

TEST_CASE("What became of an upstream's name is news to the first worker that says it") {
  UpstreamFigures figures({"a", "/*", "http://app.example"});
  CHECK(figures.is_news("no address"));
  CHECK(!figures.is_news("no address"));
  CHECK(figures.is_news("another reason"));
  CHECK(figures.is_news(""));
  CHECK(!figures.is_news(""));
}

TEST_CASE("Threads may enter programs, count and look at the same time") {
  constexpr int kThreads = 4;
  constexpr int kRounds = 500;
  Activity activity;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&activity, i] {
      WorkerFigures& figures = activity.add_worker(i);
      const auto upstream = activity.upstream({"a", "/*", "127.0.0.1:9000"});
      for (int round = 0; round < kRounds; ++round) {
        const Activity::Entry entry = activity.enter(program(round + 1, "/srv/a"));
        UpstreamOpinion opinion(upstream, &figures, UpstreamState::up);
        ++upstream->requests;
        figures.requests.add(1);
        for (const Program& running : activity.programs()) REQUIRE(running.pid > 0);
        opinion.set(UpstreamState::down);
      }
    });
  }
  const auto upstream = activity.upstream({"a", "/*", "127.0.0.1:9000"});
  for (std::thread& thread : threads) thread.join();
  CHECK(activity.programs().empty());
  std::uint64_t requests = 0;
  for (const WorkerFigures* worker : activity.workers()) requests += worker->requests.value();
  CHECK(requests == kThreads * kRounds);
  CHECK(upstream->requests <= kThreads * kRounds);
  for (const UpstreamState state :
       {UpstreamState::resolving, UpstreamState::up, UpstreamState::down}) {
    CHECK(upstream->workers_that_say(state) == 0);
  }
}

TEST_CASE("Reloads are counted, the last one with its time") {
  Activity activity;
  CHECK(activity.life().reloads == 0);
  activity.note_reload();
  activity.note_reload();
  CHECK(activity.life().reloads == 2);
  CHECK(activity.life().reloaded_seconds >= activity.life().started_seconds);
}

TEST_CASE("A worker counts its connections, requests, answers and octets") {
  using namespace tests;
  TestServer server("[[site]]\n" + route("/held", "held") + route("/*", "no"),
                    {{"held", {[](Exchange&) {}}}, {"no", {[](Exchange& e) { e.fail(404, {}); }}}});
  const WorkerFigures& figures = server.context.figures;
  {
    TestClient client(server, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(figures.sent_bytes.value() == client.received().size());
    client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(figures.connections_accepted.value() == 1);
    CHECK(figures.requests.value() == 2);
    CHECK(figures.answers[3].value() == 1);
    CHECK(figures.unanswered.value() == 0);
    client.go_away();
  }
  CHECK(figures.unanswered.value() == 1);
  CHECK(figures.connections_closed.value() == 1);
  TestClient refused(server, "GET / HTTP/1.1\r\nHost a\r\n\r\n");
  CHECK(figures.requests.value() == 3);
}

}  // namespace
}  // namespace uvhttpd
