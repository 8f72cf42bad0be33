// SPDX-License-Identifier: MIT
// tests/fuzz/request_fuzz.cpp: whatever the octets, a parser that gets them in pieces tells the
// same as one that gets them at once, and each target it lets through is safe to look up.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../unit/http/request_events.h"
#include "base/assert.h"
#include "http/target.h"

namespace {

using namespace uvhttpd;
using namespace uvhttpd::http;

constexpr RequestLimits kLimits{.target_bytes = 64, .head_bytes = 256, .head_fields = 6};

// The input begins with the sizes of the pieces, used in turns; what follows goes to the parser.
constexpr std::size_t kSizes = 4;

void check_path(std::string_view path) {
  ASSERT(path.starts_with('/'));
  ASSERT(path.find('\0') == std::string_view::npos);
  ASSERT(path.find("//") == std::string_view::npos);
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    ASSERT(segment != "." && segment != "..");
    path.remove_prefix(segment.size());
  }
}

void check_target(const RequestHead& head) {
  Arena arena;
  const Result<Target, Refusal> target = parse_target(head, arena);
  if (!target) {
    ASSERT(target.error().status == 400);
    return;
  }
  const bool has_path =
      target->form == Target::Form::origin || target->form == Target::Form::absolute;
  if (!has_path || target->path == "*") return;
  check_path(target->path);
  ASSERT(target->host.empty() == target->authority.empty());
  bool has_encoded_slash = false;
  const std::string_view encoded = encode_path(target->path, arena);
  const auto again = normalize_path(encoded, arena, has_encoded_slash);
  ASSERT(again && *again == target->path);
}

void check_targets(std::string_view bytes) {
  RequestParser parser(kLimits);
  RecvBuffer buffer(bytes.size());
  buffer.assign(bytes);
  Arena arena;
  for (;;) {
    switch (parser.next(buffer, arena)) {
      case RequestParser::Event::need_more:
      case RequestParser::Event::error: return;
      case RequestParser::Event::head: check_target(parser.head()); break;
      case RequestParser::Event::body: parser.take(buffer, parser.body().size()); break;
      case RequestParser::Event::end: arena.clear(); break;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kSizes) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + kSizes, size - kSizes);

  test::RequestReading whole(kLimits);
  whole.feed(bytes);
  const test::Events expected = std::move(whole).finish();

  test::RequestReading split(kLimits, 1 + data[0] % 32U);
  std::string_view rest = bytes;
  for (std::size_t turn = 0; !rest.empty(); ++turn) {
    const std::size_t piece = std::min<std::size_t>(rest.size(), 1U + data[turn % kSizes]);
    split.feed(rest.substr(0, piece));
    rest.remove_prefix(piece);
  }
  ASSERT(std::move(split).finish() == expected);

  check_targets(bytes);
  return 0;
}
