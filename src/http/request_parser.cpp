// SPDX-License-Identifier: MIT
#include "http/request_parser.h"

#include <llhttp.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "http/octets.h"

namespace uvhttpd::http {
namespace {

constexpr std::uint8_t kMaxEmptyLines = 4;  // RFC 9112 section 2.2: at least one is to be ignored
constexpr std::size_t kMaxMethodBytes = 32;
constexpr std::size_t kVersionBytes = 8;  // "HTTP/1.1"

// What llhttp tells of a head while it runs over it.
struct Collector {
  std::span<Field> fields;
  std::size_t count = 0;
  std::string_view target;
};

Collector& collector_of(llhttp_t* parser) { return *static_cast<Collector*>(parser->data); }

int on_url(llhttp_t* parser, const char* at, std::size_t length) {
  collector_of(parser).target = {at, length};
  return 0;
}

int on_header_field(llhttp_t* parser, const char* at, std::size_t length) {
  Collector& collector = collector_of(parser);
  if (collector.count == collector.fields.size()) return -1;
  collector.fields[collector.count].name = {at, length};
  return 0;
}

int on_header_value(llhttp_t* parser, const char* at, std::size_t length) {
  Collector& collector = collector_of(parser);
  if (collector.count == collector.fields.size()) return -1;
  collector.fields[collector.count].value = trim_ows({at, length});
  return 0;
}

int on_header_value_complete(llhttp_t* parser) {
  Collector& collector = collector_of(parser);
  Field& field = collector.fields[collector.count++];
  field.known = field_name(field.name);
  return 0;
}

int on_headers_complete(llhttp_t*) { return HPE_PAUSED; }

llhttp_settings_t make_settings() {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_url = on_url;
  settings.on_header_field = on_header_field;
  settings.on_header_value = on_header_value;
  settings.on_header_value_complete = on_header_value_complete;
  settings.on_headers_complete = on_headers_complete;
  return settings;
}

// Tabs count as optional white space around a value (RFC 9110 section 5.6.3); llhttp knows only
// spaces in some places. Tabs inside a value belong to it.
void replace_outer_tabs(std::span<char> fields) {
  char* line = fields.data();
  char* const end = line + fields.size();
  if (fields.empty() || std::memchr(line, '\t', fields.size()) == nullptr) return;
  for (char* cr = std::find(line, end, '\r'); cr != end; cr = std::find(line, end, '\r')) {
    char* front = std::find(line, cr, ':');
    if (front != cr) ++front;
    for (; front != cr && is_ows(*front); ++front) *front = ' ';
    for (char* back = cr; back != front && is_ows(back[-1]); --back) back[-1] = ' ';
    line = cr + 2;
  }
}

}  // namespace

RequestParser::Event RequestParser::next(RecvBuffer& buffer, Arena& arena) {
  if (state_ == State::head) {
    head_ = {};
    const Event event = next_head(buffer, arena);
    if (event == Event::error && head_.method_text.empty()) {
      keep_request_line(buffer.unread(), arena);
    }
    return event;
  }
  switch (decoder_.next(buffer)) {
    case BodyDecoder::Event::need_more: return Event::need_more;
    case BodyDecoder::Event::data: return Event::body;
    case BodyDecoder::Event::error: refusal_ = decoder_.refusal(); return Event::error;
    case BodyDecoder::Event::end: break;
  }
  state_ = State::head;
  return Event::end;
}

RequestParser::Event RequestParser::next_head(RecvBuffer& buffer, Arena& arena) {
  for (;;) {
    const std::string_view unread = buffer.unread();
    // Limits may have become lower since the last octets came.
    if (scanned_ > limits_->head_bytes) return refuse(431, "request head too large");
    // Octets that cannot belong to this line any more are not looked at: the verdict must not
    // depend on how much came at once.
    std::string_view rest = unread.substr(0, limits_->head_bytes).substr(scanned_);
    const std::size_t most = line_seen_ ? rest.size() : longest_request_line(rest);
    rest = rest.substr(0, most);
    const void* found = rest.empty() ? nullptr : std::memchr(rest.data(), '\n', rest.size());
    if (found == nullptr) {
      const std::size_t cr = rest.find('\r');
      if (cr != std::string_view::npos && cr + 1 < rest.size()) return refuse(400, "bare CR");
      if (!line_seen_ && rest.size() == most) return refuse_long_line(rest);
      if (unread.size() >= limits_->head_bytes) return refuse(431, "request head too large");
      return Event::need_more;
    }
    const auto length = static_cast<std::size_t>(static_cast<const char*>(found) - rest.data());
    if (length == 0 || rest[length - 1] != '\r') return refuse(400, "bare LF");
    const std::string_view line = rest.substr(0, length - 1);
    if (!line_seen_ && line.empty()) {
      if (++empty_lines_ > kMaxEmptyLines) return refuse(400, "empty lines before the request");
      buffer.consume(2);
      continue;
    }
    if (!line_seen_) {
      if (!check_request_line(line)) return Event::error;
      line_seen_ = true;
    } else if (!line.empty()) {
      if (const std::string_view fault = field_line_fault(line); !fault.empty()) {
        return refuse(400, fault);
      }
      if (++fields_ > limits_->head_fields) return refuse(431, "too many fields");
    }
    scanned_ += length + 1;
    if (!line.empty()) continue;

    const Event event = read_head(unread.substr(0, scanned_), arena);
    if (event == Event::error) return event;
    buffer.consume(scanned_);
    scanned_ = 0;
    fields_ = 0;
    line_seen_ = false;
    empty_lines_ = 0;
    state_ = State::body;
    return event;
  }
}

void RequestParser::keep_request_line(std::string_view unread, Arena& arena) {
  std::string_view line = unread.substr(0, unread.find_first_of("\r\n"));
  const auto next_word = [&line, &arena](std::size_t most) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, std::min(end, most));
    line.remove_prefix(std::min(end + 1, line.size()));
    return arena.copy(word);
  };
  head_.method_text = next_word(kMaxMethodBytes);
  head_.target = next_word(limits_->target_bytes);
  head_.version_text = next_word(kVersionBytes);
  head_.method = method_of(head_.method_text);
}

// The octets up to the line end that a request line beginning like `rest` may have.
std::size_t RequestParser::longest_request_line(std::string_view rest) const {
  const std::size_t method_end = rest.substr(0, kMaxMethodBytes + 1).find(' ');
  if (method_end == std::string_view::npos) return kMaxMethodBytes + 1;
  return method_end + limits_->target_bytes + kVersionBytes + 4;  // two spaces, CRLF
}

RequestParser::Event RequestParser::refuse_long_line(std::string_view line) {
  if (line.find(' ') != std::string_view::npos) return refuse(414, "request target too long");
  // RFC 9112 section 3: a method longer than any that we know.
  return all_are_of(octet_class::kToken, line) ? refuse(501, "unknown method")
                                               : refuse(400, "malformed request line");
}

// request-line = method SP request-target SP HTTP-version (RFC 9112 section 3), with the statuses
// that llhttp's error codes cannot tell apart.
bool RequestParser::check_request_line(std::string_view line) {
  if (line.find('\r') != std::string_view::npos) {
    refuse(400, "bare CR");
    return false;
  }
  const std::size_t method_end = line.find(' ');
  const std::string_view method = line.substr(0, method_end);
  if (method.empty() || !all_are_of(octet_class::kToken, method) ||
      method_end == std::string_view::npos) {
    refuse(400, "malformed request line");
    return false;
  }
  const std::size_t target_end = line.find(' ', method_end + 1);
  if (target_end == std::string_view::npos || target_end == method_end + 1) {
    refuse(400, "malformed request line");
    return false;
  }
  const std::string_view version = line.substr(target_end + 1);
  if (version.size() != kVersionBytes || !version.starts_with("HTTP/") || !is_digit(version[5]) ||
      version[6] != '.' || !is_digit(version[7])) {
    refuse(400, "malformed HTTP version or white space in the target");
    return false;
  }
  if (version[5] != '1') {
    refuse(505, "HTTP version not supported");
    return false;
  }
  if (method_of(method) == Method::other) {
    refuse(501, "unknown method");
    return false;
  }
  return true;
}

RequestParser::Event RequestParser::read_head(std::string_view bytes, Arena& arena) {
  static const llhttp_settings_t kSettings = make_settings();
  const std::span<char> copy = arena.allocate_text(bytes.size());
  std::memcpy(copy.data(), bytes.data(), bytes.size());

  head_ = {};
  const std::string_view text(copy.data(), copy.size());
  const std::size_t line_end = text.find('\r');
  ASSERT(line_end != std::string_view::npos);
  replace_outer_tabs(copy.subspan(line_end + 2));
  head_.method_text = text.substr(0, text.find(' '));
  head_.method = method_of(head_.method_text);
  // A higher minor version is read as the highest we know (RFC 9110 section 2.5).
  char& minor = copy[line_end - 1];
  if (minor > '1') minor = '1';
  head_.minor_version = minor - '0';
  head_.version_text = text.substr(line_end - kVersionBytes, kVersionBytes);

  Collector collector{arena.make_array<Field>(fields_), 0, {}};
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &kSettings);
  parser.data = &collector;
  const llhttp_errno_t verdict = llhttp_execute(&parser, copy.data(), copy.size());
  head_.target = collector.target;
  head_.fields = FieldList(collector.fields.first(collector.count));

  // Our own verdict on the body's length comes first: it knows more statuses than llhttp.
  Result<Framing, Refusal> framing = request_framing(head_);
  if (!framing) return refuse(framing.error().status, framing.error().reason);
  if (verdict != HPE_PAUSED) return refuse(400, "malformed request head");
  framing_ = *framing;
  decoder_.start(framing_, limits_->head_bytes, limits_->head_fields);
  return Event::head;
}

RequestParser::Event RequestParser::refuse(Status status, std::string_view reason) {
  refusal_ = {status, reason};
  return Event::error;
}

}  // namespace uvhttpd::http
