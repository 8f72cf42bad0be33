// SPDX-License-Identifier: MIT
#include "http/body_decoder.h"

#include <algorithm>

#include "http/octets.h"

namespace uvhttpd::http {
std::string_view field_line_fault(std::string_view line) {
  if (line.empty() || is_ows(line.front())) return "folded field line";
  std::size_t colon = 0;
  while (colon < line.size() && is_token_octet(line[colon])) ++colon;
  if (colon == line.size()) return "field line without a colon";
  if (line[colon] != ':') {
    return is_ows(line[colon]) ? "white space before the colon" : "invalid octet in a field name";
  }
  if (colon == 0) return "empty field name";
  return all_are_of(octet_class::kValue, line.substr(colon + 1)) ? ""
                                                                 : "invalid octet in a field value";
}

void BodyDecoder::start(const Framing& framing, std::size_t trailer_bytes,
                        std::size_t trailer_fields) {
  taken_ = 0;
  left_ = 0;
  data_ = {};
  trailers_.reset();
  trailer_bytes_left_ = trailer_bytes;
  trailer_fields_left_ = trailer_fields;
  switch (framing.body) {
    case Framing::Body::none: state_ = State::end; break;
    case Framing::Body::length:
      state_ = State::length;
      left_ = framing.length;
      break;
    case Framing::Body::chunked: state_ = State::chunk_line; break;
  }
}

BodyDecoder::Event BodyDecoder::next(RecvBuffer& buffer) {
  if (state_ == State::end) return Event::end;
  if (state_ != State::length) return next_chunked(buffer);
  if (left_ == 0) {
    state_ = State::end;
    return Event::end;
  }
  data_ = buffer.unread().substr(
      0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer.size())));
  return data_.empty() ? Event::need_more : Event::data;
}

void BodyDecoder::take(RecvBuffer& buffer, std::size_t bytes) {
  ASSERT(bytes <= data_.size());
  buffer.consume(bytes);
  data_.remove_prefix(bytes);
  left_ -= bytes;
  taken_ += bytes;
}

void BodyDecoder::skip(std::uint64_t bytes) {
  ASSERT(data_.empty() && bytes <= left_);
  left_ -= bytes;
  taken_ += bytes;
}

BodyDecoder::Event BodyDecoder::next_chunked(RecvBuffer& buffer) {
  std::string_view line;
  Event event = Event::need_more;
  for (;;) {
    switch (state_) {
      case State::chunk_line:
        if (!read_line(buffer, kMaxChunkLineBytes - 2, line, event)) return event;
        if (!parse_chunk_line(line)) return refuse(400, "invalid chunk size");
        state_ = left_ == 0 ? State::trailers : State::chunk_data;
        break;
      case State::chunk_data:
        if (left_ == 0) {
          state_ = State::chunk_end;
          break;
        }
        data_ = buffer.unread().substr(
            0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer.size())));
        return data_.empty() ? Event::need_more : Event::data;
      case State::chunk_end: {
        const std::string_view unread = buffer.unread();
        if (!std::string_view("\r\n").starts_with(unread.substr(0, 2))) {
          return refuse(400, "chunk longer than its size");
        }
        if (unread.size() < 2) return Event::need_more;
        buffer.consume(2);
        state_ = State::chunk_line;
        break;
      }
      case State::trailers: {
        const std::size_t limit =
            trailer_bytes_left_ - std::min<std::size_t>(trailer_bytes_left_, 2);
        if (!read_line(buffer, limit, line, event)) return event;
        if (line.empty()) {
          state_ = State::end;
          return Event::end;
        }
        if (const std::string_view fault = field_line_fault(line); !fault.empty()) {
          return refuse(400, fault);
        }
        if (trailer_fields_left_ == 0) return refuse(431, "too many trailer fields");
        --trailer_fields_left_;
        trailer_bytes_left_ -= line.size() + 2;
        if (!trailers_) trailers_ = std::make_unique<std::string>();
        trailers_->append(line).append("\r\n");
        break;
      }
      case State::length:
      case State::end: return Event::end;
    }
  }
}

bool BodyDecoder::read_line(RecvBuffer& buffer, std::size_t limit, std::string_view& line,
                            Event& event) {
  // The length is judged first and nothing behind it is looked at: the verdict must not depend on
  // how much came at once.
  const std::string_view unread = buffer.unread().substr(0, limit + 2);
  const std::size_t end = std::min(unread.find_first_of("\r\n"), unread.size());
  if (end > limit) {
    event = state_ == State::trailers ? refuse(431, "trailer section too large")
                                      : refuse(400, "chunk size line too long");
    return false;
  }
  if (end < unread.size() && unread[end] == '\n') {
    event = refuse(400, "bare LF in a chunked body");
    return false;
  }
  if (end + 1 >= unread.size()) {
    event = Event::need_more;
    return false;
  }
  if (unread[end + 1] != '\n') {
    event = refuse(400, "bare CR in a chunked body");
    return false;
  }
  line = unread.substr(0, end);
  // The view outlives consume(): the buffer moves its octets only when it is filled again.
  buffer.consume(end + 2);
  return true;
}

// chunk-size [ chunk-ext ]: RFC 9112 sections 7.1 and 7.1.1, extensions checked and forgotten.
bool BodyDecoder::parse_chunk_line(std::string_view line) {
  std::size_t digits = 0;
  std::uint64_t size = 0;
  while (digits < line.size() && hex_value(line[digits]) >= 0) {
    if (size >> 60 != 0) return false;
    size = size * 16 + static_cast<std::uint64_t>(hex_value(line[digits]));
    ++digits;
  }
  if (digits == 0) return false;
  std::string_view rest = line.substr(digits);
  const auto skip_space = [&rest] {
    while (!rest.empty() && is_ows(rest.front())) rest.remove_prefix(1);
  };
  const auto skip_token = [&rest] {
    const std::size_t before = rest.size();
    while (!rest.empty() && is_token_octet(rest.front())) rest.remove_prefix(1);
    return rest.size() != before;
  };
  const auto skip_quoted = [&rest] {
    if (rest.empty() || rest.front() != '"') return false;
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] == '"') {
        rest.remove_prefix(i + 1);
        return true;
      }
      if (rest[i] == '\\' && ++i == rest.size()) return false;
      if (!is_of(octet_class::kValue, rest[i])) return false;
    }
    return false;
  };
  // BWS may stand around ";" and "=" (7.1.1), but none may follow a size without extension.
  while (!rest.empty()) {
    skip_space();
    if (rest.empty() || rest.front() != ';') return false;
    rest.remove_prefix(1);
    skip_space();
    if (!skip_token()) return false;
    const std::string_view behind_name = rest;
    skip_space();
    if (rest.empty() || rest.front() != '=') {
      rest = behind_name;
      continue;
    }
    rest.remove_prefix(1);
    skip_space();
    if (!skip_token() && !skip_quoted()) return false;
  }
  left_ = size;
  return true;
}

BodyDecoder::Event BodyDecoder::refuse(Status status, std::string_view reason) {
  refusal_ = {status, reason};
  return Event::error;
}

}  // namespace uvhttpd::http
