// SPDX-License-Identifier: MIT
// http/multipart.cpp: delimiters and heads of the parts.
#include "http/multipart.h"

namespace uvhttpd::http {

BoundaryText make_boundary(std::uint64_t a, std::uint64_t b) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  BoundaryText text{};
  for (std::size_t i = kBoundaryLength / 2; i-- > 0;) {
    text[i] = kDigits[a & 15];
    text[kBoundaryLength / 2 + i] = kDigits[b & 15];
    a >>= 4;
    b >>= 4;
  }
  return text;
}

Multipart make_multipart(const WholeContent& whole, std::span<const ByteRange> ranges,
                         std::string_view boundary, Arena& arena) {
  constexpr std::string_view kLineEnd = "\r\n";
  const std::string_view type_line =
      whole.media_type.empty()
          ? std::string_view()
          : arena.concat(std::string_view("\r\nContent-Type: "), whole.media_type);
  const std::string_view delimiter = arena.concat(std::string_view("\r\n--"), boundary);

  Multipart parts;
  parts.media_type = arena.concat(std::string_view("multipart/byteranges; boundary="), boundary);
  parts.end = arena.concat(delimiter, std::string_view("--\r\n"));
  parts.total_bytes = parts.end.size();
  const std::span<std::string_view> heads = arena.make_array<std::string_view>(ranges.size());
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    // The line end in front of a delimiter belongs to it; nothing stands before the first one.
    heads[i] =
        arena.concat(i == 0 ? delimiter.substr(kLineEnd.size()) : delimiter, type_line,
                     std::string_view("\r\nContent-Range: "),
                     content_range(ranges[i], whole.size, arena), std::string_view("\r\n\r\n"));
    parts.total_bytes += heads[i].size() + ranges[i].last - ranges[i].first + 1;
  }
  parts.heads = heads;
  return parts;
}

}  // namespace uvhttpd::http
