// SPDX-License-Identifier: MIT
// http/response_encoder.h: status line and fields as octets (RFC 9112 section 4).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/send_queue.h"
#include "http/status.h"

namespace uvhttpd::http {

struct ResponseField {
  std::string_view name;
  std::string_view value;
};

// What encode_response_head writes, in this order.
struct EncodedParts {
  Status status = 200;
  std::string_view reason;  // empty: the registered phrase
  std::span<const ResponseField> fields;
  std::string_view prepared;  // whole field lines with their CRLF
  std::string_view date;      // value of Date; empty: none is written
  std::string_view server;    // value of Server; empty: none
  enum class Body : std::uint8_t { unsaid, length, chunked } body = Body::unsaid;
  std::uint64_t length = 0;  // Body::length
  enum class Connection : std::uint8_t {
    unsaid,
    close,
    keep_alive
  } connection = Connection::unsaid;
};

void encode_response_head(SendQueue& out, const EncodedParts& parts);

// Field lines for EncodedParts::prepared.
std::string encode_fields(std::span<const ResponseField> fields);

// Whether name and value can stand in a field line: a token; no control octets but HTAB.
bool is_valid_field(std::string_view name, std::string_view value);

}  // namespace uvhttpd::http
