// SPDX-License-Identifier: MIT
// unit/base/arena_test.cpp: memory of one exchange: alignment, blocks, the order of destruction.
#include "base/arena.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace uvhttpd {
namespace {

// Writes its number down when it is destroyed.
class Recorder {
 public:
  Recorder(std::vector<int>& destroyed, int number) : destroyed_(destroyed), number_(number) {}
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder() { destroyed_.push_back(number_); }

 private:
  std::vector<int>& destroyed_;
  int number_;
};

struct alignas(64) CacheLine {
  char octets[64];
};

bool is_aligned(const void* at, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(at) % alignment == 0;
}

bool is_inside(const void* at, const Arena& arena) {
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  const auto begin = reinterpret_cast<std::uintptr_t>(&arena);
  return address >= begin && address < begin + sizeof arena;
}

}  // namespace

TEST_CASE("Objects of an arena are destroyed in reverse order") {
  std::vector<int> destroyed;
  {
    Arena arena;
    for (int i = 0; i < 5; ++i) arena.make<Recorder>(destroyed, i);
    CHECK(destroyed.empty());
  }
  CHECK(destroyed == std::vector<int>{4, 3, 2, 1, 0});
}

TEST_CASE("Clearing destroys once, and the arena is used again") {
  std::vector<int> destroyed;
  Arena arena;
  for (int round = 0; round < 3; ++round) {
    destroyed.clear();
    for (int i = 0; i < 1000; ++i) arena.make<Recorder>(destroyed, i);
    arena.clear();
    REQUIRE(destroyed.size() == 1000);
    CHECK(destroyed.front() == 999);
    CHECK(destroyed.back() == 0);
  }
  arena.clear();
  CHECK(destroyed.size() == 1000);
}

TEST_CASE("The first octets need no heap, and clearing comes back to them") {
  Arena arena;
  const void* first = arena.allocate(Arena::kInlineBytes, 1);
  CHECK(is_inside(first, arena));
  CHECK_FALSE(is_inside(arena.allocate(1, 1), arena));
  arena.clear();
  CHECK(arena.allocate(1, 1) == first);
}

TEST_CASE("Every allocation is aligned as asked") {
  Arena arena;
  for (int round = 0; round < 2000; ++round) {
    for (const std::size_t alignment : {1U, 2U, 4U, 8U, 16U, 64U, 256U}) {
      char* at = static_cast<char*>(arena.allocate(3, alignment));
      REQUIRE(is_aligned(at, alignment));
      std::memset(at, round, 3);
    }
  }
  CHECK(is_aligned(&arena.make<CacheLine>(), 64));
  CHECK(is_aligned(arena.make_array<double>(3).data(), alignof(double)));
}

TEST_CASE("Allocations do not overlap, whatever their size") {
  Arena arena;
  std::vector<std::span<char>> pieces;
  for (std::size_t size : {1U, 4000U, 200U, 16384U, 16385U, 0U, 100'000U, 7U, 1'000'000U, 50U}) {
    const std::span<char> piece = arena.allocate_text(size);
    REQUIRE(piece.size() == size);
    std::fill(piece.begin(), piece.end(), static_cast<char>('a' + pieces.size()));
    pieces.push_back(piece);
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    CAPTURE(i);
    bool is_intact = true;
    for (const char c : pieces[i]) is_intact = is_intact && c == static_cast<char>('a' + i);
    CHECK(is_intact);
  }
}

TEST_CASE("A small allocation behind a large one goes into the same block") {
  Arena arena;
  const std::span<char> large = arena.allocate_text(Arena::kInlineBytes + 1);
  CHECK(arena.allocate_text(1).data() == large.data() + large.size());
}

TEST_CASE("copy and concat give views of their own") {
  Arena arena;
  std::string source = "hello";
  const std::string_view copy = arena.copy(source);
  const std::string_view joined = arena.concat(source, "", " ", std::string_view("world"));
  source.assign(5, 'x');
  CHECK(copy == "hello");
  CHECK(joined == "hello world");
  CHECK(arena.copy("").empty());
  CHECK(arena.concat("", "").empty());
}

TEST_CASE("An array begins with zeros, and one of no elements costs nothing") {
  Arena arena;
  const void* before = arena.allocate(1, 1);
  CHECK(arena.make_array<int>(0).empty());
  CHECK(arena.allocate(1, 1) == static_cast<const char*>(before) + 1);
  std::memset(arena.allocate(64, 8), 0xff, 64);
  arena.clear();
  for (const int value : arena.make_array<int>(16)) CHECK(value == 0);
}

TEST_CASE("What an arena's object owns is freed with it") {
  Arena arena;
  arena.make<std::string>(std::size_t{100'000}, 'x');
  arena.make<std::vector<int>>(std::size_t{100'000}, 1);
}

}  // namespace uvhttpd
