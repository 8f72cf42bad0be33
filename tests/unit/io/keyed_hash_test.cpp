// SPDX-License-Identifier: MIT
// unit/io/keyed_hash_test.cpp: hashes under a key of this process.
#include "io/keyed_hash.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace uvhttpd::tests {
namespace {

KeyedHash::Digest of(const KeyedHash& hash, std::vector<std::string_view> parts) {
  return hash(parts);
}

TEST_CASE("KeyedHash gives the same parts the same hash") {
  const KeyedHash hash;
  CHECK(of(hash, {"name", "password"}) == of(hash, {"name", "password"}));
  CHECK(of(hash, {}) == of(hash, {}));
}

TEST_CASE("KeyedHash tells parts apart by where they end") {
  const KeyedHash hash;
  const std::vector<KeyedHash::Digest> digests{
      of(hash, {"a", "bc"}), of(hash, {"ab", "c"}), of(hash, {"abc"}),     of(hash, {"abc", ""}),
      of(hash, {"", "abc"}), of(hash, {}),          of(hash, {"a", "bd"}), of(hash, {"bc", "a"})};
  for (std::size_t i = 0; i < digests.size(); ++i) {
    CAPTURE(i);
    CHECK(std::count(digests.begin(), digests.end(), digests[i]) == 1);
  }
}

TEST_CASE("KeyedHash takes every octet into account, NUL too") {
  const KeyedHash hash;
  CHECK(of(hash, {std::string_view("a\0b", 3)}) != of(hash, {std::string_view("a\0c", 3)}));
  CHECK(of(hash, {std::string(1 << 20, 'x')}) != of(hash, {std::string((1 << 20) - 1, 'x')}));
}

TEST_CASE("KeyedHash has a key of its own each time") {
  CHECK(of(KeyedHash(), {"same"}) != of(KeyedHash(), {"same"}));
}

TEST_CASE("KeyedHash may be shared by threads") {
  const KeyedHash hash;
  const KeyedHash::Digest expected = of(hash, {"name", "password"});
  std::array<bool, 4> is_same{};
  std::vector<std::thread> threads;
  for (bool& same : is_same) {
    threads.emplace_back([&hash, &same, &expected] {
      same = true;
      for (int i = 0; i < 1000; ++i) same = same && of(hash, {"name", "password"}) == expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(std::all_of(is_same.begin(), is_same.end(), [](bool same) { return same; }));
}

}  // namespace
}  // namespace uvhttpd::tests
