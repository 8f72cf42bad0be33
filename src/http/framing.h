// SPDX-License-Identifier: MIT
// http/framing.h: where a message's body ends and whether the connection goes on (RFC 9112 sections
// 6, 9.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "http/message.h"
#include "http/status.h"

namespace uvhttpd::http {

struct Framing {
  enum class Body : std::uint8_t { none, length, chunked };
  Body body = Body::none;
  std::uint64_t length = 0;      // Body::length; more than 0
  bool keep_alive = false;       // what the client asked for
  bool expect_continue = false;  // RFC 9110 section 10.1.1; never in HTTP/1.0
  bool has_length = false;       // a Content-Length came, be it 0
};

// Everything that could make two readers of the message disagree is refused.
Result<Framing, Refusal> request_framing(const RequestHead& head);

// What the fields of a message say of its body.
struct DeclaredBody {
  bool chunked = false;
  std::optional<std::uint64_t> length;  // of a Content-Length, be it 0
};
// The same strictness for requests and responses: one length in digits, or the coding "chunked"
// alone (RFC 9112 sections 6.1 to 6.3). 501 only for codings that end in chunked.
Result<DeclaredBody, Refusal> declared_body(const FieldList& fields, int minor_version);

// Whether its sender wants the connection to stay (RFC 9112 section 9.3).
bool is_persistent(const FieldList& fields, int minor_version);

// Calls use(member) for each member of a comma-separated list (RFC 9110 section 5.6.1), trimmed,
// empty ones left out. For lists of tokens: quoted strings are not understood.
template <class Fn>
void for_each_token(std::string_view list, Fn&& use);
// Whether the field `list`, all its lines together, has the member, in whatever case.
bool has_token(const FieldList& fields, FieldName list, std::string_view member);

}  // namespace uvhttpd::http

#include "base/text.h"

namespace uvhttpd::http {

template <class Fn>
void for_each_token(std::string_view list, Fn&& use) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view member = trim_ows(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    if (!member.empty()) use(member);
  }
}

}  // namespace uvhttpd::http
