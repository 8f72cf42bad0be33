// SPDX-License-Identifier: MIT
#include "http/framing.h"

#include <optional>

namespace uvhttpd::http {
namespace {

Unexpected<Refusal> bad_request(std::string_view reason) {
  return Unexpected(Refusal{400, reason});
}

// RFC 9112 sections 6.1 and 6.3: we understand "chunked" alone, and without it as the last coding
// the body has no end.
std::optional<Refusal> check_transfer_encoding(const RequestHead& head) {
  if (head.minor_version == 0) return Refusal{400, "Transfer-Encoding in HTTP/1.0"};
  int codings = 0;
  int chunked = 0;
  bool last_is_chunked = false;
  head.fields.for_each(FieldName::transfer_encoding, [&](std::string_view value) {
    for_each_token(value, [&](std::string_view coding) {
      ++codings;
      last_is_chunked = equals_ignoring_case(coding, "chunked");
      if (last_is_chunked) ++chunked;
    });
  });
  if (codings == 0) return Refusal{400, "empty Transfer-Encoding"};
  if (chunked != 1 || !last_is_chunked) {
    return Refusal{400, "chunked is not the last transfer coding"};
  }
  if (codings > 1) return Refusal{501, "unknown transfer coding"};
  return std::nullopt;
}

}  // namespace

Result<Framing, Refusal> request_framing(const RequestHead& head) {
  Framing framing;
  int lengths = 0;
  std::string_view length_text;
  head.fields.for_each(FieldName::content_length, [&](std::string_view value) {
    ++lengths;
    length_text = value;
  });
  if (head.fields.has(FieldName::transfer_encoding)) {
    // RFC 9112 section 6.3: two body lengths let a proxy and us disagree about where the next
    // request starts. Refuse rather than choose.
    if (lengths > 0) return bad_request("two body lengths");
    if (const auto refusal = check_transfer_encoding(head)) return Unexpected(*refusal);
    framing.body = Framing::Body::chunked;
  } else if (lengths > 1) {
    return bad_request("more than one Content-Length");
  } else if (lengths == 1) {
    const std::optional<std::uint64_t> length = parse_decimal(length_text);
    if (!length) return bad_request("invalid Content-Length");
    framing.has_length = true;
    framing.length = *length;
    framing.body = *length > 0 ? Framing::Body::length : Framing::Body::none;
  }

  bool close = false;
  bool keep_alive = false;
  head.fields.for_each(FieldName::connection, [&](std::string_view value) {
    for_each_token(value, [&](std::string_view option) {
      close = close || equals_ignoring_case(option, "close");
      keep_alive = keep_alive || equals_ignoring_case(option, "keep-alive");
    });
  });
  framing.keep_alive = !close && (head.minor_version >= 1 || keep_alive);

  std::optional<Refusal> refusal;
  if (head.minor_version >= 1) {
    head.fields.for_each(FieldName::expect, [&](std::string_view value) {
      for_each_token(value, [&](std::string_view expectation) {
        if (equals_ignoring_case(expectation, "100-continue")) {
          framing.expect_continue = framing.body != Framing::Body::none;
        } else {
          refusal = Refusal{417, "unknown expectation"};
        }
      });
    });
  }
  if (refusal) return Unexpected(*refusal);
  return framing;
}

}  // namespace uvhttpd::http
