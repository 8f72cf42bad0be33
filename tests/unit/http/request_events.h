// SPDX-License-Identifier: MIT
// unit/http/request_events.h: what a RequestParser tells of octets that come in pieces, as lines of
// text.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "http/request_parser.h"

namespace uvhttpd::http::test {

using Events = std::vector<std::string>;

inline std::string describe_head(const RequestHead& head, const Framing& framing) {
  std::string text(head.method_text);
  text.append(" ").append(head.target).append(" 1.").append(std::to_string(head.minor_version));
  for (const Field& field : head.fields.all()) {
    text.append(" ").append(field.name).append("=").append(field.value);
  }
  if (framing.body == Framing::Body::length) text += " length:" + std::to_string(framing.length);
  if (framing.body == Framing::Body::chunked) text += " chunked";
  if (framing.expect_continue) text += " expect";
  if (!framing.keep_alive) text += " close";
  return text;
}

// Reads a stream of requests. Events: a head as describe_head() writes it, a body in quotes, "end",
// the status of a refusal, and "more" at the end when a message is not complete.
class RequestReading {
 public:
  // Takes at most `octets_at_once` of a body before it asks again.
  explicit RequestReading(const RequestLimits& limits, std::size_t octets_at_once = SIZE_MAX)
      : parser_(limits),
        buffer_(std::max<std::size_t>(limits.head_bytes, kMaxChunkLineBytes)),
        octets_at_once_(octets_at_once) {}

  void feed(std::string_view piece) {
    while (!piece.empty() && !is_refused_) {
      const std::span<char> room = buffer_.room();
      ASSERT(!room.empty());  // a parser that wants more of a full buffer would wait for ever
      const std::size_t part = std::min(room.size(), piece.size());
      std::memcpy(room.data(), piece.data(), part);
      buffer_.commit(part);
      piece.remove_prefix(part);
      while (read_event()) continue;
    }
  }

  Events finish() && {
    flush_body();
    if (!is_refused_ && !(parser_.is_between_messages() && buffer_.empty())) {
      events_.emplace_back("more");
    }
    return std::move(events_);
  }

  bool is_refused() const { return is_refused_; }

 private:
  bool read_event() {
    switch (parser_.next(buffer_, arena_)) {
      case RequestParser::Event::need_more: return false;
      case RequestParser::Event::head:
        events_.push_back(describe_head(parser_.head(), parser_.framing()));
        return true;
      case RequestParser::Event::body: {
        const std::size_t part = std::min(octets_at_once_, parser_.body().size());
        body_.append(parser_.body().substr(0, part));
        parser_.take(buffer_, part);
        ASSERT(parser_.body_taken() == body_.size());
        return true;
      }
      case RequestParser::Event::end:
        flush_body();
        events_.emplace_back("end");
        arena_.clear();
        return true;
      case RequestParser::Event::error:
        flush_body();
        events_.push_back(std::to_string(parser_.refusal().status));
        is_refused_ = true;
        return false;
    }
    return false;
  }

  void flush_body() {
    if (!body_.empty()) events_.push_back('"' + body_ + '"');
    body_.clear();
  }

  RequestParser parser_;
  RecvBuffer buffer_;
  Arena arena_;
  std::size_t octets_at_once_;
  std::string body_;
  Events events_;
  bool is_refused_ = false;
};

}  // namespace uvhttpd::http::test
