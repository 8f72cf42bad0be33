// SPDX-License-Identifier: MIT
// http/multipart.h: multipart/byteranges, RFC 9110 section 14.6 and RFC 2046 section 5.1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "http/range.h"

namespace uvhttpd::http {

constexpr std::size_t kBoundaryLength = 32;
using BoundaryText = std::array<char, kBoundaryLength>;

// 128 bits as digits and small letters. They have to be random, so that nobody can write a file
// that contains the boundary of the answer it is sent in.
BoundaryText make_boundary(std::uint64_t a, std::uint64_t b);

// The representation that the ranges are of.
struct WholeContent {
  std::string_view media_type;  // of a 200; may be empty
  std::uint64_t size;
};

// All that is sent but the content of the ranges themselves: heads[0], the first range, heads[1],
// the second range, ..., end.
struct Multipart {
  std::string_view media_type;              // of the whole answer
  std::span<const std::string_view> heads;  // one for each range
  std::string_view end;
  std::uint64_t total_bytes = 0;  // of the answer's content: heads, ranges and end
};

// `ranges` are as parse_ranges gives them. The boundary is token characters, at most 70 of them
// (RFC 2046). The texts live in the arena.
Multipart make_multipart(const WholeContent& whole, std::span<const ByteRange> ranges,
                         std::string_view boundary, Arena& arena);

}  // namespace uvhttpd::http
