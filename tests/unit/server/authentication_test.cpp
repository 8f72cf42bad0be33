// SPDX-License-Identifier: MIT
// unit/server/authentication_test.cpp: who may have what a route with `auth` answers.
#include <doctest/doctest.h>

#include <optional>
#include <utility>

#include "server/rehearsal.h"
#include "unit/server/fakes.h"
#include "unit/server/passwords.h"

namespace uvhttpd::tests {
namespace {

const std::string kAlice = authorization("alice", "secret");
const std::string kBob = authorization("bob", "word");
const std::string kWrong = authorization("alice", "wrong");
const std::string kStranger = authorization("eve", "secret");
constexpr std::string_view kChallenge = R"(Basic realm="Staff \"only\"", charset="UTF-8")";

// Routes below /in/ are for alice and bob, /out is for everybody.
struct Sample {
  TempDir directory;
  Fakes fakes = usual_fakes();
  std::string top;       // before the site
  std::string in_site;   // of the site
  std::string in_route;  // of "/in/*"
  std::vector<std::string> users_seen;
  Lives lives;
  std::optional<TestServer> server;

  Sample() {
    directory.write("users", alice_and_bob());
    fakes["who"] = {[this](Exchange& exchange) {
      exchange.keep<Witness>(lives);
      users_seen.emplace_back(exchange.request().user);
      respond_with(exchange, "for " + users_seen.back());
    }};
    fakes["to-in"] = {[this](Exchange& exchange) {
      users_seen.emplace_back(exchange.request().user);
      if (!exchange.redirect_internally("/in/a")) exchange.fail(500, "no redirect");
    }};
    fakes["to-out"] = {[](Exchange& exchange) {
      if (!exchange.redirect_internally("/out")) exchange.fail(500, "no redirect");
    }};
  }

  std::string toml() const {
    const std::string auth =
        "auth = { realm = 'Staff \"only\"', users = '" + (directory / "users") + "' }\n";
    return top + "\n[[site]]\n" + in_site + "\n" + route("/in/to-out", "to-out", auth) +
           route("/in/echo", "echo", auth) + route("/in/*", "who", auth + in_route) +
           route("/to-in", "to-in") + route("/out", "who") + route("/*", "target");
  }
  TestServer& start() { return server.emplace(toml(), fakes); }
  // The answers to the requests, once all are there.
  std::vector<Answer> answers_to(const std::string& requests, std::size_t count = 1) {
    if (!server) start();
    TestClient client(*server, requests);
    REQUIRE(server->wait_until([&] {
      client.pump();
      const auto answers = answers_in(client.received());
      return answers.size() == count && answers.back().is_whole;
    }));
    return answers_in(client.received());
  }
  Answer answer_to(const std::string& request) { return answers_to(request).front(); }
};

// Answers with the target.
class TargetHandler final : public Handler {
 public:
  void handle(Exchange& exchange) override { answer_with_target(exchange); }
};
Result<BuiltHandler> build_target(const config::Route&, const HandlerContext&) {
  return BuiltHandler{std::make_unique<TargetHandler>(), "target", {}, false};
}

TEST_CASE("A route with auth asks who is there, and lets those in who can say") {
  struct Row {
    std::string name;
    std::string fields;
    unsigned status;
    std::string body;
  };
  const Row rows[] = {
      {"nobody", "", 401, ""},
      {"alice", kAlice, 200, "for alice"},
      {"bob", kBob, 200, "for bob"},
      {"a wrong password", kWrong, 401, ""},
      {"an unknown user", kStranger, 401, ""},
      {"another scheme", "Authorization: Bearer YWxpY2U6c2VjcmV0\r\n", 401, ""},
      {"no Base64", "Authorization: Basic alice:secret\r\n", 401, ""},
      {"two fields, one of them right", kAlice + kWrong, 401, ""},
      {"the same field twice", kAlice + kAlice, 401, ""},
      {"an empty user", authorization("", "secret"), 401, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Sample sample;
    const Answer answer = sample.answer_to(get("/in/a", row.fields));
    CHECK(answer.status == row.status);
    if (row.status == 200) {
      CHECK(answer.body == row.body);
    } else {
      CHECK(answer.field("WWW-Authenticate") == kChallenge);
      CHECK(sample.users_seen.empty());
    }
  }
}

TEST_CASE("A password that is longer than any hash takes is wrong") {
  Sample sample;
  const std::string fields = authorization("alice", std::string(513, 'a'));
  CHECK(sample.answer_to(get("/in/a", fields)).status == 401);
}

TEST_CASE("A route without auth knows no user, whatever the request says") {
  Sample sample;
  CHECK(sample.answer_to(get("/out", kAlice)).body == "for ");
}

TEST_CASE("What comes behind a request that waits is answered after it") {
  Sample sample;
  const auto answers = sample.answers_to(
      get("/in/a", kAlice) + get("/in/a", kWrong) + get("/out") + get("/in/a", kAlice), 4);
  CHECK(answers[0].body == "for alice");
  CHECK(answers[1].status == 401);
  CHECK(answers[2].body == "for ");
  CHECK(answers[3].body == "for alice");
}

TEST_CASE("A body is read once it is known whose it is") {
  Sample sample;
  const auto answers = sample.answers_to(
      post("/in/echo", "body", kAlice) + post("/in/echo", "other", kWrong) + get("/out"), 3);
  CHECK(answers[0].body == "body");
  CHECK(answers[1].status == 401);
  CHECK(answers[2].body == "for ");
}

TEST_CASE("100 Continue is sent only to who may send the body") {
  Sample sample;
  TestServer& server = sample.start();
  const std::string head =
      "POST /in/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
      "Expect: 100-continue\r\n";
  TestClient refused(server, head + kWrong + "\r\n");
  REQUIRE(server.wait_until([&] { return !refused.received().empty(); }));
  CHECK(refused.take().starts_with("HTTP/1.1 401 "));
  TestClient accepted(server, head + kAlice + "\r\n");
  REQUIRE(server.wait_until([&] { return !accepted.received().empty(); }));
  CHECK(accepted.take() == "HTTP/1.1 100 Continue\r\n\r\n");
  accepted.send("body");
  CHECK(answer_in(accepted.take()).body == "body");
}

TEST_CASE("Too large a body is nobody's business who is not let in") {
  Sample sample;
  sample.in_site = "body_bytes = 2";
  CHECK(sample.answer_to(post("/in/echo", "body")).status == 401);
  CHECK(sample.answer_to(post("/in/echo", "body", kAlice)).status == 413);
}

TEST_CASE("A client that goes while its password is checked takes its request along") {
  Sample sample;
  TestServer& server = sample.start();
  // Nothing turns the loop between the two.
  {
    auto wire = std::make_shared<Wire>();
    wire->inbound = get("/in/a", kAlice);
    PeerAddress peer;
    auto* connection = new Connection(server.context, peer, peer);
    connection->start(std::make_unique<MemoryTransport>(wire));
    CHECK(server.connections() == 1);
    Connection::on_ready(connection, ready::kGone);
  }
  CHECK(server.connections() == 0);
  CHECK(sample.answer_to(get("/in/a", kBob)).body == "for bob");
  CHECK(sample.users_seen == std::vector<std::string>{"bob"});
}

TEST_CASE("A reload while a password is checked changes nothing for that request") {
  Sample sample;
  TestServer& server = sample.start();
  auto wire = std::make_shared<Wire>();
  wire->inbound = get("/in/a", kAlice);
  PeerAddress peer;
  auto* connection = new Connection(server.context, peer, peer);
  connection->start(std::make_unique<MemoryTransport>(wire));
  CHECK(wire->outbound.empty());
  server.use(sample.toml());
  REQUIRE(server.wait_until([&] { return !wire->outbound.empty(); }));
  CHECK(answer_in(wire->outbound).body == "for alice");
}

TEST_CASE("Where an internal redirect leads to, it is asked again who is there") {
  Sample sample;
  SUBCASE("nobody is let in by an open route") {
    CHECK(sample.answer_to(get("/to-in")).status == 401);
    CHECK(sample.answer_to(get("/to-in", kWrong)).status == 401);
    CHECK(sample.users_seen == std::vector<std::string>{"", ""});
  }
  SUBCASE("who has the password is let in") {
    CHECK(sample.answer_to(get("/to-in", kAlice)).body == "for alice");
    CHECK(sample.users_seen == std::vector<std::string>{"", "alice"});
  }
  SUBCASE("an open route knows no user of another") {
    CHECK(sample.answer_to(get("/in/to-out", kAlice)).body == "for ");
  }
}

TEST_CASE("Other spellings of a path lead to the same question") {
  Sample sample;
  for (const char* target : {"/in/a", "/in/a?x", "//in/a", "/out/../in/a", "/%69n/a", "/in/./a",
                             "/in/", "http://example.org/in/a", "http://other.example/in/a"}) {
    CAPTURE(target);
    CHECK(sample.answer_to(get(target)).status != 200);
    CHECK(sample.users_seen.empty());
  }
}

TEST_CASE("All methods are asked for a password") {
  Sample sample;
  for (const std::string method : {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"}) {
    CAPTURE(method);
    CHECK(sample.answer_to(method + " /in/a HTTP/1.1\r\nHost: a\r\n\r\n").status == 401);
  }
  CHECK(sample.users_seen.empty());
}

TEST_CASE("A preflight is answered without a password, the request itself is not") {
  Sample sample;
  sample.in_route = "cors = { origins = [\"https://a.example\"] }";
  const std::string origin = "Origin: https://a.example\r\n";
  const std::string preflight =
      "OPTIONS /in/a HTTP/1.1\r\nHost: a\r\nAccess-Control-Request-Method: GET\r\n" + origin;
  const Answer allowed =
      answers_in(sample.answers_to(preflight + "\r\n" + get("/out"), 2)[0].head, true).front();
  CHECK(allowed.status == 204);
  CHECK(allowed.field("Access-Control-Allow-Origin") == "https://a.example");
  const Answer refused = sample.answer_to(get("/in/a", origin));
  CHECK(refused.status == 401);
  CHECK(refused.field("Access-Control-Allow-Origin") == "https://a.example");
}

TEST_CASE("The page for 401 is the site's own") {
  Sample sample;
  sample.directory.write("root/401.html", "who are you?");
  sample.in_site =
      "root = \"" + (sample.directory / "root") + "\"\nerror_pages = { 401 = \"/401.html\" }";
  const Answer answer = sample.answer_to(get("/in/a"));
  CHECK(answer.status == 401);
  CHECK(answer.body == "who are you?");
  CHECK(answer.field("WWW-Authenticate") == kChallenge);
}

TEST_CASE("The log has who has been let in, and not who says so") {
  Sample sample;
  sample.top = "[access_log]\npath = \"" + (sample.directory / "access.log") + "\"\n";
  std::string alice = "192.0.2.7 - alice [";
  std::string nobody = "192.0.2.7 - - [";
  SUBCASE("combined") {}
  SUBCASE("json") {
    sample.top += "format = \"json\"\n";
    alice = R"(,"client":"192.0.2.7","user":"alice",)";
    nobody = R"(,"client":"192.0.2.7","user":"",)";
  }
  sample.answers_to(get("/in/a", kAlice) + get("/in/a", kWrong) + get("/in/a"), 3);
  sample.server->context.access_log.flush();
  const std::string log = sample.directory.read("access.log");
  const std::size_t second = log.find('\n') + 1;
  const std::size_t third = log.find('\n', second) + 1;
  CHECK(log.substr(0, second).find(alice) != std::string::npos);
  CHECK(log.substr(second, third - second).find(nobody) != std::string::npos);
  CHECK(log.substr(third).find(nobody) != std::string::npos);
}

TEST_CASE("A user's name cannot take a line of the log apart") {
  Sample sample;
  sample.top = "[access_log]\npath = \"" + (sample.directory / "access.log") + "\"\n";
  sample.directory.write("users", line_for("a [b] \"c\"", kHashOfSecret));
  sample.answer_to(get("/in/a", authorization("a [b] \"c\"", "secret")));
  sample.server->context.access_log.flush();
  CHECK(
      sample.directory.read("access.log").starts_with(R"(192.0.2.7 - a\x20\x5bb]\x20\x22c\x22 [)"));
}

TEST_CASE("When too many passwords wait, others are asked to come again") {
  Sample sample;
  TestServer& server = sample.start();
  std::vector<std::shared_ptr<Wire>> wires;
  const std::size_t most = PasswordChecks::kMostRunning + PasswordChecks::kMostWaiting;
  for (std::size_t i = 0; i < most + 10; ++i) {
    wires.push_back(std::make_shared<Wire>());
    wires.back()->inbound = get("/in/a", authorization("alice", std::to_string(i)));
    PeerAddress peer;
    auto* connection = new Connection(server.context, peer, peer);
    connection->start(std::make_unique<MemoryTransport>(wires.back()));
  }
  for (std::size_t i = most; i < wires.size(); ++i) {
    const Answer answer = answer_in(wires[i]->outbound);
    CHECK(answer.status == 503);
    CHECK(answer.field("Retry-After") == "5");
  }
  const std::string told = "10 password checks refused (" + (sample.directory / "users") + ")";
  CHECK(server.wait_until([&] { return server.error_log().find(told) != std::string::npos; }));
  // A request for another route is answered meanwhile.
  TestClient other(server, get("/out"));
  CHECK(answer_in(other.take()).status == 200);
  REQUIRE(server.wait_until([&] { return !wires[most - 1]->outbound.empty(); }));
  for (std::size_t i = 0; i < most; ++i) CHECK(answer_in(wires[i]->outbound).status == 401);
}

TEST_CASE("A runtime is not built with a file of passwords that cannot be used") {
  Sample sample;
  TestServer& server = sample.start();
  const auto error_of = [&](std::shared_ptr<const config::Config> config) {
    const auto runtime =
        Runtime::build(std::move(config), build_fake, server.loop, server.log, server.activity, 1);
    return runtime ? "" : runtime.error().message;
  };
  CHECK(error_of(config_of(sample.toml())) == "");
  sample.directory.write("users", "alice:secret\n");
  CHECK(error_of(config_of(sample.toml())).starts_with(sample.directory / "users:1: "));
}

TEST_CASE("A rehearsal answers as the server would, with and without a password") {
  Sample sample;
  auto rehearsal = Rehearsal::prepare(config_of(sample.toml()), build_target);
  REQUIRE(rehearsal.has_value());
  const auto status_with = [&](const config::Fields& fields) {
    const auto answer =
        (*rehearsal)->ask({"GET", *http::parse_url("http://example.org/in/a"), fields});
    return answer ? answer->status : 0;
  };
  CHECK(status_with({}) == 401);
  CHECK(status_with({{"Authorization", "Basic YWxpY2U6d3Jvbmc="}}) == 401);
  CHECK(status_with({{"Authorization", "Basic YWxpY2U6c2VjcmV0"}}) == 200);
}

}  // namespace
}  // namespace uvhttpd::tests
