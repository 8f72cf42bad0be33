// SPDX-License-Identifier: MIT
// unit/http/response_events.h: what a ResponseParser tells of octets that come in pieces, as lines
// of text.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "http/response_parser.h"

namespace uvhttpd::http::test {

using Events = std::vector<std::string>;

inline std::string describe_head(const UpstreamHead& head) {
  std::string text = "1." + std::to_string(head.minor_version);
  text.append(" ").append(std::to_string(head.status)).append(" [").append(head.reason).append("]");
  for (const Field& field : head.fields.all()) {
    text.append(" ").append(field.name).append("=").append(field.value);
  }
  return text;
}

inline std::string describe_framing(const ResponseFraming& framing) {
  std::string text;
  switch (framing.body) {
    case ResponseFraming::Body::none: break;
    case ResponseFraming::Body::length: text = " length:" + std::to_string(framing.length); break;
    case ResponseFraming::Body::chunked: text = " chunked"; break;
    case ResponseFraming::Body::until_close: text = " until-close"; break;
  }
  if (framing.upgraded) text += " upgraded";
  if (!framing.keep_alive) text += " close";
  return text;
}

// How the octets reach the parser, which must make no difference.
struct Delivery {
  std::size_t octets_at_once = SIZE_MAX;  // of a body taken before the parser is asked again
  bool bypasses_buffer = false;           // announced octets are skipped, not received
};

// Reads the responses of one connection to requests of one method, until one does not leave it
// reusable. Events: a head as above, "interim " in front of one that is not final; a body in
// quotes; "trailers " and their octets; "end"; "error: " and the fault; "more" at the end when a
// message is not complete.
class ResponseReading {
 public:
  ResponseReading(const ResponseLimits& limits, Method method, const Delivery& delivery)
      : parser_(limits),
        buffer_(std::max<std::size_t>(limits.head_bytes, kMaxChunkLineBytes)),
        method_(method),
        delivery_(delivery) {
    parser_.start(method_);
  }

  void feed(std::string_view piece) {
    while (!piece.empty() && !is_over_) {
      const std::size_t part =
          delivery_.bypasses_buffer && buffer_.empty() && parser_.announced() > 0 ? bypass(piece)
                                                                                  : receive(piece);
      piece.remove_prefix(part);
      while (read_event()) continue;
    }
  }

  // The peer closes.
  void end() {
    parser_.input_ended();
    if (!has_begun_) is_over_ = true;
    while (!is_over_ && read_event()) continue;
    ASSERT(is_over_);
  }

  Events finish() && {
    flush_body();
    if (!is_over_ && has_begun_) events_.emplace_back("more");
    return std::move(events_);
  }

 private:
  std::size_t bypass(std::string_view piece) {
    const std::size_t part =
        static_cast<std::size_t>(std::min<std::uint64_t>(parser_.announced(), piece.size()));
    body_.append(piece.substr(0, part));
    parser_.skip(part);
    return part;
  }

  std::size_t receive(std::string_view piece) {
    const std::span<char> room = buffer_.room();
    ASSERT(!room.empty());  // a parser that wants more of a full buffer would wait for ever
    const std::size_t part = std::min(room.size(), piece.size());
    std::memcpy(room.data(), piece.data(), part);
    buffer_.commit(part);
    has_begun_ = true;
    return part;
  }

  bool read_event() {
    // Between two responses there is nothing to ask for.
    if (is_over_ || (!has_begun_ && buffer_.empty())) return false;
    has_begun_ = true;
    switch (parser_.next(buffer_, arena_)) {
      case ResponseParser::Event::need_more: return false;
      case ResponseParser::Event::interim:
        ASSERT(parser_.head().status >= 100 && parser_.head().status < 200);
        events_.push_back("interim " + describe_head(parser_.head()));
        return true;
      case ResponseParser::Event::head:
        ASSERT(parser_.head().status >= 200 || parser_.framing().upgraded);
        events_.push_back(describe_head(parser_.head()) + describe_framing(parser_.framing()));
        return true;
      case ResponseParser::Event::body: take_body(); return true;
      case ResponseParser::Event::end: end_response(); return true;
      case ResponseParser::Event::error:
        flush_body();
        events_.push_back("error: " + std::string(parser_.fault()));
        ASSERT(!parser_.is_reusable());
        is_over_ = true;
        return false;
    }
    return false;
  }

  void take_body() {
    const std::string_view body = parser_.body();
    ASSERT(!body.empty() && body.size() <= parser_.announced());
    const std::size_t part = std::min(delivery_.octets_at_once, body.size());
    body_.append(body.substr(0, part));
    parser_.take(buffer_, part);
  }

  void end_response() {
    flush_body();
    ASSERT(parser_.announced() == 0);
    if (!parser_.trailers().empty()) {
      events_.push_back("trailers " + std::string(parser_.trailers()));
    }
    events_.emplace_back("end");
    is_over_ = !parser_.is_reusable();
    has_begun_ = false;
    arena_.clear();
    parser_.start(method_);
  }

  void flush_body() {
    if (!body_.empty()) events_.push_back('"' + body_ + '"');
    body_.clear();
  }

  ResponseParser parser_;
  RecvBuffer buffer_;
  Arena arena_;
  Method method_;
  Delivery delivery_;
  std::string body_;
  Events events_;
  bool has_begun_ = false;  // the response that is being read
  bool is_over_ = false;
};

}  // namespace uvhttpd::http::test
