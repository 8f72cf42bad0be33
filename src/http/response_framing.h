// SPDX-License-Identifier: MIT
// http/response_framing.h: where the body of an upstream server's response ends and whether its
// connection can be used again (RFC 9112 sections 6.3, 9.3).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "http/message.h"
#include "http/status.h"

namespace uvhttpd::http {

struct UpstreamHead {
  Status status = 0;
  std::string_view reason;  // may be empty
  int minor_version = 1;    // HTTP/1.x; a higher minor than 1 counts as 1 (RFC 9110 section 2.5)
  FieldList fields;
};

struct ResponseFraming {
  enum class Body : std::uint8_t { none, length, chunked, until_close };
  Body body = Body::none;
  std::uint64_t length = 0;  // Body::length; more than 0
  bool keep_alive = false;   // the connection may carry another request behind the body
  bool upgraded = false;     // 101: what follows the head is of another protocol
};

// The error is the reason, a literal. A HEAD's response, a 204 and a 304 have no body whatever
// their fields say, but what these say is passed on, so it must be as sound as everywhere else.
Result<ResponseFraming, std::string_view> response_framing(const UpstreamHead& head,
                                                           Method request_method);

}  // namespace uvhttpd::http
