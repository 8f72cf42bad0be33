// SPDX-License-Identifier: MIT
// http/range.h: the Range field, RFC 9110 section 14.
#pragma once

#include <cstdint>
#include <string_view>

namespace uvhttpd::http {

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
  bool operator==(const ByteRange&) const = default;
};

enum class RangeVerdict {
  whole,          // another unit, a malformed value, or more ranges than we serve: send 200
  single,         // one satisfiable range
  unsatisfiable,  // well formed, but nothing of it exists: 416
};
struct RangeResult {
  RangeVerdict verdict = RangeVerdict::whole;
  ByteRange range{};  // within the representation; means something for `single` only
};

constexpr int kMaxRanges = 100;

// `value` is the whole value of the only Range field line, `size` the length of the representation.
// Numbers of any length are clamped, never wrapped. "bytes" is compared without case. Members of
// the set may be empty and have white space around them, but one malformed member (last before
// first, for example) makes the whole set so. Several ranges give `single` when exactly one of them
// is satisfiable, `unsatisfiable` when none is, and `whole` otherwise (section 14.2 lets a server
// ignore Range), as do more than kMaxRanges of them. Of an empty representation a suffix range is
// `whole`: section 14.1.2 calls it satisfiable, but Content-Range cannot say so.
RangeResult parse_range(std::string_view value, std::uint64_t size);

}  // namespace uvhttpd::http
