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
  ByteRange range{};
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const RangeResult result = parse_range(row.value, row.size);
    CHECK(static_cast<int>(result.verdict) == static_cast<int>(row.verdict));
    if (row.verdict != RangeVerdict::single) continue;
    CHECK(result.range.first == row.range.first);
    CHECK(result.range.last == row.range.last);
  }
}

constexpr auto kWhole = RangeVerdict::whole;
constexpr auto kSingle = RangeVerdict::single;
constexpr auto kUnsatisfiable = RangeVerdict::unsatisfiable;

// A number that no integer type holds.
const std::string kHuge(300, '9');

std::string repeated(std::string_view member, int times) {
  std::string value = "bytes=";
  for (int i = 0; i < times; ++i) value.append(i > 0 ? "," : "").append(member);
  return value;
}

}  // namespace

TEST_CASE("parse_range reads one range, section 14.1.2") {
  check({
      {"first octet", "bytes=0-0", 1000, kSingle, {0, 0}},
      {"first 500", "bytes=0-499", 1000, kSingle, {0, 499}},
      {"second 500", "bytes=500-999", 1000, kSingle, {500, 999}},
      {"last octet", "bytes=999-999", 1000, kSingle, {999, 999}},
      {"open end", "bytes=950-", 1000, kSingle, {950, 999}},
      {"everything", "bytes=0-", 1000, kSingle, {0, 999}},
      {"beyond the end", "bytes=900-5000", 1000, kSingle, {900, 999}},
      {"one beyond the end", "bytes=0-1000", 1000, kSingle, {0, 999}},
      {"suffix", "bytes=-500", 1000, kSingle, {500, 999}},
      {"suffix of one", "bytes=-1", 1000, kSingle, {999, 999}},
      {"suffix of everything", "bytes=-1000", 1000, kSingle, {0, 999}},
      {"suffix longer than everything", "bytes=-1001", 1000, kSingle, {0, 999}},
      {"leading zeros", "bytes=0000-00009", 1000, kSingle, {0, 9}},
      {"unit in capitals", "BYTES=0-1", 1000, kSingle, {0, 1}},
      {"unit in mixed case", "Bytes=0-1", 1000, kSingle, {0, 1}},
      {"first at the end", "bytes=1000-", 1000, kUnsatisfiable},
      {"first beyond the end", "bytes=1001-2000", 1000, kUnsatisfiable},
      {"no octets from the end", "bytes=-0", 1000, kUnsatisfiable},
      {"no octets, many zeros", "bytes=-000", 1000, kUnsatisfiable},
  });
}

TEST_CASE("parse_range clamps numbers of any length") {
  check({
      {"last", "bytes=5-" + kHuge, 1000, kSingle, {5, 999}},
      {"first", "bytes=" + kHuge + "-", 1000, kUnsatisfiable},
      {"both", "bytes=" + kHuge + "-" + kHuge, 1000, kUnsatisfiable},
      {"both, the wrong way round", "bytes=" + kHuge + "-" + kHuge.substr(1), 1000, kWhole},
      {"suffix", "bytes=-" + kHuge, 1000, kSingle, {0, 999}},
      {"2^64", "bytes=0-18446744073709551616", 1000, kSingle, {0, 999}},
      {"2^64 as first", "bytes=18446744073709551616-", 1000, kUnsatisfiable},
      {"2^64 + 1 before 2^64", "bytes=18446744073709551617-18446744073709551616", 9, kWhole},
      {"zeros are no size", "bytes=" + std::string(300, '0') + "1-2", 1000, kSingle, {1, 2}},
      {"the largest file", "bytes=0-", UINT64_MAX, kSingle, {0, UINT64_MAX - 1}},
      {"suffix of the largest file", "bytes=-" + kHuge, UINT64_MAX, kSingle, {0, UINT64_MAX - 1}},
      {"beyond the largest file", "bytes=18446744073709551615-", UINT64_MAX, kUnsatisfiable},
  });
}

TEST_CASE("parse_range of an empty representation") {
  check({
      {"first octet", "bytes=0-0", 0, kUnsatisfiable},
      {"everything", "bytes=0-", 0, kUnsatisfiable},
      {"suffix", "bytes=-5", 0, kWhole},
      {"empty suffix", "bytes=-0", 0, kUnsatisfiable},
      {"malformed", "bytes=x", 0, kWhole},
  });
}

TEST_CASE("parse_range ignores what is no set of byte ranges, section 14.2") {
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

TEST_CASE("parse_range reads sets by the grammar of lists, section 5.6.1") {
  check({
      {"empty members", "bytes=,,0-1,,", 1000, kSingle, {0, 1}},
      {"white space", "bytes= \t 0-1 \t", 1000, kSingle, {0, 1}},
      {"white space around commas", "bytes=5000- , \t 0-1 ,6000-", 1000, kSingle, {0, 1}},
      {"one of two exists", "bytes=0-1,1000-", 1000, kSingle, {0, 1}},
      {"the other of two exists", "bytes=1000-,-1", 1000, kSingle, {999, 999}},
      {"none of two exists", "bytes=1000-,-0", 1000, kUnsatisfiable},
      {"two exist", "bytes=0-1,4-5", 1000, kWhole},
      {"two of three exist", "bytes=0-1,2000-,4-5", 1000, kWhole},
      {"the same twice", "bytes=0-1,0-1", 1000, kWhole},
  });
}

TEST_CASE("parse_range serves no more than kMaxRanges members") {
  check({
      {"as many as allowed", repeated("5000-", kMaxRanges), 1000, kUnsatisfiable},
      {"one more", repeated("5000-", kMaxRanges + 1), 1000, kWhole},
      {"empty members do not count", repeated("", 10 * kMaxRanges) + "0-1", 1000, kSingle, {0, 1}},
  });
}

TEST_CASE("parse_range gives a range within the representation, whatever it reads") {
  test::OddValues values({"bytes=", "0", "1", "9", "-", "-", ",", " ", "\t", "18446744073709551615",
                          "x", "=", "99999999999999999999999"});
  for (int i = 0; i < 20000; ++i) {
    const std::string value = "bytes=" + values.next();
    for (const std::uint64_t size :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{10}, UINT64_MAX}) {
      const RangeResult result = parse_range(value, size);
      if (result.verdict != RangeVerdict::single) continue;
      const bool is_within = result.range.first <= result.range.last && result.range.last < size;
      CAPTURE(value);
      CAPTURE(size);
      REQUIRE(is_within);
    }
    (void)parse_range(values.next(), 10);
  }
}

}  // namespace uvhttpd::http
