// SPDX-License-Identifier: MIT
// unit/app/expectations_test.cpp: tests in the configuration, and what is said when they fail.
#include "app/expectations.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "support/temp_dir.h"
#include "support/test_server.h"

namespace uvhttpd::tests {
namespace {

config::Expect expect(std::string url) {
  config::Expect test;
  test.url = std::move(url);
  test.place.file = "uvhttpd.toml";
  test.place.line = 7;
  test.place.column = 11;
  return test;
}

// A site with a file, a redirect and a program.
class Stage {
 public:
  Stage() {
    directory_.write("www/index.html", "index");
    directory_.write("www/cgi/echo", "#!/bin/sh\ntouch " + directory_ / "ran" + "\n");
    REQUIRE(::chmod((directory_ / "www/cgi/echo").c_str(), 0755) == 0);
  }

  // The messages of those that fail; all at the place of the test.
  std::vector<std::string> failures_of(std::vector<config::Expect> tests) {
    config::Config config = *config_of(
        "[[site]]\nhosts = [\"example.org\"]\nroot = \"" + directory_ / "www" +
        "\"\nheaders = { \"Vary\" = \"A\", \"X-Site\" = \"s\" }\n" +
        "[[site.route]]\npath = \"/cgi/*\"\nhandler = \"cgi\"\n" +
        "[[site.route]]\npath = \"/old/*\"\nhandler = \"redirect\"\nto = \"/new/{path}\"\n");
    config.expectations = std::move(tests);
    std::vector<std::string> messages;
    for (const config::Diagnostic& failure :
         run_expectations(std::make_shared<const config::Config>(std::move(config)))) {
      CHECK(failure.file == "uvhttpd.toml");
      CHECK(failure.line == 7);
      CHECK(failure.severity == config::Diagnostic::Severity::error);
      messages.push_back(failure.message);
    }
    return messages;
  }
  std::string failure_of(const config::Expect& test) {
    const std::vector<std::string> messages = failures_of({test});
    return messages.empty() ? "" : messages.front();
  }
  bool has_run() const { return ::access((directory_ / "ran").c_str(), F_OK) == 0; }

 private:
  TempDir directory_;
};

TEST_CASE("Expectations that hold say nothing") {
  Stage stage;
  config::Expect moved = expect("http://example.org/old/a?x=1");
  moved.status = 301;
  moved.header = {{"location", true, "/new/a?x=1"}, {"Date", true, {}}, {"X-No", false, {}}};
  moved.route = "/old/*";
  moved.handler = "redirect";
  config::Expect unchanged = expect("http://example.org/");
  unchanged.request_header = {{"If-None-Match", "*"}};
  unchanged.status = 304;
  config::Expect posted = expect("http://example.org/");
  posted.method = "POST";
  posted.status = 405;
  CHECK(stage.failures_of({moved, unchanged, posted}) == std::vector<std::string>{});
  CHECK(stage.failures_of({}) == std::vector<std::string>{});
}

TEST_CASE("An expectation that fails says what was expected and what came") {
  Stage stage;
  const std::string url = "http://example.org/old/a";
  config::Expect test = expect(url);
  SUBCASE("status") {
    test.status = 200;
    CHECK(stage.failure_of(test) == "expected status 200, got 301");
  }
  SUBCASE("value of a field") {
    test.header = {{"Location", true, "/b"}};
    CHECK(stage.failure_of(test) == "expected Location `/b`, got `/new/a`");
  }
  SUBCASE("value of a field that is not there") {
    test.header = {{"X-No", true, "b"}};
    CHECK(stage.failure_of(test) == "expected X-No `b`, got no such field");
  }
  SUBCASE("a field that is not there") {
    test.header = {{"X-No", true, {}}};
    CHECK(stage.failure_of(test) == "expected a field X-No, got none");
  }
  SUBCASE("a field that should not be there") {
    test.header = {{"X-Site", false, {}}};
    CHECK(stage.failure_of(test) == "expected no field X-Site, got `s`");
  }
  SUBCASE("route and handler") {
    test.route = "/*";
    test.handler = "static";
    CHECK(stage.failure_of(test) ==
          "expected the route `/*`, got `/old/*`; expected the handler `static`, got `redirect`");
  }
  SUBCASE("route where none answers") {
    test.url = "http://elsewhere.org/";
    test.route = "/*";
    CHECK(stage.failure_of(test) == "expected the route `/*`, got none");
  }
  SUBCASE("a URL that is none") {
    test.url = "/old/a";
    CHECK(stage.failure_of(test).find("no URL") != std::string::npos);
  }
}

TEST_CASE("Each expectation that fails is an error of its own") {
  Stage stage;
  config::Expect first = expect("http://example.org/");
  first.status = 404;
  config::Expect good = expect("http://example.org/");
  good.status = 200;
  config::Expect last = expect("http://example.org/missing");
  last.status = 200;
  CHECK(stage.failures_of({first, good, last}) ==
        std::vector<std::string>{"expected status 404, got 200", "expected status 200, got 404"});
}

TEST_CASE("Of a program only the way to it can be expected") {
  Stage stage;
  config::Expect test = expect("http://example.org/cgi/echo");
  test.route = "/cgi/*";
  test.handler = "cgi";
  CHECK(stage.failure_of(test) == "");
  test.status = 200;
  CHECK(stage.failure_of(test).find("/cgi/echo answers, which tests do not run") !=
        std::string::npos);
  test.url = "http://example.org/cgi/missing";
  test.status = 404;
  CHECK(stage.failure_of(test) == "");
  CHECK_FALSE(stage.has_run());
}

}  // namespace
}  // namespace uvhttpd::tests
