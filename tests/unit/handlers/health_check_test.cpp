// SPDX-License-Identifier: MIT
// unit/handlers/health_check_test.cpp: an upstream is asked whether it is in order.
#include <doctest/doctest.h>

#include "handlers/health_check.h"
#include "support/fake_upstream.h"
#include "support/run_until.h"

namespace uvhttpd::tests {
namespace {

// "bad: it answers 500, good" is what a check has said.
class CheckStage {
 public:
  explicit CheckStage(HealthCheck::Kind kind = HealthCheck::Kind::http) : kind_(kind) {
    rules.path = "/health?x=1";
    rules.every = Duration{2};
    rules.timeout = Duration{500};
    rules.rise = 1;
    rules.fall = 1;
    config.host = "127.0.0.1";
    config.port = upstream.port();
    config.base = "/base";
    address = *SocketAddress::of_ip("127.0.0.1", upstream.port());
  }
  void start() {
    check = std::make_unique<HealthCheck>(
        loop, kind_, rules, config, config::ProxyProtocol::off, address,
        [](void* self, bool is_healthy, std::string_view reason) {
          std::string& so_far = static_cast<CheckStage*>(self)->said;
          if (!so_far.empty()) so_far += ", ";
          so_far += is_healthy ? "good" : "bad: " + std::string(reason);
        },
        this);
    check->start();
  }
  template <class Condition>
  bool wait_until(Condition&& holds) {
    return run_until(loop, [&] {
      upstream.turn();
      return holds();
    });
  }
  bool wait_for_word() {
    return wait_until([&] { return !said.empty(); });
  }

  EventLoop loop;
  FakeUpstream upstream;
  config::HealthCheck rules;
  config::Upstream config;
  SocketAddress address;
  std::string said;
  std::unique_ptr<HealthCheck> check;

 private:
  HealthCheck::Kind kind_;
};

Steps answering(const std::string& status) {
  return {expect("\r\n\r\n"), send("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n")};
}

TEST_CASE("An upstream is asked for the path, below its base") {
  CheckStage stage;
  stage.upstream.play(answering("200 OK")).play(answering("200 OK"));
  stage.start();
  REQUIRE(stage.wait_until([&] { return stage.upstream.accepted() == 2; }));
  const std::string& received = stage.upstream[0].received();
  CHECK(received.starts_with("GET /base/health?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
  CHECK(received.ends_with("\r\nConnection: close\r\n\r\n"));
  CHECK(stage.upstream[0].is_ended());
  CHECK(stage.said.empty());
}

TEST_CASE("An upstream is asked in the name of the host that is set") {
  CheckStage stage;
  stage.rules.host = "app.example:8443";
  stage.upstream.play(answering("200 OK")).play(answering("200 OK"));
  stage.start();
  REQUIRE(stage.wait_until([&] { return stage.upstream.accepted() == 2; }));
  CHECK(stage.upstream[0].received().find("\r\nHost: app.example:8443\r\n") != std::string::npos);
}

TEST_CASE("Answers other than 2xx and 3xx, and none, are bad") {
  struct Row {
    const char* name;
    Steps steps;
    const char* said;
  };
  const Row rows[] = {
      {"status", answering("500 Oh"), "bad: it answers 500"},
      {"not found", answering("404 Not Found"), "bad: it answers 404"},
      {"nonsense", {send("220 mail\r\n")}, "bad: malformed status line"},
      {"closed",
       {expect("\r\n\r\n"), close_it()},
       "bad: the connection ended before the end of the response head"},
      {"reset", {expect("\r\n\r\n"), reset_it()}, "bad: it closes the connection"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    CheckStage stage;
    stage.upstream.play(row.steps);
    stage.start();
    REQUIRE(stage.wait_for_word());
    CHECK(stage.said == row.said);
    CHECK(!stage.check->is_healthy());
  }
}

TEST_CASE("Redirects and interim answers are good") {
  CheckStage stage;
  stage.upstream
      .play({expect("\r\n\r\n"), send("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 302 Found\r\n\r\n")})
      .play(answering("204 No Content"));
  stage.start();
  REQUIRE(stage.wait_until([&] { return stage.upstream.accepted() == 3; }));
  CHECK(stage.said.empty());
}

TEST_CASE("One that does not answer in time is out of order") {
  CheckStage stage;
  stage.rules.timeout = Duration{20};
  stage.start();
  REQUIRE(stage.wait_for_word());
  CHECK(stage.said == "bad: it does not answer in time");
}

TEST_CASE("One that refuses connections is out of order, and in order when it takes them") {
  for (const HealthCheck::Kind kind : {HealthCheck::Kind::connect, HealthCheck::Kind::http}) {
    CheckStage stage(kind);
    stage.upstream.refuse();
    stage.start();
    REQUIRE(stage.wait_for_word());
    CHECK(stage.said.starts_with("bad: connecting"));
    stage.said.clear();
    for (int i = 0; i < 9; ++i) stage.upstream.play(answering("200 OK"));
    stage.upstream.listen();
    REQUIRE(stage.wait_for_word());
    CHECK(stage.said == "good");
  }
}

TEST_CASE("It takes several bad answers in a row to fall, and several good ones to rise") {
  CheckStage stage;
  stage.rules.fall = 3;
  stage.rules.rise = 2;
  std::string history;
  for (const char answer : std::string("bbgbbbgbggbbb")) {
    stage.upstream.play(answering(answer == 'g' ? "200 OK" : "500 Oh"));
  }
  stage.start();
  for (std::size_t answers = 1; answers <= 13; ++answers) {
    REQUIRE(stage.wait_until([&] { return stage.upstream.accepted() == answers + 1; }));
    history += stage.check->is_healthy() ? '+' : '-';
  }
  CHECK(history == "+++++----+++-");
  CHECK(stage.said == "bad: it answers 500, good, bad: it answers 500");
}

TEST_CASE("A check may end at any moment") {
  CheckStage stage;
  stage.upstream.play({expect("\r\n\r\n")});
  stage.start();
  stage.check.reset();
  stage.start();
  REQUIRE(stage.wait_until([&] { return stage.upstream.accepted() > 0; }));
  stage.check.reset();
  CHECK(stage.said.empty());
}

}  // namespace
}  // namespace uvhttpd::tests
