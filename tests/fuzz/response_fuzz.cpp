// SPDX-License-Identifier: MIT
// tests/fuzz/response_fuzz.cpp: whatever the octets of an upstream server, a parser that gets them
// in pieces tells the same as one that gets them at once, and so does one whose owner receives
// announced octets past the buffer.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../unit/http/response_events.h"
#include "base/assert.h"

namespace {

using namespace uvhttpd;
using namespace uvhttpd::http;

constexpr ResponseLimits kLimits{.head_bytes = 256, .head_fields = 6};

// The input begins with the sizes of the pieces, used in turns, and with the method and the life of
// the connection; what follows goes to the parser.
constexpr std::size_t kSizes = 4;
constexpr std::size_t kHeader = kSizes + 1;

struct Script {
  const std::uint8_t* sizes;
  Method method;
  bool closes;
};

test::Events events_of(std::string_view bytes, const Script& script,
                       const test::Delivery& delivery) {
  test::ResponseReading reading(kLimits, script.method, delivery);
  for (std::size_t turn = 0; !bytes.empty(); ++turn) {
    const std::size_t piece =
        script.sizes == nullptr
            ? bytes.size()
            : std::min<std::size_t>(bytes.size(), 1U + script.sizes[turn % kSizes]);
    reading.feed(bytes.substr(0, piece));
    bytes.remove_prefix(piece);
  }
  if (script.closes) reading.end();
  return std::move(reading).finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kHeader) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + kHeader, size - kHeader);
  constexpr Method kMethods[] = {Method::get, Method::head, Method::connect, Method::post};
  Script script{nullptr, kMethods[data[kSizes] & 3U], (data[kSizes] & 4U) != 0};

  const test::Events expected = events_of(bytes, script, {});
  ASSERT(events_of(bytes, script, {.bypasses_buffer = true}) == expected);
  script.sizes = data;
  ASSERT(events_of(bytes, script, {.octets_at_once = 1 + data[0] % 32U}) == expected);
  ASSERT(events_of(bytes, script, {.bypasses_buffer = true}) == expected);
  return 0;
}
