// SPDX-License-Identifier: MIT
// http/response_parser.h: octets from an upstream server become responses, one event at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "base/recv_buffer.h"
#include "http/body_decoder.h"
#include "http/response_framing.h"

namespace uvhttpd::http {

struct ResponseLimits {
  std::size_t head_bytes = 64 << 10;  // status line and fields with their line ends
  std::size_t head_fields = 200;
};

// Interim responses before the final one.
constexpr std::uint8_t kMaxInterim = 16;

// A pull parser as RequestParser is: it stops at every event and nothing calls back. Each line of a
// head is checked as it arrives. There is no second reader behind that: a status line has three
// parts and a field line two, the checks here leave nothing of them open, and how the body is
// framed is decided on the fields and not by a library. The buffer it reads from must hold at least
// limits.head_bytes and a chunk's line (kMaxChunkLineBytes).
class ResponseParser {
 public:
  enum class Event { need_more, interim, head, body, end, error };

  explicit ResponseParser(const ResponseLimits& limits) : limits_(limits) {}

  // Before each response; forgets the one before. The method decides whether a body follows.
  void start(Method request_method);

  // `interim`: head() is a 1xx other than 101; the final response is still to come.
  // `head`: head() and framing() are set. The octets of both heads are copied into `arena`, and
  //   consumed.
  // `body`: body() is the front of the buffer; take() what was used, at least nothing.
  // `end`: the message is over; what the buffer holds behind it was not asked for, or is of the
  //   other protocol (ResponseFraming::upgraded). Must not be called again before start().
  // `error`: fault() says why. Nothing more can be read from this connection.
  Event next(RecvBuffer& buffer, Arena& arena);

  // The peer has closed and all that it sent is in the buffer: instead of `need_more`, next() then
  // reports `end` for a body that lasts until then and `error` for whatever else is not complete.
  void input_ended() { input_ended_ = true; }

  const UpstreamHead& head() const { return head_; }
  const ResponseFraming& framing() const { return framing_; }
  std::string_view body() const { return body_; }
  void take(RecvBuffer& buffer, std::size_t bytes);

  // Octets of the body that follow in one piece, without framing between them: the rest of the
  // length or of the chunk; UINT64_MAX until the peer closes; 0 where none are known to follow.
  std::uint64_t announced() const;
  // As take(), for announced octets that went to their place without passing through the buffer;
  // it must be empty.
  void skip(std::uint64_t bytes);

  // After `end`: the lines of the trailer section, each checked and with its CRLF, until start().
  std::string_view trailers() const { return decoder_.trailers(); }
  // A literal; empty before `error`.
  std::string_view fault() const { return fault_; }
  // After `end`: the connection may carry another request. Whether the buffer is empty, as it then
  // must be, is for the owner to see.
  bool is_reusable() const { return state_ == State::done && framing_.keep_alive && !input_ended_; }

 private:
  enum class State : std::uint8_t { idle, head, framed_body, body_until_close, done, failed };
  Event next_head(RecvBuffer& buffer, Arena& arena);
  Event next_framed_body(RecvBuffer& buffer);
  Event next_body_until_close(const RecvBuffer& buffer);
  bool check_line(std::string_view line);
  Event read_head(std::string_view bytes, Arena& arena);
  Event wait_for_more();
  Event fail(std::string_view fault);

  ResponseLimits limits_;
  Method request_method_ = Method::get;
  State state_ = State::idle;
  bool input_ended_ = false;
  std::uint8_t interims_ = 0;
  std::size_t scanned_ = 0;  // octets of the head whose lines are checked
  std::size_t fields_ = 0;
  UpstreamHead head_;
  ResponseFraming framing_;
  BodyDecoder decoder_;
  std::string_view body_;
  std::string_view fault_;
};

}  // namespace uvhttpd::http
