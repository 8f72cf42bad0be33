// SPDX-License-Identifier: MIT
// http/body_decoder.h: finds the octets of a message body and its end (RFC 9112 sections 6
// and 7.1).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/recv_buffer.h"
#include "http/framing.h"

namespace uvhttpd::http {

// A chunk's size line with its line end: 16 hexadecimal digits and extensions that nobody needs.
constexpr std::size_t kMaxChunkLineBytes = 1024;

// Written here and not left to llhttp, whose releases differ in what they take of a chunk's
// extensions and line ends: this one takes all that RFC 9112 allows and nothing else.
class BodyDecoder {
 public:
  enum class Event { need_more, data, end, error };

  BodyDecoder() = default;
  // `trailer_bytes` (with line ends, but the last) and `trailer_fields` bound the trailer section.
  void start(const Framing& framing, std::size_t trailer_bytes, std::size_t trailer_fields);

  // Looks at the front of the buffer; consumes framing octets, never data. After `data`, data() is
  // the front of the buffer until the next call that changes it: take() what was used. After `end`
  // or `error` it must not be called again.
  Event next(RecvBuffer& buffer);
  std::string_view data() const { return data_; }
  void take(RecvBuffer& buffer, std::size_t bytes);
  // As take(), for announced() octets that went to their place without passing through the buffer;
  // it must be empty.
  void skip(std::uint64_t bytes);

  const Refusal& refusal() const { return refusal_; }
  // Octets of the body taken so far.
  std::uint64_t taken() const { return taken_; }
  // Octets that are sure to follow: of the body's length, or of the chunk whose size has been read.
  std::uint64_t announced() const { return left_; }
  // After `end`: the lines of the trailer section (RFC 9112 section 7.1.2), each checked and with
  // its CRLF, until the next start().
  std::string_view trailers() const { return trailers_ ? *trailers_ : std::string_view{}; }

 private:
  enum class State : std::uint8_t { length, chunk_line, chunk_data, chunk_end, trailers, end };
  Event refuse(Status status, std::string_view reason);
  // One line of at most `limit` octets, removed from the buffer with its CRLF, which does not
  // count; false when it is not complete or not valid.
  bool read_line(RecvBuffer& buffer, std::size_t limit, std::string_view& line, Event& event);
  bool parse_chunk_line(std::string_view line);
  Event next_chunked(RecvBuffer& buffer);

  State state_ = State::end;
  std::uint64_t left_ = 0;  // of the body, or of the chunk
  std::uint64_t taken_ = 0;
  std::size_t trailer_bytes_left_ = 0;
  std::size_t trailer_fields_left_ = 0;
  std::unique_ptr<std::string> trailers_;  // seldom there: a pointer is all it costs
  std::string_view data_;
  Refusal refusal_;
};

// A field line without its CRLF: a token, a colon directly behind it, and no octet that a field
// value cannot hold (RFC 9112 section 5, RFC 9110 section 5.5). The reason of the fault; empty when
// there is none.
std::string_view field_line_fault(std::string_view line);

}  // namespace uvhttpd::http
