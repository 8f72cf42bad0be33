// SPDX-License-Identifier: MIT
// unit/server/rate_limiter_test.cpp: token buckets, and what is answered when one is empty.
#include "server/rate_limiter.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "unit/server/addresses.h"
#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

using std::chrono::seconds;

config::RateLimit limit_of(std::uint64_t requests, Duration per, std::uint64_t burst,
                           std::string key = {}) {
  return {requests, per, burst, std::move(key)};
}

// Some time that is not the beginning of the clock.
TimePoint at(std::int64_t milliseconds) { return TimePoint(Duration{1'000'000 + milliseconds}); }

// How many requests of the key may go on at that time.
std::size_t admitted(RateLimiter& limiter, std::uint64_t key, TimePoint now,
                     std::size_t most = 1'000) {
  std::size_t count = 0;
  while (count < most && limiter.take(key, now) == seconds{0}) ++count;
  return count;
}

TEST_CASE("A burst may come at once, and then what the rate brings") {
  RateLimiter limiter(limit_of(10, Duration{1'000}, 20), "a");
  CHECK(admitted(limiter, 1, at(0)) == 20);
  CHECK(admitted(limiter, 1, at(99)) == 0);
  CHECK(admitted(limiter, 1, at(100)) == 1);
  CHECK(admitted(limiter, 1, at(1'100)) == 10);
  CHECK(admitted(limiter, 1, at(100'000)) == 20);
}

TEST_CASE("Keys have buckets of their own") {
  RateLimiter limiter(limit_of(1, Duration{1'000}, 2), "a");
  CHECK(admitted(limiter, 1, at(0)) == 2);
  CHECK(admitted(limiter, 2, at(0)) == 2);
  CHECK(admitted(limiter, 1, at(0)) == 0);
}

TEST_CASE("Refused requests cost nothing") {
  RateLimiter limiter(limit_of(1, Duration{1'000}, 1), "a");
  CHECK(admitted(limiter, 1, at(0)) == 1);
  for (int i = 0; i < 100; ++i) CHECK(limiter.take(1, at(i)) == seconds{1});
  CHECK(limiter.take(1, at(1'000)) == seconds{0});
}

TEST_CASE("Who is refused learns after how many seconds one request may go on") {
  struct Row {
    const char* name;
    config::RateLimit limit;
  };
  const Row rows[] = {
      {"ten a second", limit_of(10, Duration{1'000}, 10)},
      {"one a minute", limit_of(1, Duration{60'000}, 3)},
      {"seven an hour", limit_of(7, Duration{3'600'000}, 1)},
      {"a million a second", limit_of(1'000'000, Duration{1'000}, 1)},
      {"three in 100 ms", limit_of(3, Duration{100}, 3)},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    RateLimiter limiter(row.limit, "a");
    CHECK(admitted(limiter, 1, at(0)) == row.limit.burst);
    const seconds wait = limiter.take(1, at(0));
    CHECK(wait >= seconds{1});
    const auto all = row.limit.per.count() / static_cast<std::int64_t>(row.limit.requests);
    CHECK(wait <= std::chrono::ceil<seconds>(Duration{all}) + seconds{1});
    CHECK(limiter.take(1, at(0) + wait) == seconds{0});
  }
}

TEST_CASE("Limits of any size count, and none overflows") {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  const config::RateLimit limits[] = {
      limit_of(kMost, Duration{1}, kMost), limit_of(1, Duration::max(), 1),
      limit_of(1, Duration::max(), kMost), limit_of(kMost, Duration::max(), 1),
      limit_of(0, Duration{1'000}, 0),
  };
  for (const config::RateLimit& limit : limits) {
    RateLimiter limiter(limit, "a");
    CHECK(limiter.take(1, at(0)) == seconds{0});
    CHECK(limiter.take(1, at(0)) >= seconds{0});
  }
}

TEST_CASE("A clock that is behind, as another worker's may be, gives nothing away") {
  RateLimiter limiter(limit_of(1, Duration{1'000}, 2), "a");
  CHECK(admitted(limiter, 1, at(5)) == 2);
  CHECK(admitted(limiter, 1, at(0)) == 0);
  CHECK(admitted(limiter, 1, at(1'005)) == 1);
}

// The key that is the `count`th of those in one set of the table.
std::uint64_t key_in_set(std::uint64_t count) {
  return 7 + count * (RateLimiter::kEntries / RateLimiter::kWays);
}

TEST_CASE("Keys that are used once do not displace one that is refused") {
  RateLimiter limiter(limit_of(1, Duration{1'000}, 10), "a");
  CHECK(admitted(limiter, key_in_set(0), at(0)) == 10);
  for (std::uint64_t i = 1; i < 10'000; ++i)
    CHECK(limiter.take(key_in_set(i), at(0)) == seconds{0});
  CHECK(admitted(limiter, key_in_set(0), at(0)) == 0);
}

TEST_CASE("A key that is refused is forgotten only for a whole set of others as empty") {
  RateLimiter limiter(limit_of(1, Duration{1'000}, 10), "a");
  CHECK(admitted(limiter, key_in_set(0), at(0)) == 10);
  for (std::uint64_t i = 1; i < RateLimiter::kWays; ++i) {
    CHECK(admitted(limiter, key_in_set(i), at(1)) == 10);
  }
  CHECK(admitted(limiter, key_in_set(0), at(1)) == 0);
  CHECK(admitted(limiter, key_in_set(RateLimiter::kWays), at(1)) == 10);
  CHECK(admitted(limiter, key_in_set(0), at(1)) == 10);
}

TEST_CASE("Full buckets are given up first") {
  RateLimiter limiter(limit_of(1, Duration{1'000}, 10), "a");
  for (std::uint64_t i = 0; i < RateLimiter::kWays; ++i) limiter.take(key_in_set(i), at(0));
  CHECK(admitted(limiter, key_in_set(3), at(0)) == 9);
  // All but that one are full again.
  for (std::uint64_t i = 100; i < 115; ++i)
    CHECK(admitted(limiter, key_in_set(i), at(1'500)) == 10);
  CHECK(admitted(limiter, key_in_set(3), at(1'500)) == 1);
}

TEST_CASE("Threads that take from one bucket get no more than it holds") {
  RateLimiter limiter(limit_of(1, Duration{3'600'000}, 1'000), "a");
  std::vector<std::size_t> got(4);
  std::vector<std::thread> threads;
  for (std::size_t& count : got) {
    threads.emplace_back([&limiter, &count] { count = admitted(limiter, 1, at(0), 2'000); });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(got[0] + got[1] + got[2] + got[3] == 1'000);
}

TEST_CASE("A limiter is the same as long as somebody holds it and its limit is the same") {
  RateLimiters limiters;
  const config::RateLimit limit = limit_of(1, Duration{1'000}, 2);
  auto first = limiters.get("a", limit);
  CHECK(limiters.get("a", limit) == first);
  CHECK(limiters.get("b", limit) != first);
  CHECK(limiters.get("a", limit_of(1, Duration{1'000}, 3)) != first);
  first->take(1, at(0));
  first.reset();
  CHECK(admitted(*limiters.get("a", limit), 1, at(0)) == 2);
}

// The key under which a request of that client with these fields is counted.
std::uint64_t key_of(const RateLimiter& limiter, const PeerAddress& client,
                     std::span<const http::Field> fields = {}) {
  Request request;
  request.client = client;
  request.head.fields = http::FieldList(fields);
  return limiter.key_of(request);
}

TEST_CASE("A client is an IPv4 address, or an IPv6 network of 64 bits, whatever the port") {
  const RateLimiter limiter(limit_of(1, Duration{1'000}, 1), "a");
  const auto key = [&](std::string_view ip, std::uint16_t port = 0) {
    return key_of(limiter, address(ip, port));
  };
  CHECK(key("10.0.0.1") == key("10.0.0.1", 80));
  CHECK(key("10.0.0.1") == key("::ffff:10.0.0.1"));
  CHECK(key("10.0.0.1") != key("10.0.0.2"));
  CHECK(key("2001:db8:0:1::1") == key("2001:db8:0:1:ffff::2", 80));
  CHECK(key("2001:db8:0:1::1") != key("2001:db8:0:2::1"));
  CHECK(key("unix:") == key("unix:"));
  CHECK(key("unix:") != key("0.0.0.0"));
}

TEST_CASE("A field is counted by its first line, and where it is missing or empty, the client") {
  const RateLimiter limiter(limit_of(1, Duration{1'000}, 1, "x-key"), "a");
  const PeerAddress client = address("10.0.0.1");
  const http::Field one{http::FieldName::other, "X-Key", "one"};
  const http::Field two{http::FieldName::other, "x-key", "two"};
  const http::Field empty{http::FieldName::other, "X-Key", ""};
  const std::vector<http::Field> both{one, two};
  const auto key = [&](std::span<const http::Field> fields) {
    return key_of(limiter, client, fields);
  };
  CHECK(key({&one, 1}) == key_of(limiter, address("10.0.0.2"), {&one, 1}));
  CHECK(key({&one, 1}) != key({&two, 1}));
  CHECK(key({&one, 1}) == key(both));
  CHECK(key({&empty, 1}) == key({}));
  CHECK(key({}) != key_of(limiter, address("10.0.0.2")));
}

// The usual routes, of which /* and /echo have the site's limit and /early has its own.
std::shared_ptr<const config::Config> limited_config(std::uint64_t burst) {
  config::Config config = *config_of(usual_site());
  config::Site& site = config.sites.front();
  site.rate_limit = limit_of(1, Duration{3'600'000}, burst);
  for (config::Route& route : site.routes) {
    route.rate_limit = site.rate_limit;
    if (route.path.text == "/early") route.rate_limit = limit_of(1, Duration{7'200'000}, 1);
  }
  return std::make_shared<const config::Config>(std::move(config));
}

unsigned status_of(TestServer& server, const std::string& request) {
  TestClient client(server, request);
  return answer_in(client.take()).status;
}

TEST_CASE("A client that asks too often is answered with 429 and Retry-After") {
  TestServer server("[[site]]\n" + route("/*", "target"), usual_fakes());
  server.use(limited_config(2));
  TestClient client(server, get("/1") + get("/2") + get("/3"));
  const std::vector<Answer> answers = answers_in(client.take());
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].status == 200);
  CHECK(answers[1].status == 200);
  CHECK(answers[2].status == 429);
  CHECK(answers[2].field("Retry-After") == "3600");
  client.send(get("/4"));
  CHECK(answer_in(client.take()).status == 429);
}

TEST_CASE("The routes that have their site's limit count together, others for themselves") {
  TestServer server("[[site]]\n" + route("/*", "target"), usual_fakes());
  server.use(limited_config(2));
  CHECK(status_of(server, get("/a")) == 200);
  CHECK(status_of(server, post("/echo", "body")) == 200);
  CHECK(status_of(server, get("/a")) == 429);
  CHECK(status_of(server, get("/early")) == 200);
  CHECK(status_of(server, get("/early")) == 429);
}

TEST_CASE("A body that is not wanted because of 429 does not become a request") {
  TestServer server("[[site]]\n" + route("/*", "target"), usual_fakes());
  server.use(limited_config(1));
  TestClient client(server, get("/a") + post("/echo", get("/hidden")) + get("/b"));
  const std::vector<Answer> answers = answers_in(client.take());
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].status == 200);
  CHECK(answers[1].status == 429);
  CHECK(answers[2].status == 429);
}

TEST_CASE("A reload keeps what is counted, unless it changes the limit") {
  TestServer server("[[site]]\n" + route("/*", "target"), usual_fakes());
  server.use(limited_config(1));
  CHECK(status_of(server, get("/")) == 200);
  server.use(limited_config(1));
  CHECK(status_of(server, get("/")) == 429);
  server.use(limited_config(2));
  CHECK(status_of(server, get("/")) == 200);
}

TEST_CASE("A request that is sent on within the server is counted once by one limit") {
  Fakes fakes = usual_fakes();
  fakes["target"] = {[](Exchange& exchange) {
    if (exchange.request().target.path == "/from") {
      CHECK(exchange.redirect_internally("/echo"));
    } else {
      CHECK(exchange.redirect_internally("/early"));
    }
  }};
  TestServer server("[[site]]\n" + route("/*", "target"), fakes);
  server.use(limited_config(3));
  SUBCASE("from a route with the same one") {
    CHECK(status_of(server, get("/from")) == 200);
    CHECK(status_of(server, get("/from")) == 200);
    CHECK(status_of(server, get("/from")) == 200);
    CHECK(status_of(server, get("/from")) == 429);
  }
  SUBCASE("to a route with another one") {
    CHECK(status_of(server, get("/other")) == 200);
    CHECK(status_of(server, get("/other")) == 429);
  }
}

}  // namespace
}  // namespace uvhttpd::tests
