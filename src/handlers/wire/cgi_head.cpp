// SPDX-License-Identifier: MIT
#include "handlers/wire/cgi_head.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "http/body_decoder.h"
#include "http/field_name.h"
#include "http/framing.h"

namespace uvhttpd::wire {
namespace {

constexpr http::Status kLeastStatus = 200;
constexpr http::Status kMostStatus = 599;
static_assert(CgiHeadParser::kMaxFields == 200);
constexpr std::string_view kTooManyFields = "more than 200 fields";

// What the server says itself, or what concerns only the connection that the program does not see.
bool is_dropped(http::FieldName name) {
  using http::FieldName;
  return http::is_of_connection(name) || name == FieldName::date || name == FieldName::server ||
         name == FieldName::trailer;
}

// `list` is the value of a Connection field.
bool is_named(std::string_view list, std::string_view name) {
  bool found = false;
  http::for_each_token(list, [&found, name](std::string_view token) {
    found = found || equals_ignoring_case(token, name);
  });
  return found;
}

bool is_http_version(std::string_view text) {
  return text.size() == 8 && text.starts_with("HTTP/1.") && is_digit(text[7]);
}

}  // namespace

CgiHeadParser::Event CgiHeadParser::push(std::string_view bytes) {
  ASSERT(fault_.empty() && head_.fields.empty());
  bytes_.append(bytes);
  for (;;) {
    const std::size_t end = bytes_.find('\n', scanned_);
    // What follows the head counts for the body, however much of it came with the last line.
    if (std::min(end, bytes_.size()) >= kMaxBytes) return refuse("head longer than 64 KiB");
    if (end == std::string::npos) return Event::need_more;
    const std::size_t begin = scanned_;
    scanned_ = end + 1;
    const bool has_return = end > begin && bytes_[end - 1] == '\r';
    const std::size_t size = end - begin - (has_return ? 1 : 0);
    if (size == 0) return read_head();
    if (lines_.size() > kMaxFields) return refuse(kTooManyFields);
    lines_.push_back({begin, size});
    if (lines_.size() == 1) continue;
    const std::string_view fault = http::field_line_fault({bytes_.data() + begin, size});
    if (!fault.empty()) return refuse(fault);
  }
}

CgiHeadParser::Event CgiHeadParser::refuse(std::string_view reason) {
  fault_ = reason;
  return Event::fault;
}

bool CgiHeadParser::fail(std::string_view reason) {
  fault_ = reason;
  return false;
}

CgiHeadParser::Event CgiHeadParser::read_head() {
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    const std::string_view line(bytes_.data() + lines_[i].begin, lines_[i].size);
    const bool is_status_line = i == 0 && line.starts_with("HTTP/");
    if (!(is_status_line ? read_status_line(line) : read_field(line))) return Event::fault;
  }
  if (lines_.size() - (has_status_line_ ? 1 : 0) > kMaxFields) return refuse(kTooManyFields);
  if (!has_status_ && !has_type_ && !has_location_) {
    return refuse("no Content-Type, Location or Status");
  }
  drop_named_by_connection();
  classify();
  return Event::head;
}

// RFC 3875 section 5: a program that writes the whole response itself. Its status line is taken for
// what it says; the octets never go out as they are.
bool CgiHeadParser::read_status_line(std::string_view line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  if (!is_http_version(line.substr(0, space)) || space == line.size()) {
    return fail("invalid status line");
  }
  has_status_line_ = has_status_ = true;
  return read_status(line.substr(space + 1));
}

// RFC 3875 section 6.3.3.
bool CgiHeadParser::read_status(std::string_view text) {
  const std::optional<std::uint64_t> code = parse_decimal(text.substr(0, 3));
  const bool is_whole = text.size() >= 3 && (text.size() == 3 || text[3] == ' ');
  const bool is_printable = std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  });
  if (!code || !is_whole || !is_printable || *code < kLeastStatus || *code > kMostStatus) {
    return fail("invalid status");
  }
  head_.status = static_cast<http::Status>(*code);
  if (text.size() > 4) head_.reason = trim_ows(text.substr(4));
  return true;
}

bool CgiHeadParser::read_field(std::string_view line) {
  if (const std::string_view fault = http::field_line_fault(line); !fault.empty()) {
    return fail(fault);
  }
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim_ows(line.substr(colon + 1));
  if (!equals_ignoring_case(name, "Location")) ++others_;
  bool is_own = false;
  if (!read_own_field(name, value, is_own)) return false;
  const http::FieldName known = http::field_name(name);
  if (known == http::FieldName::connection) connection_.push_back(value);
  if (!is_own && !is_dropped(known)) head_.fields.push_back({name, value});
  return true;
}

// The fields that mean something to us. `is_own`: the client gets it in another form.
bool CgiHeadParser::read_own_field(std::string_view name, std::string_view value, bool& is_own) {
  if (equals_ignoring_case(name, "Content-Type")) return set_once(has_type_, value);
  if (equals_ignoring_case(name, "Location")) {
    head_.location = value;
    return set_once(has_location_, value);
  }
  if (equals_ignoring_case(name, "Status")) {
    is_own = true;
    return set_once(has_status_, value) && read_status(value);
  }
  if (equals_ignoring_case(name, "Content-Length")) {
    is_own = true;
    if (!set_once(has_length_, value)) return false;
    head_.content_length = parse_decimal(value);
    return head_.content_length.has_value() || fail("invalid Content-Length");
  }
  return true;
}

bool CgiHeadParser::set_once(bool& seen, std::string_view value) {
  if (std::exchange(seen, true)) return fail("a field that may come once comes twice");
  return !value.empty() || fail("a field without its value");
}

void CgiHeadParser::drop_named_by_connection() {
  for (const std::string_view value : connection_) {
    std::erase_if(head_.fields, [value](const http::ResponseField& field) {
      return is_named(value, field.name);
    });
  }
}

void CgiHeadParser::classify() {
  if (!has_location_) return;
  // A fragment is for the client: no local location has one.
  const bool is_path = head_.location.starts_with('/') && !head_.location.starts_with("//") &&
                       head_.location.find('#') == std::string_view::npos;
  const bool is_alone = others_ == 0 && !has_status_;
  head_.kind =
      is_path && is_alone ? CgiResponseKind::local_redirect : CgiResponseKind::client_redirect;
  if (!has_status_) head_.status = 302;
}

}  // namespace uvhttpd::wire
