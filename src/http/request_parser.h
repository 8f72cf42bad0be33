// SPDX-License-Identifier: MIT
// http/request_parser.h: octets of a connection become requests, one event at a time.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "base/recv_buffer.h"
#include "http/body_decoder.h"
#include "http/framing.h"
#include "http/message.h"
#include "http/status.h"

namespace uvhttpd::http {

struct RequestLimits {
  std::size_t target_bytes = 8 << 10;
  std::size_t head_bytes = 16 << 10;  // request line and fields with their line ends
  std::size_t head_fields = 100;
};

// A pull parser: it stops at every event and nothing calls back. Each head is checked line by line
// as it arrives, so a fault is refused at once, and is given to llhttp as a whole when it is
// complete. The buffer it reads from must hold at least limits.head_bytes and a chunk's line
// (kMaxChunkLineBytes).
class RequestParser {
 public:
  enum class Event { need_more, head, body, end, error };

  explicit RequestParser(const RequestLimits& limits) : limits_(&limits) {}

  // `head`: head() and framing() are set, their octets copied into `arena`, and consumed.
  // `body`: body() is the front of the buffer; take() what was used, at least nothing.
  // `end`: the message is over; the next call reads the next one.
  // `error`: refusal() says which status is due. The framing is lost: nothing more can be read. If
  // it was a head that is refused, head() has what could be told of it, for the log: at least what
  // stands in the places of the method, the target and the version, as received.
  Event next(RecvBuffer& buffer, Arena& arena);

  const RequestHead& head() const { return head_; }
  const Framing& framing() const { return framing_; }
  std::string_view body() const { return decoder_.data(); }
  void take(RecvBuffer& buffer, std::size_t bytes) { decoder_.take(buffer, bytes); }
  std::uint64_t body_taken() const { return decoder_.taken(); }
  std::uint64_t body_announced() const { return decoder_.announced(); }
  // After `end`: the field lines behind a chunked body, each with its CRLF, until the next head.
  std::string_view trailers() const { return decoder_.trailers(); }
  const Refusal& refusal() const { return refusal_; }

  // True between messages, when not even a line end has come.
  bool is_between_messages() const { return state_ == State::head && scanned_ == 0; }

 private:
  enum class State : std::uint8_t { head, body };
  Event next_head(RecvBuffer& buffer, Arena& arena);
  void keep_request_line(std::string_view unread, Arena& arena);
  Event refuse(Status status, std::string_view reason);
  std::size_t longest_request_line(std::string_view rest) const;
  Event refuse_long_line(std::string_view line);
  bool check_request_line(std::string_view line);
  Event read_head(std::string_view bytes, Arena& arena);

  const RequestLimits* limits_;
  State state_ = State::head;
  std::uint8_t empty_lines_ = 0;  // before the request line
  bool line_seen_ = false;        // the request line is checked
  std::size_t scanned_ = 0;       // octets of the head whose lines are checked
  std::size_t fields_ = 0;
  RequestHead head_;
  Framing framing_;
  BodyDecoder decoder_;
  Refusal refusal_;
};

}  // namespace uvhttpd::http
