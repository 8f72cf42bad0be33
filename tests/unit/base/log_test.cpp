// SPDX-License-Identifier: MIT
// unit/base/log_test.cpp: one line an event, in a file that may be rotated away.
#include "base/log.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <filesystem>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "support/temp_dir.h"

namespace uvhttpd {
namespace {

using tests::TempDir;

std::vector<std::string> lines_of(const TempDir& directory, const std::string& name) {
  std::istringstream in(directory.read(name));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Without the time.
std::vector<std::string> events_of(const TempDir& directory, const std::string& name) {
  std::vector<std::string> events = lines_of(directory, name);
  for (std::string& line : events) line.erase(0, line.find(' ') + 1);
  return events;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("A line holds time, level, where and what") {
  const TempDir directory;
  Log log;
  REQUIRE(log.open(directory / "log", LogLevel::debug).has_value());
  log.warn("listener", "port {} is {}", 80, "taken");
  const Strings lines = lines_of(directory, "log");
  REQUIRE(lines.size() == 1);
  const std::regex form(
      R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warn listener: port 80 is taken)");
  CHECK(std::regex_match(lines[0], form));
}

TEST_CASE("timestamp_now has the form of RFC 3339 with milliseconds") {
  CHECK(std::regex_match(timestamp_now(),
                         std::regex(R"(20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d\.\d{3}Z)")));
}

TEST_CASE("Events below the level are not written") {
  const Strings all = {"debug a: 1", "info b: 2", "warn c: 3", "error d: 4"};
  for (std::size_t level = 0; level < all.size(); ++level) {
    CAPTURE(level);
    const TempDir directory;
    Log log;
    REQUIRE(log.open(directory / "log", static_cast<LogLevel>(level)).has_value());
    log.debug("a", "1");
    log.info("b", "2");
    log.warn("c", "3");
    log.error("d", "4");
    CHECK(events_of(directory, "log") ==
          Strings(all.begin() + static_cast<std::ptrdiff_t>(level), all.end()));
    for (std::size_t asked = 0; asked < all.size(); ++asked) {
      CHECK(log.is_enabled(static_cast<LogLevel>(asked)) == (asked >= level));
    }
  }
}

TEST_CASE("A log begins with the level it is made with") {
  const Log log(LogLevel::error);
  CHECK(log.is_enabled(LogLevel::error));
  CHECK_FALSE(log.is_enabled(LogLevel::warn));
}

TEST_CASE("Control octets become spaces, so that one event is one line") {
  const TempDir directory;
  Log log;
  REQUIRE(log.open(directory / "log", LogLevel::info).has_value());
  log.info("x", "a\r\nb\tc{}d\x1b[m\x7f{}", '\0', "\xc3\xa4");
  CHECK(events_of(directory, "log") == Strings{"info x: a  b c d [m \xc3\xa4"});
}

TEST_CASE("An existing file is appended to") {
  const TempDir directory;
  directory.write("log", "T info x: old\n");
  Log log;
  REQUIRE(log.open(directory / "log", LogLevel::info).has_value());
  log.info("x", "new");
  CHECK(events_of(directory, "log") == Strings{"info x: old", "info x: new"});
}

TEST_CASE("After a rotation, reopening writes to a new file") {
  const TempDir directory;
  Log log;
  REQUIRE(log.open(directory / "log", LogLevel::info).has_value());
  log.info("x", "1");
  std::filesystem::rename(directory / "log", directory / "log.1");
  log.info("x", "2");
  REQUIRE(log.reopen().has_value());
  log.info("x", "3");
  CHECK(events_of(directory, "log.1") == Strings{"info x: 1", "info x: 2"});
  CHECK(events_of(directory, "log") == Strings{"info x: 3"});
}

TEST_CASE("A log that cannot be opened stays what it was") {
  const TempDir directory;
  std::filesystem::create_directories(directory / "logs");
  Log log;
  REQUIRE(log.open(directory / "logs/log", LogLevel::info).has_value());
  const Result<void> opened = log.open(directory / "missing/log", LogLevel::error);
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().os_error == ENOENT);
  CHECK(opened.error().message.find("missing/log") != std::string::npos);
  log.info("x", "1");

  std::filesystem::rename(directory / "logs", directory / "moved");
  CHECK_FALSE(log.reopen().has_value());
  log.info("x", "2");
  CHECK(events_of(directory, "moved/log") == Strings{"info x: 1", "info x: 2"});
}

TEST_CASE("Standard error needs no reopening") {
  Log log(LogLevel::error);
  CHECK(log.reopen().has_value());
  CHECK(log.open("stderr", LogLevel::error).has_value());
  CHECK(log.reopen().has_value());
}

TEST_CASE("A full disk loses lines, nothing else") {
  Log log;
  REQUIRE(log.open("/dev/full", LogLevel::info).has_value());
  log.info("x", "lost");
}

TEST_CASE("Lines of several threads do not mix") {
  const TempDir directory;
  Log log;
  REQUIRE(log.open(directory / "log", LogLevel::info).has_value());
  std::vector<std::thread> threads;
  for (char c = 'a'; c < 'e'; ++c) {
    threads.emplace_back([&log, c] {
      for (int i = 0; i < 200; ++i) log.info("x", "{}", std::string(500, c));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Strings events = events_of(directory, "log");
  CHECK(events.size() == 800);
  for (const std::string& event : events) {
    REQUIRE(event.size() == 508);
    REQUIRE(event.find_first_not_of(event[8], 8) == std::string::npos);
  }
}

}  // namespace uvhttpd
