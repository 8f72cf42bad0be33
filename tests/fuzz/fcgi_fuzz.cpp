// SPDX-License-Identifier: MIT
// tests/fuzz/fcgi_fuzz.cpp: whatever a FastCGI program writes, its records read the same however
// the octets are cut, and whether output goes through the buffer or past it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "../unit/handlers/fcgi_reading.h"
#include "base/assert.h"

namespace {

using namespace uvhttpd::wire;

// The input begins with the sizes of the pieces, used in turns; what follows goes to the decoder.
constexpr std::size_t kSizes = 4;

// More than any text around the octets of one piece, of which there is one for each header at most.
constexpr std::size_t kMostTextBytes = 128;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kSizes) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + kSizes, size - kSizes);

  test::FcgiReading whole({.buffer_bytes = std::max(bytes.size(), FcgiDecoder::kMinBufferBytes)});
  whole.feed(bytes);
  const std::string expected = std::move(whole).finish();
  ASSERT(expected.size() <= kMostTextBytes + 2 * bytes.size());

  for (const bool passes_buffer : {false, true}) {
    test::FcgiReading split({.buffer_bytes = FcgiDecoder::kMinBufferBytes + data[0] % 32U,
                             .octets_at_once = 1 + data[1] % 32U,
                             .passes_buffer = passes_buffer});
    std::string_view rest = bytes;
    for (std::size_t turn = 0; !rest.empty(); ++turn) {
      const std::size_t piece = std::min<std::size_t>(rest.size(), 1U + data[turn % kSizes]);
      split.feed(rest.substr(0, piece));
      rest.remove_prefix(piece);
    }
    ASSERT(std::move(split).finish() == expected);
  }
  return 0;
}
