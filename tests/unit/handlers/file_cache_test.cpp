// SPDX-License-Identifier: MIT
// unit/handlers/file_cache_test.cpp: the cache keeps to its bound, and what was asked for last.
#include "handlers/file_cache.h"

#include <doctest/doctest.h>

#include <string>

namespace uvhttpd::tests {
namespace {

std::shared_ptr<CachedFile> file_of(std::size_t bytes) {
  auto file = std::make_shared<CachedFile>();
  file->representations[0] = std::make_shared<Representation>();
  file->representations[0]->content = std::make_shared<const std::string>(bytes, 'x');
  return file;
}

struct Fixture {
  int owner = 0;
  int other = 0;
  FileCache cache{100'000};
  bool has(std::string_view path) { return cache.find(&owner, path) != nullptr; }
};

TEST_CASE_FIXTURE(Fixture, "FileCache gives back what it was given, by owner and path") {
  const auto file = file_of(10);
  cache.store(&owner, "a", file);
  CHECK(cache.find(&owner, "a") == file);
  CHECK(cache.find(&owner, "b") == nullptr);
  CHECK(cache.find(&other, "a") == nullptr);
  const auto newer = file_of(20);
  cache.store(&owner, "a", newer);
  CHECK(cache.find(&owner, "a") == newer);
}

TEST_CASE_FIXTURE(Fixture, "FileCache forgets what is erased") {
  cache.store(&owner, "a", file_of(10));
  cache.store(&other, "a", file_of(10));
  cache.erase(&owner, "a");
  cache.erase(&owner, "never there");
  CHECK_FALSE(has("a"));
  CHECK(cache.find(&other, "a") != nullptr);
  cache.erase(&other, "a");
  CHECK(cache.memory() == 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "FileCache stays within its bound and drops what was not asked for longest") {
  for (int i = 0; i < 9; ++i) cache.store(&owner, std::to_string(i), file_of(10'000));
  CHECK(has("0"));
  cache.store(&owner, "one more", file_of(10'000));
  CHECK(cache.memory() <= 100'000);
  CHECK(has("0"));
  CHECK_FALSE(has("1"));
  CHECK(has("2"));
  CHECK(has("one more"));
}

TEST_CASE_FIXTURE(Fixture, "FileCache stays within its bound over many files") {
  for (int i = 0; i < 10'000; ++i) {
    cache.store(&owner, std::to_string(i), file_of(static_cast<std::size_t>(i * 37 % 5'000)));
    REQUIRE(cache.memory() <= 100'000);
  }
  CHECK(has("9999"));
}

TEST_CASE_FIXTURE(Fixture, "FileCache does not empty itself for what is too large for it") {
  cache.store(&owner, "small", file_of(10));
  cache.store(&owner, "huge", file_of(200'000));
  CHECK(has("small"));
  CHECK_FALSE(has("huge"));
  SUBCASE("and forgets the smaller one that this took the place of") {
    cache.store(&owner, "small", file_of(200'000));
    CHECK_FALSE(has("small"));
    CHECK(cache.memory() == 0);
  }
}

TEST_CASE_FIXTURE(Fixture, "FileCache counts what is made of a file it keeps") {
  const auto file = file_of(10'000);
  cache.store(&owner, "a", file);
  cache.store(&owner, "b", file_of(80'000));
  const std::size_t before = cache.memory();
  file->representations[1] = std::make_shared<Representation>();
  file->representations[1]->content = std::make_shared<const std::string>(5'000, 'x');
  cache.update(&owner, "a", file);
  CHECK(cache.memory() > before + 5'000);
  CHECK(has("b"));
  SUBCASE("and makes room for it") {
    file->representations[2] = std::make_shared<Representation>();
    file->representations[2]->content = std::make_shared<const std::string>(5'000, 'x');
    cache.update(&owner, "a", file);
    CHECK(has("a"));
    CHECK_FALSE(has("b"));
  }
  SUBCASE("not of one that it has dropped, or of another in its place") {
    cache.erase(&owner, "a");
    cache.update(&owner, "a", file);
    CHECK_FALSE(has("a"));
    const auto other_file = file_of(10);
    cache.store(&owner, "a", other_file);
    cache.update(&owner, "a", file);
    CHECK(cache.find(&owner, "a") == other_file);
  }
}

TEST_CASE_FIXTURE(Fixture, "A file in use outlives its place in the cache") {
  cache.store(&owner, "a", file_of(10));
  const auto file = cache.find(&owner, "a");
  cache.erase(&owner, "a");
  CHECK(file->identity().content->size() == 10);
}

TEST_CASE("FileCache of no memory keeps nothing") {
  FileCache none(0);
  none.store(nullptr, "a", file_of(0));
  CHECK(none.find(nullptr, "a") == nullptr);
  CHECK(none.memory() == 0);
}

}  // namespace
}  // namespace uvhttpd::tests
