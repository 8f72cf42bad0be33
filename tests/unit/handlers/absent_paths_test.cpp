// SPDX-License-Identifier: MIT
// unit/handlers/absent_paths_test.cpp: what is remembered of missing things, and for how long.
#include "handlers/absent_paths.h"

#include <doctest/doctest.h>

namespace uvhttpd::tests {
namespace {

TimePoint at(int milliseconds) { return TimePoint(Duration(milliseconds)); }

TEST_CASE("AbsentPaths has what was added later than a time, and nothing else") {
  AbsentPaths absent;
  CHECK_FALSE(absent.has("", at(0)));
  CHECK_FALSE(absent.has("a", at(0)));
  absent.add("a", at(100));
  CHECK(absent.has("a", at(99)));
  CHECK_FALSE(absent.has("a", at(100)));
  CHECK_FALSE(absent.has("b", at(99)));
  absent.add("a", at(200));
  CHECK(absent.has("a", at(150)));
}

TEST_CASE("AbsentPaths never takes one path for another, however many there are") {
  AbsentPaths absent;
  for (int i = 0; i < 10'000; ++i) absent.add("missing/" + std::to_string(i), at(1));
  for (int i = 0; i < 10'000; ++i) CHECK_FALSE(absent.has("other/" + std::to_string(i), at(0)));
  CHECK(absent.has("missing/9999", at(0)));
}

TEST_CASE("AbsentPaths does not keep long paths") {
  AbsentPaths absent;
  const std::string path(8'000, 'x');
  absent.add(path, at(1));
  CHECK_FALSE(absent.has(path, at(0)));
}

}  // namespace
}  // namespace uvhttpd::tests
