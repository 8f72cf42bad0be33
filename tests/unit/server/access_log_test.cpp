// SPDX-License-Identifier: MIT
// unit/server/access_log_test.cpp: what a line of the access log says, and what happens when none
// can be written.
#include "server/access_log.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <filesystem>
#include <regex>
#include <set>

#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

std::string logging_to(const std::string& path, std::string_view more = "") {
  return "[access_log]\npath = \"" + path + "\"\n" + std::string(more) + "\n";
}

// The lines that the requests in `bytes` leave, without their line ends.
std::vector<std::string> lines_of(const std::string& bytes, std::string_view more = "") {
  TempDir directory;
  TestServer server(usual_site(logging_to(directory / "access.log", more)), usual_fakes());
  TestClient client(server, bytes);
  client.end();
  server.context.access_log.flush();
  std::vector<std::string> lines;
  const std::string text = directory.read("access.log");
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    REQUIRE(end != std::string::npos);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

// With the time replaced by "TIME", which must be one.
std::string timeless(const std::string& line) {
  static const std::regex kTime(R"(\[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d \+0000\])");
  return std::regex_replace(line, kTime, "[TIME]");
}

TEST_CASE("A combined line is exactly what readers of logs expect") {
  const auto lines = lines_of(get("/a?x=1", "Referer: http://r/\r\nUser-Agent: test/1.0 (x)\r\n") +
                              "HEAD /b HTTP/1.1\r\nHost: a\r\n\r\n" +
                              "GET /c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  REQUIRE(lines.size() == 3);
  CHECK(timeless(lines[0]) ==
        R"~(192.0.2.7 - - [TIME] "GET /a?x=1 HTTP/1.1" 200 6 "http://r/" "test/1.0 (x)")~");
  CHECK(timeless(lines[1]) == R"(192.0.2.7 - - [TIME] "HEAD /b HTTP/1.1" 200 - "-" "-")");
  CHECK(timeless(lines[2]) == R"(192.0.2.7 - - [TIME] "GET /c HTTP/1.0" 200 2 "-" "-")");
}

TEST_CASE("A refused request leaves a line too") {
  const auto lines = lines_of("nonsense\r\n\r\n");
  REQUIRE(lines.size() == 1);
  CHECK(timeless(lines[0]).starts_with(R"(192.0.2.7 - - [TIME] "nonsense" 400 )"));
}

TEST_CASE("What came from outside cannot break a combined line") {
  const auto lines =
      lines_of(get("/a", "User-Agent: \"quoted\" \\ \xc3\xa9 \x80\r\nReferer: a\tb\r\n"));
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].ends_with(R"("a\x09b" "\x22quoted\x22 \x5c \xc3\xa9 \x80")"));
}

TEST_CASE("A client that went away before an answer is logged as 499") {
  TempDir directory;
  TestServer server(logging_to(directory / "access.log") + "[[site]]\n" + route("/*", "later"),
                    {{"later", {[](Exchange&) {}}}});
  TestClient client(server, get("/slow"));
  client.go_away();
  server.context.access_log.flush();
  CHECK(directory.read("access.log").find("\"GET /slow HTTP/1.1\" 499 -") != std::string::npos);
}

TEST_CASE("A route may leave no lines") {
  TempDir directory;
  TestServer server(logging_to(directory / "access.log") + "[[site]]\n" +
                        route("/quiet", "target", "access_log = false") + route("/*", "target"),
                    usual_fakes());
  TestClient client(server, get("/quiet") + get("/loud"));
  server.context.access_log.flush();
  const std::string text = directory.read("access.log");
  CHECK(text.find("/quiet") == std::string::npos);
  CHECK(text.find("/loud") != std::string::npos);
}

// The value behind `"name":`, as it stands there; "" when the member is not there.
std::string member(const std::string& line, const std::string& name) {
  static const std::string kValue =
      R"(("(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"|[-0-9.]+))";
  std::smatch found;
  const std::regex pattern("[{,]\"" + name + "\":" + kValue + "[,}]");
  return std::regex_search(line, found, pattern) ? found[1].str() : "";
}

TEST_CASE("A JSON line is an object with every member") {
  const auto lines =
      lines_of(get("/a?x=1", "Referer: http://r/\r\nUser-Agent: test\r\n"), "format = \"json\"");
  REQUIRE(lines.size() == 1);
  const std::string& line = lines[0];
  static const std::regex kObject(
      R"re(\{("[a-z_]+":("([^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"|-?\d+(\.\d+)?),?)+\})re");
  CHECK(std::regex_match(line, kObject));
  CHECK(std::regex_match(member(line, "time"), std::regex(R"("\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")")));
  CHECK(member(line, "client") == "\"192.0.2.7\"");
  CHECK(member(line, "method") == "\"GET\"");
  CHECK(member(line, "target") == "\"/a?x=1\"");
  CHECK(member(line, "host") == "\"example.org\"");
  CHECK(member(line, "protocol") == "\"HTTP/1.1\"");
  CHECK(member(line, "status") == "200");
  CHECK(member(line, "bytes") == "6");
  CHECK(std::regex_match(member(line, "seconds"), std::regex(R"(\d+\.\d{3})")));
  CHECK(member(line, "site") == "\"default\"");
  CHECK(member(line, "route") == "\"/*\"");
  CHECK(member(line, "handler") == "\"target\"");
  CHECK(member(line, "referer") == "\"http://r/\"");
  CHECK(member(line, "user_agent") == "\"test\"");
  CHECK(std::regex_match(member(line, "request_id"), std::regex("\"[0-9a-f]{12}-1\"")));
}

TEST_CASE("The ids of requests differ, those of another start too") {
  std::set<std::string> ids;
  for (int start = 0; start < 3; ++start) {
    for (const std::string& line : lines_of(get("/a") + get("/b"), "format = \"json\"")) {
      ids.insert(member(line, "request_id"));
    }
  }
  CHECK(ids.size() == 6);
}

TEST_CASE("What came from outside cannot break a JSON line") {
  const auto lines = lines_of(get("/a", "User-Agent: \"q\" \\ \xc3\xa9 \x80 \xed\xa0\x80\r\n"),
                              "format = \"json\"");
  REQUIRE(lines.size() == 1);
  CHECK(member(lines[0], "user_agent").starts_with("\"\\\"q\\\" \\\\ \xc3\xa9 \xef\xbf\xbd "));
}

TEST_CASE("Lines are written a moment later without anybody asking") {
  TempDir directory;
  TestServer server(usual_site(logging_to(directory / "access.log")), usual_fakes());
  TestClient client(server, get("/a"));
  CHECK(directory.read("access.log").empty());
  CHECK(server.wait_until([&] { return !directory.read("access.log").empty(); }));
}

TEST_CASE("Lines that a full disk does not take are lost, said so once, and harm nothing") {
  TestServer server(usual_site(logging_to("/dev/full")), usual_fakes());
  TestClient client(server);
  for (int i = 0; i < 3; ++i) {
    client.send(get("/a"));
    CHECK(answer_in(client.take()).status == 200);
    server.context.access_log.flush();
  }
  const std::string log = server.error_log();
  const std::size_t first = log.find("lines are lost");
  REQUIRE(first != std::string::npos);
  CHECK(log.find("lines are lost", first + 1) == std::string::npos);
  CHECK(log.find("No space left on device") != std::string::npos);
}

TEST_CASE("A log whose reader is stuck keeps a bounded amount and blocks nobody") {
  TempDir directory;
  REQUIRE(::mkfifo((directory / "log").c_str(), 0600) == 0);
  const UniqueFd reader(::open((directory / "log").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  REQUIRE(reader);
  TestServer server(usual_site(logging_to(directory / "log")), usual_fakes());
  TestClient client(server);
  const std::string request = get("/" + std::string(8'000, 'a'));
  for (int i = 0; i < 200; ++i) {
    client.send(request);
    REQUIRE(answers_in(client.take()).size() == 1);
  }
  CHECK(server.error_log().find("the reader of the log is stuck") != std::string::npos);
}

TEST_CASE("A pipe that nobody reads is an error of the log, not a worker that hangs") {
  TempDir directory;
  REQUIRE(::mkfifo((directory / "log").c_str(), 0600) == 0);
  TestServer server(usual_site(), usual_fakes());
  config::AccessLog config;
  config.path = directory / "log";
  CHECK_FALSE(AccessLog::prepare(config).has_value());
}

TEST_CASE("A log that cannot be opened leaves the one before in use") {
  TempDir directory;
  TestServer server(usual_site(logging_to(directory / "access.log")), usual_fakes());
  config::AccessLog config;
  config.path = directory / "none/access.log";
  CHECK_FALSE(AccessLog::prepare(config).has_value());
  TestClient client(server, get("/a"));
  server.context.access_log.flush();
  CHECK(directory.read("access.log").find("GET /a") != std::string::npos);
}

TEST_CASE("reopen() goes on in a new file after a rotation, and loses nothing") {
  TempDir directory;
  TestServer server(usual_site(logging_to(directory / "access.log")), usual_fakes());
  TestClient client(server, get("/before"));
  std::filesystem::rename(directory / "access.log", directory / "access.log.1");
  REQUIRE(server.context.access_log.reopen().has_value());
  client.send(get("/after"));
  server.context.access_log.flush();
  CHECK(directory.read("access.log.1").find("/before") != std::string::npos);
  CHECK(directory.read("access.log").find("/before") == std::string::npos);
  CHECK(directory.read("access.log").find("/after") != std::string::npos);
}

}  // namespace
}  // namespace uvhttpd::tests
