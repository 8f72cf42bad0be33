// SPDX-License-Identifier: MIT
// handlers/gateway_event.h: what a codec of a gateway finds in what an upstream sends, and what it
// is told of the request's body.
#pragma once

#include <cstdint>

namespace uvhttpd {

enum class GatewayEvent : std::uint8_t {
  need_more,
  interim,  // an informational answer: the final one follows
  head,
  body,
  end,
  fault,
};

// The body as the upstream is told of it.
struct GatewayBody {
  enum class Kind : std::uint8_t { none, length, chunked };
  Kind kind = Kind::none;
  std::uint64_t length = 0;  // Kind::length; may be 0
};

}  // namespace uvhttpd
