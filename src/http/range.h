// SPDX-License-Identifier: MIT
// http/range.h: the fields Range and Content-Range, RFC 9110 section 14.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/arena.h"

namespace uvhttpd::http {

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
  bool operator==(const ByteRange&) const = default;
};

enum class RangeVerdict {
  whole,          // another unit, a malformed value, or a set that is not worth it: send 200
  partial,        // at least one range can be sent: 206
  unsatisfiable,  // well formed, but nothing of it exists: 416
};
struct RangeSet {
  RangeVerdict verdict = RangeVerdict::whole;
  // For `partial`: within the representation, apart from each other, in the order to be sent. Lives
  // in the arena. One range is sent by itself, several as multipart/byteranges (section 15.3.7).
  std::span<const ByteRange> ranges{};
};

constexpr int kMaxRanges = 100;
// About what the delimiter and the fields of one part of multipart/byteranges cost.
constexpr std::uint64_t kPartHeadBytes = 128;

// `value` is the whole value of the only Range field line, `size` the length of the representation.
// Numbers of any length are clamped, never wrapped. "bytes" is compared without case. Members of
// the set may be empty and have white space around them, but one malformed member (last before
// first, for example) makes the whole set so. Members that are not satisfiable are left out of
// those that are. Ranges that overlap, touch, or are nearer to each other than a part's head is
// long are joined, and stand where the first of them stood (section 15.3.7.2). More than kMaxRanges
// members are `whole`, as are several satisfiable ones that would take as many octets as the
// representation itself (section 14.2 lets a server ignore Range). Of an empty representation a
// suffix range is `whole`: section 14.1.2 calls it satisfiable, but Content-Range cannot say so.
RangeSet parse_ranges(std::string_view value, std::uint64_t size, Arena& arena);

// Content-Range of section 14.4: "bytes 0-499/1234". Lives in the arena.
std::string_view content_range(const ByteRange& range, std::uint64_t size, Arena& arena);

}  // namespace uvhttpd::http
