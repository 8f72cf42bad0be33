// SPDX-License-Identifier: MIT
#include "http/response_parser.h"

#include <cstring>

#include "base/text.h"
#include "http/octets.h"

namespace uvhttpd::http {
namespace {

constexpr std::string_view kProtocol = "HTTP/1.";
constexpr std::size_t kMinorAt = 7;
constexpr std::size_t kStatusAt = 9;
constexpr std::size_t kStatusEnd = 12;  // "HTTP/1.1 200"

bool is_of_status_line(std::size_t at, char c) {
  if (at < kProtocol.size()) return c == kProtocol[at];
  if (at == kMinorAt) return is_digit(c);
  if (at == kMinorAt + 1) return c == ' ';
  if (at == kStatusAt) return c >= '1' && c <= '5';
  if (at < kStatusEnd) return is_digit(c);
  return c == ' ' || c == '\r';  // some servers leave out the space with an empty reason
}

// status-line = HTTP-version SP status-code SP [ reason-phrase ] (RFC 9112 section 4), as far as
// the status code and the octet behind it. The fault is that of the first octet that is wrong, so
// that it does not depend on how much came at once.
std::string_view status_line_fault(std::string_view begun) {
  begun = begun.substr(0, kStatusEnd + 1);
  for (std::size_t at = 0; at < begun.size(); ++at) {
    if (is_of_status_line(at, begun[at])) continue;
    if (at == 0 && (begun[at] == '\r' || begun[at] == '\n'))
      return "empty line before the response";
    if (at >= kStatusAt) return "invalid status code";
    return at + 2 == kProtocol.size() && is_digit(begun[at]) ? "HTTP version not supported"
                                                             : "malformed status line";
  }
  return {};
}

// The line at the front of `rest` and its CRLF.
struct FoundLine {
  std::size_t length = 0;  // without CRLF
  bool is_complete = false;
  std::string_view fault;
};
FoundLine find_line(std::string_view rest) {
  FoundLine found;
  if (rest.empty()) return found;
  const void* cr = std::memchr(rest.data(), '\r', rest.size());
  found.length = cr == nullptr
                     ? rest.size()
                     : static_cast<std::size_t>(static_cast<const char*>(cr) - rest.data());
  if (found.length > 0 && std::memchr(rest.data(), '\n', found.length) != nullptr) {
    found.fault = "bare LF";
  } else if (found.length + 1 < rest.size()) {
    found.is_complete = rest[found.length + 1] == '\n';
    if (!found.is_complete) found.fault = "bare CR";
  }
  return found;
}

// Removes the line at the front of `text`, which has one.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\r');
  ASSERT(end != std::string_view::npos);
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 2);
  return line;
}

}  // namespace

void ResponseParser::start(Method request_method) {
  request_method_ = request_method;
  state_ = State::head;
  input_ended_ = false;
  interims_ = 0;
  scanned_ = 0;
  fields_ = 0;
  head_ = {};
  framing_ = {};
  decoder_.start({}, 0, 0);
  body_ = {};
  fault_ = {};
}

ResponseParser::Event ResponseParser::next(RecvBuffer& buffer, Arena& arena) {
  ASSERT(state_ != State::idle && state_ != State::done);
  switch (state_) {
    case State::head: return next_head(buffer, arena);
    case State::framed_body: return next_framed_body(buffer);
    case State::body_until_close: return next_body_until_close(buffer);
    case State::idle:
    case State::done:
    case State::failed: break;
  }
  return Event::error;
}

ResponseParser::Event ResponseParser::next_head(RecvBuffer& buffer, Arena& arena) {
  for (;;) {
    // Octets that cannot belong to this head any more are not looked at: the verdict must not
    // depend on how much came at once.
    const std::string_view unread = buffer.unread().substr(0, limits_.head_bytes);
    const std::string_view rest = unread.substr(scanned_);
    if (scanned_ == 0) {
      if (const auto fault = status_line_fault(rest); !fault.empty()) return fail(fault);
    }
    const FoundLine found = find_line(rest);
    if (!found.fault.empty()) return fail(found.fault);
    if (!found.is_complete) {
      if (unread.size() == limits_.head_bytes) return fail("response head too large");
      return wait_for_more();
    }
    const std::string_view line = rest.substr(0, found.length);
    if (!check_line(line)) return Event::error;
    scanned_ += line.size() + 2;
    if (!line.empty()) continue;

    const Event event = read_head(unread.substr(0, scanned_), arena);
    if (event == Event::error) return event;
    buffer.consume(scanned_);
    scanned_ = 0;
    fields_ = 0;
    return event;
  }
}

bool ResponseParser::check_line(std::string_view line) {
  if (scanned_ == 0) {
    if (all_are_of(octet_class::kValue, line.substr(kStatusEnd))) return true;
    fail("invalid octet in the reason phrase");
    return false;
  }
  if (line.empty()) return true;
  if (const std::string_view fault = field_line_fault(line); !fault.empty()) {
    fail(fault);
    return false;
  }
  if (++fields_ <= limits_.head_fields) return true;
  fail("too many fields");
  return false;
}

// Every line of `bytes` has passed check_line().
ResponseParser::Event ResponseParser::read_head(std::string_view bytes, Arena& arena) {
  std::string_view text = arena.copy(bytes);
  const std::string_view status_line = take_line(text);
  head_ = {};
  head_.minor_version = status_line[kMinorAt] == '0' ? 0 : 1;
  for (std::size_t at = kStatusAt; at < kStatusEnd; ++at) {
    head_.status = head_.status * 10 + static_cast<Status>(status_line[at] - '0');
  }
  if (status_line.size() > kStatusEnd) head_.reason = status_line.substr(kStatusEnd + 1);

  const std::span<Field> fields = arena.make_array<Field>(fields_);
  for (Field& field : fields) {
    const std::string_view line = take_line(text);
    const std::size_t colon = line.find(':');
    field.name = line.substr(0, colon);
    field.value = trim_ows(line.substr(colon + 1));
    field.known = field_name(field.name);
  }
  head_.fields = FieldList(fields);

  const auto framing = response_framing(head_, request_method_);
  if (!framing) return fail(framing.error());
  if (head_.status < 200 && !framing->upgraded) {
    return ++interims_ > kMaxInterim ? fail("too many interim responses") : Event::interim;
  }
  framing_ = *framing;
  Framing body;
  switch (framing_.body) {
    case ResponseFraming::Body::none: break;
    case ResponseFraming::Body::length: body.body = Framing::Body::length; break;
    case ResponseFraming::Body::chunked: body.body = Framing::Body::chunked; break;
    case ResponseFraming::Body::until_close: state_ = State::body_until_close; return Event::head;
  }
  body.length = framing_.length;
  decoder_.start(body, limits_.head_bytes, limits_.head_fields);
  state_ = State::framed_body;
  return Event::head;
}

ResponseParser::Event ResponseParser::next_framed_body(RecvBuffer& buffer) {
  const BodyDecoder::Event event = decoder_.next(buffer);
  body_ = event == BodyDecoder::Event::data ? decoder_.data() : std::string_view{};
  switch (event) {
    case BodyDecoder::Event::need_more: return wait_for_more();
    case BodyDecoder::Event::data: return Event::body;
    case BodyDecoder::Event::error: return fail(decoder_.refusal().reason);
    case BodyDecoder::Event::end: break;
  }
  state_ = State::done;
  return Event::end;
}

ResponseParser::Event ResponseParser::next_body_until_close(const RecvBuffer& buffer) {
  body_ = buffer.unread();
  if (!body_.empty()) return Event::body;
  if (!input_ended_) return Event::need_more;
  state_ = State::done;
  return Event::end;
}

void ResponseParser::take(RecvBuffer& buffer, std::size_t bytes) {
  ASSERT(bytes <= body_.size());
  if (state_ == State::body_until_close) {
    buffer.consume(bytes);
  } else {
    decoder_.take(buffer, bytes);
  }
  body_.remove_prefix(bytes);
}

std::uint64_t ResponseParser::announced() const {
  if (state_ == State::body_until_close) return UINT64_MAX;
  return state_ == State::framed_body ? decoder_.announced() : 0;
}

void ResponseParser::skip(std::uint64_t bytes) {
  ASSERT(body_.empty() && bytes <= announced());
  if (state_ == State::framed_body) decoder_.skip(bytes);
}

ResponseParser::Event ResponseParser::wait_for_more() {
  if (!input_ended_) return Event::need_more;
  if (state_ == State::framed_body) return fail("the connection ended within the body");
  return fail("the connection ended before the end of the response head");
}

ResponseParser::Event ResponseParser::fail(std::string_view fault) {
  fault_ = fault;
  state_ = State::failed;
  return Event::error;
}

}  // namespace uvhttpd::http
