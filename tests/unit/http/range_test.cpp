// SPDX-License-Identifier: MIT
// unit/http/range_test.cpp: the Range field, RFC 9110 section 14.
#include "http/range.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sample_request.h"

namespace uvhttpd::http {
namespace {

struct Row {
  std::string_view name;
  std::string value;
  std::uint64_t size;
  RangeVerdict verdict;
  std::vector<ByteRange> ranges{};
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Arena arena;
    const RangeSet set = parse_ranges(row.value, row.size, arena);
    CHECK(static_cast<int>(set.verdict) == static_cast<int>(row.verdict));
    const std::vector<ByteRange> ranges(set.ranges.begin(), set.ranges.end());
    CHECK(ranges == row.ranges);
  }
}

constexpr auto kWhole = RangeVerdict::whole;
constexpr auto kPartial = RangeVerdict::partial;
constexpr auto kUnsatisfiable = RangeVerdict::unsatisfiable;

// A number that no integer type holds.
const std::string kHuge(300, '9');

std::string repeated(std::string_view member, int times) {
  std::string value = "bytes=";
  for (int i = 0; i < times; ++i) value.append(i > 0 ? "," : "").append(member);
  return value;
}

}  // namespace

TEST_CASE("parse_ranges reads one range, section 14.1.2") {
  check({
      {"first octet", "bytes=0-0", 1000, kPartial, {{0, 0}}},
      {"first 500", "bytes=0-499", 1000, kPartial, {{0, 499}}},
      {"second 500", "bytes=500-999", 1000, kPartial, {{500, 999}}},
      {"last octet", "bytes=999-999", 1000, kPartial, {{999, 999}}},
      {"open end", "bytes=950-", 1000, kPartial, {{950, 999}}},
      {"everything", "bytes=0-", 1000, kPartial, {{0, 999}}},
      {"beyond the end", "bytes=900-5000", 1000, kPartial, {{900, 999}}},
      {"one beyond the end", "bytes=0-1000", 1000, kPartial, {{0, 999}}},
      {"suffix", "bytes=-500", 1000, kPartial, {{500, 999}}},
      {"suffix of one", "bytes=-1", 1000, kPartial, {{999, 999}}},
      {"suffix of everything", "bytes=-1000", 1000, kPartial, {{0, 999}}},
      {"suffix longer than everything", "bytes=-1001", 1000, kPartial, {{0, 999}}},
      {"leading zeros", "bytes=0000-00009", 1000, kPartial, {{0, 9}}},
      {"unit in capitals", "BYTES=0-1", 1000, kPartial, {{0, 1}}},
      {"unit in mixed case", "Bytes=0-1", 1000, kPartial, {{0, 1}}},
      {"first at the end", "bytes=1000-", 1000, kUnsatisfiable},
      {"first beyond the end", "bytes=1001-2000", 1000, kUnsatisfiable},
      {"no octets from the end", "bytes=-0", 1000, kUnsatisfiable},
      {"no octets, many zeros", "bytes=-000", 1000, kUnsatisfiable},
  });
}

TEST_CASE("parse_ranges clamps numbers of any length") {
  check({
      {"last", "bytes=5-" + kHuge, 1000, kPartial, {{5, 999}}},
      {"first", "bytes=" + kHuge + "-", 1000, kUnsatisfiable},
      {"both", "bytes=" + kHuge + "-" + kHuge, 1000, kUnsatisfiable},
      {"both, the wrong way round", "bytes=" + kHuge + "-" + kHuge.substr(1), 1000, kWhole},
      {"suffix", "bytes=-" + kHuge, 1000, kPartial, {{0, 999}}},
      {"2^64", "bytes=0-18446744073709551616", 1000, kPartial, {{0, 999}}},
      {"2^64 as first", "bytes=18446744073709551616-", 1000, kUnsatisfiable},
      {"2^64 + 1 before 2^64", "bytes=18446744073709551617-18446744073709551616", 9, kWhole},
      {"zeros are no size", "bytes=" + std::string(300, '0') + "1-2", 1000, kPartial, {{1, 2}}},
      {"the largest file", "bytes=0-", UINT64_MAX, kPartial, {{0, UINT64_MAX - 1}}},
      {"suffix of the largest file",
       "bytes=-" + kHuge,
       UINT64_MAX,
       kPartial,
       {{0, UINT64_MAX - 1}}},
      {"beyond the largest file", "bytes=18446744073709551615-", UINT64_MAX, kUnsatisfiable},
  });
}

TEST_CASE("parse_ranges of an empty representation") {
  check({
      {"first octet", "bytes=0-0", 0, kUnsatisfiable},
      {"everything", "bytes=0-", 0, kUnsatisfiable},
      {"suffix", "bytes=-5", 0, kWhole},
      {"empty suffix", "bytes=-0", 0, kUnsatisfiable},
      {"malformed", "bytes=x", 0, kWhole},
  });
}

TEST_CASE("parse_ranges ignores what is no set of byte ranges, section 14.2") {
  check({
      {"nothing", "", 1000, kWhole},
      {"unit alone", "bytes", 1000, kWhole},
      {"empty set", "bytes=", 1000, kWhole},
      {"empty members only", "bytes= , ,", 1000, kWhole},
      {"another unit", "items=0-1", 1000, kWhole},
      {"longer unit", "bytesx=0-1", 1000, kWhole},
      {"no unit", "=0-1", 1000, kWhole},
      {"no equals sign", "bytes 0-1", 1000, kWhole},
      {"space before equals", "bytes =0-1", 1000, kWhole},
      {"dash alone", "bytes=-", 1000, kWhole},
      {"no dash", "bytes=5", 1000, kWhole},
      {"last before first", "bytes=5-4", 1000, kWhole},
      {"last before first, beyond the end", "bytes=5000-4000", 1000, kWhole},
      {"two dashes", "bytes=0--1", 1000, kWhole},
      {"negative suffix", "bytes=--1", 1000, kWhole},
      {"three numbers", "bytes=0-1-2", 1000, kWhole},
      {"plus", "bytes=+0-1", 1000, kWhole},
      {"letters", "bytes=a-b", 1000, kWhole},
      {"hexadecimal", "bytes=0x0-0x1", 1000, kWhole},
      {"space within", "bytes=0 -1", 1000, kWhole},
      {"space within the number", "bytes=0-1 0", 1000, kWhole},
      {"second equals sign", "bytes=0-1=2", 1000, kWhole},
      {"semicolon", "bytes=0-1;2-3", 1000, kWhole},
      {"zero octet", std::string("bytes=0-1\0", 10), 1000, kWhole},
      {"malformed after satisfiable", "bytes=0-1,x", 1000, kWhole},
      {"malformed before satisfiable", "bytes=2-1,0-1", 1000, kWhole},
      {"malformed after unsatisfiable", "bytes=1000-,x", 1000, kWhole},
  });
}

TEST_CASE("parse_ranges reads sets by the grammar of lists, section 5.6.1") {
  check({
      {"empty members", "bytes=,,0-1,,", 1000, kPartial, {{0, 1}}},
      {"white space", "bytes= \t 0-1 \t", 1000, kPartial, {{0, 1}}},
      {"white space around commas", "bytes=5000- , \t 0-1 ,6000-", 1000, kPartial, {{0, 1}}},
      {"one of two exists", "bytes=0-1,1000-", 1000, kPartial, {{0, 1}}},
      {"the other of two exists", "bytes=1000-,-1", 1000, kPartial, {{999, 999}}},
      {"none of two exists", "bytes=1000-,-0", 1000, kUnsatisfiable},
  });
}

TEST_CASE("parse_ranges keeps several ranges in the order asked for, section 15.3.7.2") {
  check({
      {"two", "bytes=0-1,500-501", 1000, kPartial, {{0, 1}, {500, 501}}},
      {"the later one first", "bytes=500-501,0-1", 1000, kPartial, {{500, 501}, {0, 1}}},
      {"the last octets first", "bytes=-1,0-0", 1000, kPartial, {{999, 999}, {0, 0}}},
      {"three", "bytes=300-309,600-609,0-9", 1000, kPartial, {{300, 309}, {600, 609}, {0, 9}}},
      {"what does not exist is left out",
       "bytes=2000-,500-501,-0,0-1,1000-1001",
       1000,
       kPartial,
       {{500, 501}, {0, 1}}},
      {"clamped", "bytes=0-1,990-" + kHuge, 1000, kPartial, {{0, 1}, {990, 999}}},
  });
}

TEST_CASE("parse_ranges joins ranges that cost less together") {
  check({
      {"the same twice", "bytes=0-1,0-1", 1000, kPartial, {{0, 1}}},
      {"overlapping", "bytes=0-9,5-19", 1000, kPartial, {{0, 19}}},
      {"overlapping, the later one first", "bytes=5-19,0-9", 1000, kPartial, {{0, 19}}},
      {"one within the other", "bytes=0-99,5-9", 1000, kPartial, {{0, 99}}},
      {"one around the other", "bytes=5-9,0-99", 1000, kPartial, {{0, 99}}},
      {"touching", "bytes=0-9,10-19", 1000, kPartial, {{0, 19}}},
      {"a gap of one octet", "bytes=0-9,11-19", 1000, kPartial, {{0, 19}}},
      {"a gap of 127 octets", "bytes=0-9,137-146", 1000, kPartial, {{0, 146}}},
      {"a gap of 128 octets", "bytes=0-9,138-147", 1000, kPartial, {{0, 9}, {138, 147}}},
      {"a chain", "bytes=0-9,200-209,100-109", 1000, kPartial, {{0, 209}}},
      {"one that joins two others", "bytes=0-1,500-501,1-499", 1000, kPartial, {{0, 501}}},
      {"suffix and range", "bytes=-20,970-985", 1000, kPartial, {{970, 999}}},
      {"what is joined stands where its first stood",
       "bytes=600-609,0-9,300-309,610-619,5-19",
       1000,
       kPartial,
       {{600, 619}, {0, 19}, {300, 309}}},
      {"what is joined later does not come forward",
       "bytes=0-9,610-619,300-309,600-609",
       1000,
       kPartial,
       {{0, 9}, {600, 619}, {300, 309}}},
      {"at the end of the largest file",
       "bytes=18446744073709551613-18446744073709551613,-1",
       UINT64_MAX,
       kPartial,
       {{UINT64_MAX - 2, UINT64_MAX - 1}}},
  });
}

// The rows below have room for the heads of the parts: 256 octets for two.
TEST_CASE("parse_ranges ignores a set that saves nothing") {
  check({
      {"everything in two halves", "bytes=0-499,500-999", 1000, kWhole},
      {"everything, and once more", "bytes=0-,0-", 1000, kWhole},
      {"everything but one octet in one piece", "bytes=0-499,500-998", 1000, kPartial, {{0, 998}}},
      {"with heads one octet less", "bytes=0-371,628-998", 1000, kPartial, {{0, 371}, {628, 998}}},
      {"with heads as much", "bytes=0-371,628-999", 1000, kWhole},
      {"with heads more", "bytes=0-399,600-999", 1000, kWhole},
      {"a small file", "bytes=0-0,199-199", 200, kWhole},
      {"what does not exist does not count", "bytes=0-,1000-", 1000, kPartial, {{0, 999}}},
      {"both ends of the largest file",
       "bytes=0-0,-1",
       UINT64_MAX,
       kPartial,
       {{0, 0}, {UINT64_MAX - 1, UINT64_MAX - 1}}},
      {"nearly all of the largest file",
       "bytes=0-18446744073709551000,-1",
       UINT64_MAX,
       kPartial,
       {{0, 18446744073709551000U}, {UINT64_MAX - 1, UINT64_MAX - 1}}},
      {"too much of the largest file", "bytes=0-18446744073709551400,-1", UINT64_MAX, kWhole},
  });
}

TEST_CASE("parse_ranges serves no more than kMaxRanges members") {
  check({
      {"as many as allowed", repeated("5000-", kMaxRanges), 1000, kUnsatisfiable},
      {"one more", repeated("5000-", kMaxRanges + 1), 1000, kWhole},
      {"as many as allowed that exist", repeated("5-6", kMaxRanges), 1000, kPartial, {{5, 6}}},
      {"one more that exists", repeated("5-6", kMaxRanges + 1), 1000, kWhole},
      {"empty members do not count",
       repeated("", 10 * kMaxRanges) + "0-1",
       1000,
       kPartial,
       {{0, 1}}},
  });
}

TEST_CASE("parse_ranges keeps kMaxRanges ranges that are far from each other") {
  std::string value = "bytes=";
  std::vector<ByteRange> ranges;
  for (std::uint64_t i = kMaxRanges; i > 0; --i) {
    const ByteRange range{i * 1000, i * 1000 + 9};
    ranges.push_back(range);
    value += std::to_string(range.first) + "-" + std::to_string(range.last) + ",";
  }
  check({{"from the last to the first", value, 1'000'000, kPartial, ranges}});
}

TEST_CASE("parse_ranges takes from the arena only what the ranges need") {
  Arena arena;
  const auto* before = static_cast<std::byte*>(arena.allocate(0, alignof(ByteRange)));
  REQUIRE(parse_ranges("bytes=0-9", 1000, arena).ranges.size() == 1);
  const auto* after_one = static_cast<std::byte*>(arena.allocate(0, alignof(ByteRange)));
  CHECK(static_cast<std::size_t>(after_one - before) == sizeof(ByteRange));
  REQUIRE(parse_ranges("bytes=x,0-9", 1000, arena).ranges.empty());
  REQUIRE(parse_ranges("bytes=1000-", 1000, arena).ranges.empty());
  CHECK(arena.allocate(0, alignof(ByteRange)) == after_one);
}

TEST_CASE("content_range says which octets of how many, section 14.4") {
  Arena arena;
  CHECK(content_range({0, 499}, 1234, arena) == "bytes 0-499/1234");
  CHECK(content_range({0, 0}, 1, arena) == "bytes 0-0/1");
  CHECK(content_range({UINT64_MAX - 1, UINT64_MAX - 1}, UINT64_MAX, arena) ==
        "bytes 18446744073709551614-18446744073709551614/18446744073709551615");
}

TEST_CASE("parse_ranges gives ranges apart within the representation, whatever it reads") {
  test::OddValues values({"bytes=", "0", "1", "9", "-", "-", ",", " ", "\t", "18446744073709551615",
                          "x", "=", "99999999999999999999999", "5-", "7-", ",1", "00"});
  for (int i = 0; i < 20000; ++i) {
    const std::string value = "bytes=" + values.next() + values.next();
    for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{10},
                                     std::uint64_t{100000}, UINT64_MAX}) {
      CAPTURE(value);
      CAPTURE(size);
      Arena arena;
      const RangeSet set = parse_ranges(value, size, arena);
      const bool is_partial = set.verdict == RangeVerdict::partial;
      REQUIRE(set.ranges.empty() == !is_partial);
      for (const ByteRange& range : set.ranges) {
        const bool is_within = range.first <= range.last && range.last < size;
        REQUIRE(is_within);
        for (const ByteRange& other : set.ranges) {
          const bool is_apart =
              &range == &other || range.last < other.first || other.last < range.first;
          REQUIRE(is_apart);
        }
      }
    }
    Arena arena;
    (void)parse_ranges(values.next(), 10, arena);
  }
}

}  // namespace uvhttpd::http
