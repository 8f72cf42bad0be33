// SPDX-License-Identifier: MIT
// unit/http/multipart_test.cpp: multipart/byteranges, RFC 9110 section 14.6.
#include "http/multipart.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "http/octets.h"

namespace uvhttpd::http {
namespace {

constexpr std::string_view kContent = "0123456789abcdefghijklmnopqrstuvwxyz";

// The content of the answer as a handler puts it together.
std::string sent(std::string_view media_type, const std::vector<ByteRange>& ranges,
                 std::string_view boundary) {
  Arena arena;
  const Multipart parts = make_multipart({media_type, kContent.size()}, ranges, boundary, arena);
  REQUIRE(parts.heads.size() == ranges.size());
  std::string content;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    content += parts.heads[i];
    content += kContent.substr(ranges[i].first, ranges[i].last - ranges[i].first + 1);
  }
  content += parts.end;
  CHECK(content.size() == parts.total_bytes);
  return content;
}

std::string boundary_of(std::uint64_t a, std::uint64_t b) {
  const BoundaryText text = make_boundary(a, b);
  return {text.data(), text.size()};
}

}  // namespace

TEST_CASE("Parts have a delimiter, the type and the place of their range") {
  CHECK(sent("text/plain; charset=utf-8", {{0, 2}, {35, 35}}, "B") ==
        "--B\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Range: bytes 0-2/36\r\n"
        "\r\n"
        "012\r\n"
        "--B\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Range: bytes 35-35/36\r\n"
        "\r\n"
        "z\r\n"
        "--B--\r\n");
}

TEST_CASE("Parts of a representation without a type have none") {
  CHECK(sent("", {{1, 1}, {3, 4}}, "bound.ary") ==
        "--bound.ary\r\n"
        "Content-Range: bytes 1-1/36\r\n"
        "\r\n"
        "1\r\n"
        "--bound.ary\r\n"
        "Content-Range: bytes 3-4/36\r\n"
        "\r\n"
        "34\r\n"
        "--bound.ary--\r\n");
}

TEST_CASE("Parts stand in the order of the ranges") {
  const std::string content = sent("a/b", {{20, 21}, {0, 1}, {10, 11}}, "B");
  CHECK(content.find("bytes 20-21/36") < content.find("bytes 0-1/36"));
  CHECK(content.find("bytes 0-1/36") < content.find("bytes 10-11/36"));
}

TEST_CASE("The type of the whole names the boundary") {
  Arena arena;
  const std::vector<ByteRange> ranges = {{0, 1}, {3, 4}};
  CHECK(make_multipart({"a/b", 36}, ranges, "B", arena).media_type ==
        "multipart/byteranges; boundary=B");
}

TEST_CASE("The total is exact for the largest files") {
  Arena arena;
  constexpr std::uint64_t kSize = INT64_MAX;
  const std::vector<ByteRange> ranges = {{0, kSize / 2 - 1}, {kSize - 1, kSize - 1}};
  const Multipart parts = make_multipart({"a/b", kSize}, ranges, boundary_of(0, 0), arena);
  CHECK(
      parts.heads[1].ends_with("bytes 9223372036854775806-9223372036854775806/"
                               "9223372036854775807\r\n\r\n"));
  CHECK(parts.total_bytes ==
        kSize / 2 + 1 + parts.heads[0].size() + parts.heads[1].size() + parts.end.size());
}

// What parse_ranges takes for the price of a part is about right.
TEST_CASE("A usual part's head costs about kPartHeadBytes") {
  Arena arena;
  const std::vector<ByteRange> ranges = {{0, 1}, {1'000'000, 2'000'000}};
  const Multipart parts =
      make_multipart({"application/pdf", 5'000'000}, ranges, boundary_of(1, 2), arena);
  CHECK(parts.heads[1].size() > kPartHeadBytes - 32);
  CHECK(parts.heads[1].size() < kPartHeadBytes + 32);
}

TEST_CASE("A boundary is kBoundaryLength token characters, whatever the bits") {
  for (const std::uint64_t bits : {std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX}) {
    CAPTURE(bits);
    const std::string boundary = boundary_of(bits, ~bits);
    CHECK(boundary.size() == kBoundaryLength);
    CHECK(all_are_of(octet_class::kToken, boundary));
  }
  CHECK(boundary_of(0x0123456789abcdef, 0xfedcba9876543210) == "0123456789abcdeffedcba9876543210");
}

TEST_CASE("Every one of the 128 bits makes another boundary") {
  std::set<std::string> seen = {boundary_of(0, 0)};
  for (unsigned bit = 0; bit < 64; ++bit) {
    seen.insert(boundary_of(std::uint64_t{1} << bit, 0));
    seen.insert(boundary_of(0, std::uint64_t{1} << bit));
  }
  CHECK(seen.size() == 129);
}

}  // namespace uvhttpd::http
