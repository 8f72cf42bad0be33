// SPDX-License-Identifier: MIT
// unit/server/rehearsal_test.cpp: what would be answered is found out without doing it.
#include "server/rehearsal.h"

#include <doctest/doctest.h>

#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

// A body without an end.
class EndlessSource final : public BodySource {
 public:
  PullResult pull(SendQueue& out, std::size_t budget) override {
    out.append(std::string(std::min<std::size_t>(budget, 4096), 'x'));
    return PullResult::more;
  }
};

// Answers in a later turn of the loop.
class LateAnswer {
 public:
  explicit LateAnswer(Exchange& exchange)
      : exchange_(exchange),
        timer_(
            exchange.loop(),
            [](void* self) { respond_with(static_cast<LateAnswer*>(self)->exchange_, "late"); },
            this) {
    timer_.start(Duration{5});
  }

 private:
  Exchange& exchange_;
  Timer timer_;
};

// What a route does is named by its body.
class NamedHandler final : public Handler {
 public:
  explicit NamedHandler(std::string name) : name_(std::move(name)) {}

  void handle(Exchange& exchange) override {
    REQUIRE_MESSAGE(name_ != "program", "a program was run");
    if (name_ == "target") return answer_with_target(exchange);
    if (name_ == "late") return (void)exchange.keep<LateAnswer>(exchange);
    if (name_ == "stream") return stream_two_pieces(exchange);
    if (name_ == "large") return respond_with(exchange, std::string(3 << 20, 'x'));
    if (name_ == "fault") return exchange.fail(503, "no room");
    if (name_ == "endless") {
      exchange.respond(ResponseHead(exchange.arena()), &exchange.keep<EndlessSource>());
    }
    // "never" does nothing.
  }
  AnswerSource foresee(Exchange& exchange) override {
    if (exchange.request().matched == "missing") exchange.fail(404, {});
    return {"/srv/" + name_, "of " + std::string(exchange.request().matched)};
  }

 private:
  std::string name_;
};

Result<BuiltHandler> build_named(const config::Route& route, const HandlerContext&) {
  const std::string& name = std::get<config::RespondHandler>(route.handler).body;
  return BuiltHandler{std::make_unique<NamedHandler>(name), name, {}, name == "program"};
}

constexpr const char* kSites = R"(
[limits]
target_bytes = "256B"
[[site]]
hosts = ["example.org", "*.example.org"]
headers = { "X-Site" = "s" }
[[site.route]]
path = "/form"
methods = ["POST"]
handler = "respond"
body = "target"
[[site.route]]
path = "/cgi/*"
handler = "respond"
body = "program"
[[site.route]]
path = "/late"
handler = "respond"
body = "late"
[[site.route]]
path = "/stream"
handler = "respond"
body = "stream"
[[site.route]]
path = "/large"
handler = "respond"
body = "large"
[[site.route]]
path = "/fault"
handler = "respond"
body = "fault"
[[site.route]]
path = "/never"
handler = "respond"
body = "never"
[[site.route]]
path = "/endless"
handler = "respond"
body = "endless"
[[site.route]]
path = "/pages/*"
handler = "respond"
body = "target"
[[site]]
hosts = ["other.org"]
[[site.route]]
path = "/*"
handler = "respond"
body = "target"
)";

struct Stage {
  std::unique_ptr<Rehearsal> rehearsal = [] {
    auto prepared = Rehearsal::prepare(config_of(kSites), build_named);
    REQUIRE(prepared.has_value());
    return *std::move(prepared);
  }();

  Result<RehearsedAnswer> try_to_ask(std::string_view url, std::string_view method = "GET",
                                     config::Fields fields = {},
                                     Duration patience = Rehearsal::kPatience) {
    auto parsed = http::parse_url(url);
    REQUIRE(parsed.has_value());
    return rehearsal->ask({method, *std::move(parsed), std::move(fields)}, patience);
  }
  RehearsedAnswer ask(std::string_view url, std::string_view method = "GET",
                      config::Fields fields = {}) {
    auto answer = try_to_ask(url, method, std::move(fields));
    REQUIRE(answer.has_value());
    return *std::move(answer);
  }
};

std::string value_of(const RehearsedAnswer& answer, std::string_view name) {
  for (const auto& [each, value] : answer.fields) {
    if (each == name) return value;
  }
  return "-";
}

TEST_CASE("A rehearsal gives the answer that the server sends") {
  Stage stage;
  const RehearsedAnswer answer = stage.ask("http://example.org/pages/a?b");
  CHECK(answer.status == 200);
  CHECK(answer.reason == "OK");
  CHECK(answer.host == "example.org");
  CHECK(answer.path == "/pages/a");
  REQUIRE(answer.route != nullptr);
  CHECK(answer.route->path.text == "/pages/*");
  CHECK(answer.handler == "target");
  CHECK(answer.source.file == "/srv/target");
  CHECK(answer.source.details == "of a");
  CHECK(value_of(answer, "Content-Length") == "10");
  CHECK(answer.body_bytes == 10);
  CHECK(value_of(answer, "X-Site") == "s");
  CHECK(value_of(answer, "Connection") == "-");
  CHECK(value_of(answer, "Date").ends_with(" GMT"));
  CHECK(value_of(answer, "Date").find(" 1970 ") == std::string::npos);
}

TEST_CASE("A rehearsal finds the site by Host, which a field may replace") {
  Stage stage;
  CHECK(stage.ask("http://a.example.org/pages/").site->hosts.front() == "example.org");
  CHECK(stage.ask("http://other.org/").site->hosts.front() == "other.org");
  CHECK(stage.ask("http://example.org/", "GET", {{"host", "other.org"}}).status == 200);
  const RehearsedAnswer lost = stage.ask("http://nowhere.org/");
  CHECK(lost.status == 421);
  CHECK(lost.site == nullptr);
  CHECK(lost.host == "nowhere.org");
}

TEST_CASE("A rehearsal runs no program") {
  Stage stage;
  const RehearsedAnswer answer = stage.ask("http://example.org/cgi/a");
  CHECK(answer.is_program);
  CHECK(answer.source.file == "/srv/program");
  CHECK(answer.status == 0);
  CHECK(answer.fields.empty());
  SUBCASE("but knows what is answered without one") {
    const RehearsedAnswer missing = stage.ask("http://example.org/cgi/missing");
    CHECK_FALSE(missing.is_program);
    CHECK(missing.status == 404);
    CHECK(missing.handler == "program");
  }
}

TEST_CASE("A rehearsal says why routes were not taken") {
  Stage stage;
  const RehearsedAnswer answer = stage.ask("http://example.org/form", "DELETE");
  CHECK(answer.status == 405);
  CHECK(answer.route == nullptr);
  CHECK(value_of(answer, "Allow") == "POST, OPTIONS");
  REQUIRE(answer.routes.size() == 9);
  CHECK(answer.routes[0].verdict == RouteVerdict::other_method);
  CHECK(answer.routes[0].methods == std::vector<std::string>{"POST"});
  CHECK(answer.routes[1].verdict == RouteVerdict::other_path);
  CHECK(answer.routes[1].handler == "program");
  SUBCASE("and that none was asked where the server answers before") {
    const RehearsedAnswer trace = stage.ask("http://example.org/pages/a", "TRACE");
    CHECK(trace.status == 405);
    for (const auto& fate : trace.routes) CHECK(fate.verdict == RouteVerdict::not_asked);
  }
}

TEST_CASE("A rehearsal goes through the limits and the parser of the configuration") {
  Stage stage;
  const RehearsedAnswer answer = stage.ask("http://example.org/" + std::string(300, 'a'));
  CHECK(answer.status == 414);
  CHECK(answer.site == nullptr);
  CHECK(answer.path.empty());
  CHECK(value_of(answer, "Connection") == "close");
  const RehearsedAnswer bad = stage.ask("http://example.org/%zz");
  CHECK(bad.status == 400);
  REQUIRE(bad.log_lines.size() == 1);
  CHECK(bad.log_lines[0].find("percent") != std::string::npos);
}

TEST_CASE("A rehearsal knows the step that answered and the limit that counts") {
  auto prepared = Rehearsal::prepare(config_of(R"([[site]]
hosts = ["moved.org"]
redirect_https = true
deny = ["0.0.0.0/0"]
[[site.route]]
path = "/*"
handler = "respond"
body = "target"
[[site]]
hosts = ["limited.org"]
rate_limit = { requests = 3 }
[[site.route]]
path = "/off/*"
handler = "respond"
body = "target"
rate_limit = false
[[site.route]]
path = "/closed/*"
handler = "respond"
body = "target"
deny = ["127.0.0.0/8"]
[[site.route]]
path = "/small"
handler = "respond"
body = "target"
body_bytes = 0
)"),
                                     build_named);
  REQUIRE(prepared.has_value());
  struct Row {
    std::string url;
    config::Fields fields;
    Checkpoint checkpoint;
    bool is_counted;
  };
  const Row rows[] = {
      {"http://moved.org/", {}, Checkpoint::https, false},
      {"http://moved.org/%zz", {}, Checkpoint::target, false},
      {"http://limited.org/none", {}, Checkpoint::route, true},
      {"http://limited.org/off/", {}, Checkpoint::handler, false},
      {"http://limited.org/closed/", {}, Checkpoint::client, false},
      {"http://limited.org/small", {}, Checkpoint::handler, true},
      {"http://limited.org/small", {{"Content-Length", "1"}}, Checkpoint::body, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.url);
    const auto answer = (*prepared)->ask({"GET", *http::parse_url(row.url), row.fields});
    REQUIRE(answer.has_value());
    CHECK(answer->checkpoint == row.checkpoint);
    CHECK((answer->counted_by != nullptr) == row.is_counted);
    CHECK(answer->admission.has_value() == (row.checkpoint == Checkpoint::client));
  }
}

TEST_CASE("A rehearsal gives what a client gets that speaks no TLS where it is awaited") {
  Stage stage;
  auto answer = stage.rehearsal->ask(
      {.url = *http::parse_url("http://example.org/pages/"), .is_plain_to_tls = true});
  REQUIRE(answer.has_value());
  CHECK(answer->status == 400);
  CHECK(answer->site == nullptr);
  CHECK(answer->path.empty());
  CHECK(stage.ask("http://example.org/pages/").status == 200);
}

TEST_CASE("A rehearsal waits for answers that come later, in pieces or are large") {
  Stage stage;
  CHECK(stage.ask("http://example.org/late").body_bytes == 4);
  CHECK(value_of(stage.ask("http://example.org/stream"), "Transfer-Encoding") == "chunked");
  CHECK(stage.ask("http://example.org/large").body_bytes == 3 << 20);
  CHECK(stage.ask("http://example.org/large", "HEAD").body_bytes == 0);
}

TEST_CASE("A rehearsal tells what the error log would say, each time anew") {
  Stage stage;
  const RehearsedAnswer answer = stage.ask("http://example.org/fault");
  CHECK(answer.status == 503);
  CHECK(answer.log_lines == std::vector<std::string>{"GET /fault: no room (503)"});
  CHECK(stage.ask("http://example.org/pages/").log_lines.empty());
}

TEST_CASE("A rehearsal gives up on an answer that does not come, and goes on") {
  Stage stage;
  const Duration patience{20};
  CHECK_FALSE(stage.try_to_ask("http://example.org/never", "GET", {}, patience).has_value());
  CHECK_FALSE(stage.try_to_ask("http://example.org/endless", "GET", {}, patience).has_value());
  CHECK(stage.ask("http://example.org/late").status == 200);
}

TEST_CASE("A request that cannot be written as one is an error") {
  Stage stage;
  CHECK_FALSE(stage.try_to_ask("http://example.org/", "G T").has_value());
  CHECK_FALSE(stage.try_to_ask("http://example.org/", "").has_value());
  CHECK_FALSE(stage.try_to_ask("http://example.org/", "GET", {{"X", "a\r\nY: b"}}).has_value());
  CHECK_FALSE(stage.try_to_ask("http://example.org/", "GET", {{"X Y", "a"}}).has_value());
}

}  // namespace
}  // namespace uvhttpd::tests
