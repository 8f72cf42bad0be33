// SPDX-License-Identifier: MIT
#include "http/response_framing.h"

#include "http/framing.h"

namespace uvhttpd::http {
namespace {

constexpr Status kSwitchingProtocols = 101;
constexpr Status kNoContent = 204;
constexpr Status kNotModified = 304;

bool opens_tunnel(Status status, Method request_method) {
  return request_method == Method::connect && status >= 200 && status < 300;
}

}  // namespace

Result<ResponseFraming, std::string_view> response_framing(const UpstreamHead& head,
                                                           Method request_method) {
  const Result<DeclaredBody, Refusal> declared = declared_body(head.fields, head.minor_version);
  if (!declared) return Unexpected(declared.error().reason);

  ResponseFraming framing;
  if (head.status < 200) {
    // RFC 9110 section 8.6, RFC 9112 section 6.1: neither field may stand here, and readers that
    // heed it anyway would look for the final response elsewhere.
    if (declared->chunked || declared->length) {
      return Unexpected(std::string_view("a body in an interim response"));
    }
    framing.upgraded = head.status == kSwitchingProtocols;
    return framing;
  }
  if (opens_tunnel(head.status, request_method)) return framing;

  framing.keep_alive = is_persistent(head.fields, head.minor_version);
  if (head.status == kNoContent) {
    // A server that announces a body here, which it must not, may also send one.
    if (declared->chunked || declared->length.value_or(0) > 0) framing.keep_alive = false;
    return framing;
  }
  if (head.status == kNotModified || request_method == Method::head) return framing;

  if (declared->chunked) {
    framing.body = ResponseFraming::Body::chunked;
  } else if (!declared->length) {
    framing.body = ResponseFraming::Body::until_close;
    framing.keep_alive = false;
  } else if (*declared->length > 0) {
    framing.body = ResponseFraming::Body::length;
    framing.length = *declared->length;
  }
  return framing;
}

}  // namespace uvhttpd::http
