// SPDX-License-Identifier: MIT
#include "http/framing.h"

namespace uvhttpd::http {
namespace {

Unexpected<Refusal> bad_request(std::string_view reason) {
  return Unexpected(Refusal{400, reason});
}

// RFC 9112 sections 6.1 and 6.3: we understand "chunked" alone, and without it as the last coding
// the body has no end.
std::optional<Refusal> check_transfer_encoding(const FieldList& fields, int minor_version) {
  if (minor_version == 0) return Refusal{400, "Transfer-Encoding in HTTP/1.0"};
  int codings = 0;
  int chunked = 0;
  bool last_is_chunked = false;
  fields.for_each(FieldName::transfer_encoding, [&](std::string_view value) {
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

Result<DeclaredBody, Refusal> declared_body(const FieldList& fields, int minor_version) {
  DeclaredBody body;
  int lengths = 0;
  std::string_view length_text;
  fields.for_each(FieldName::content_length, [&](std::string_view value) {
    ++lengths;
    length_text = value;
  });
  if (fields.has(FieldName::transfer_encoding)) {
    // RFC 9112 section 6.3: two body lengths let a proxy and us disagree about where the next
    // message starts. Refuse rather than choose.
    if (lengths > 0) return bad_request("two body lengths");
    if (const auto refusal = check_transfer_encoding(fields, minor_version)) {
      return Unexpected(*refusal);
    }
    body.chunked = true;
  } else if (lengths > 1) {
    return bad_request("more than one Content-Length");
  } else if (lengths == 1) {
    body.length = parse_decimal(length_text);
    if (!body.length) return bad_request("invalid Content-Length");
  }
  return body;
}

bool is_persistent(const FieldList& fields, int minor_version) {
  bool close = false;
  bool keep_alive = false;
  fields.for_each(FieldName::connection, [&](std::string_view value) {
    for_each_token(value, [&](std::string_view option) {
      close = close || equals_ignoring_case(option, "close");
      keep_alive = keep_alive || equals_ignoring_case(option, "keep-alive");
    });
  });
  return !close && (minor_version >= 1 || keep_alive);
}

Result<Framing, Refusal> request_framing(const RequestHead& head) {
  TRY_ASSIGN(const DeclaredBody body, declared_body(head.fields, head.minor_version));
  Framing framing;
  framing.has_length = body.length.has_value();
  framing.length = body.length.value_or(0);
  if (body.chunked) framing.body = Framing::Body::chunked;
  if (framing.length > 0) framing.body = Framing::Body::length;
  framing.keep_alive = is_persistent(head.fields, head.minor_version);

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

bool has_token(const FieldList& fields, FieldName list, std::string_view member) {
  bool found = false;
  fields.for_each(list, [&](std::string_view value) {
    for_each_token(value, [&](std::string_view token) {
      found = found || equals_ignoring_case(token, member);
    });
  });
  return found;
}

}  // namespace uvhttpd::http
