// SPDX-License-Identifier: MIT
// unit/server/verdict_cache_test.cpp: verdicts on passwords are kept for a while, and not too many.
#include "server/verdict_cache.h"

#include <doctest/doctest.h>

namespace uvhttpd::tests {
namespace {

constexpr TimePoint kStart{Duration{1'000'000}};

VerdictCache::Key key_of(std::size_t number) {
  VerdictCache::Key key{};
  std::memcpy(key.data(), &number, sizeof number);
  return key;
}

TEST_CASE("A verdict is known until its time is over") {
  struct Row {
    const char* name;
    bool is_right;
    Duration lifetime;
  };
  const Row rows[] = {{"right", true, VerdictCache::kRight.lifetime},
                      {"wrong", false, VerdictCache::kWrong.lifetime}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    VerdictCache cache;
    CHECK_FALSE(cache.find(key_of(1), kStart).has_value());
    cache.add(key_of(1), row.is_right, kStart);
    CHECK(cache.find(key_of(1), kStart) == row.is_right);
    CHECK(cache.find(key_of(1), kStart + row.lifetime - Duration{1}) == row.is_right);
    CHECK_FALSE(cache.find(key_of(1), kStart + row.lifetime).has_value());
    CHECK_FALSE(cache.find(key_of(2), kStart).has_value());
    cache.add(key_of(1), row.is_right, kStart + row.lifetime);
    CHECK(cache.find(key_of(1), kStart + row.lifetime) == row.is_right);
    CHECK(cache.size() == 1);
  }
}

TEST_CASE("Asking again does not make a verdict last longer") {
  VerdictCache cache;
  cache.add(key_of(1), true, kStart);
  cache.add(key_of(1), true, kStart + Duration{10'000});
  CHECK_FALSE(cache.find(key_of(1), kStart + VerdictCache::kRight.lifetime).has_value());
}

TEST_CASE("Wrong passwords push out wrong ones only, the oldest first") {
  VerdictCache cache;
  cache.add(key_of(0), true, kStart);
  for (std::size_t i = 1; i <= VerdictCache::kWrong.entries + 1; ++i) {
    cache.add(key_of(i), false, kStart);
  }
  CHECK(cache.size() == 1 + VerdictCache::kWrong.entries);
  CHECK(cache.find(key_of(0), kStart) == true);
  CHECK_FALSE(cache.find(key_of(1), kStart).has_value());
  CHECK(cache.find(key_of(2), kStart) == false);
}

TEST_CASE("So many right passwords are kept and no more") {
  VerdictCache cache;
  for (std::size_t i = 0; i < 2 * VerdictCache::kRight.entries; ++i) {
    cache.add(key_of(i), true, kStart);
  }
  CHECK(cache.size() == VerdictCache::kRight.entries);
}

}  // namespace
}  // namespace uvhttpd::tests
