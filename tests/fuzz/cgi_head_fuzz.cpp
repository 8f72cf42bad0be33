// SPDX-License-Identifier: MIT
// tests/fuzz/cgi_head_fuzz.cpp: whatever a program writes, its head reads the same however the
// octets are cut, and nothing in it can break out of the head that we write from it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "../unit/handlers/cgi_head_reading.h"
#include "base/assert.h"

namespace {

using namespace uvhttpd::wire;

// The input begins with the sizes of the pieces, used in turns; what follows goes to the parser.
constexpr std::size_t kSizes = 4;

bool is_on_one_line(std::string_view text) {
  constexpr std::string_view kBreaking("\r\n\0", 3);
  return text.find_first_of(kBreaking) == std::string_view::npos;
}

void check_head(const CgiHead& head) {
  ASSERT(head.status >= 200 && head.status <= 599);
  ASSERT(is_on_one_line(head.reason));
  ASSERT(head.fields.size() <= CgiHeadParser::kMaxFields);
  for (const auto& field : head.fields) {
    ASSERT(!field.name.empty() && field.name.find_first_of(" \t:") == std::string_view::npos);
    ASSERT(is_on_one_line(field.name) && is_on_one_line(field.value));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kSizes) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + kSizes, size - kSizes);

  test::CgiHeadReading whole;
  whole.feed(bytes);
  if (const CgiHead* head = whole.head()) check_head(*head);

  test::CgiHeadReading split;
  std::string_view rest = bytes;
  for (std::size_t turn = 0; !rest.empty(); ++turn) {
    const std::size_t piece = std::min<std::size_t>(rest.size(), 1U + data[turn % kSizes]);
    split.feed(rest.substr(0, piece));
    rest.remove_prefix(piece);
  }
  ASSERT(std::move(split).finish() == std::move(whole).finish());
  return 0;
}
