// SPDX-License-Identifier: MIT
#include "handlers/wire/fcgi_record.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "base/assert.h"

namespace uvhttpd::wire {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint16_t kManagement = 0;  // the request id of records that concern no request
constexpr std::uint16_t kRequest = 1;
constexpr std::size_t kHeaderBytes = 8;
constexpr std::size_t kEndRequestBytes = 8;
// The longest content that needs no padding: the specification advises records of whole eights.
constexpr std::size_t kMaxContentBytes = 65528;
constexpr std::size_t kAlignment = 8;

constexpr std::uint8_t kResponder = 1;
constexpr std::uint8_t kKeepConnection = 1;

enum class RecordType : std::uint8_t {
  begin_request = 1,
  end_request = 3,
  params = 4,
  standard_input = 5,
  standard_output = 6,
  standard_error = 7,
};

std::uint8_t octet(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint16_t number16(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(octet(bytes, at) << 8 | octet(bytes, at + 1));
}

std::uint32_t number32(std::string_view bytes, std::size_t at) {
  return std::uint32_t{number16(bytes, at)} << 16 | number16(bytes, at + 2);
}

// With its padding.
void append_record(SendQueue& out, RecordType type, std::string_view content) {
  ASSERT(content.size() <= kMaxContentBytes);
  const std::size_t padding = (kAlignment - content.size() % kAlignment) % kAlignment;
  const std::size_t size = kHeaderBytes + content.size() + padding;
  char* const record = out.reserve(size);
  const std::array<std::uint8_t, kHeaderBytes> header{
      kVersion,
      static_cast<std::uint8_t>(type),
      kRequest >> 8,
      kRequest & 0xff,
      static_cast<std::uint8_t>(content.size() >> 8),
      static_cast<std::uint8_t>(content.size()),
      static_cast<std::uint8_t>(padding),
      0};
  std::memcpy(record, header.data(), kHeaderBytes);
  if (!content.empty()) std::memcpy(record + kHeaderBytes, content.data(), content.size());
  std::memset(record + kHeaderBytes + content.size(), 0, padding);
  out.commit(size);
}

// An empty record would end the stream: none is written for no octets.
void append_stream(SendQueue& out, RecordType type, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view content = bytes.substr(0, kMaxContentBytes);
    append_record(out, type, content);
    bytes.remove_prefix(content.size());
  }
}

// Section 3.4: one octet up to 127, else four with the highest bit set.
void append_length(std::string& pairs, std::size_t length) {
  if (length < 0x80) {
    pairs += static_cast<char>(length);
    return;
  }
  ASSERT(length < std::size_t{1} << 31);
  pairs += static_cast<char>(length >> 24 | 0x80);
  for (const int shift : {16, 8, 0}) pairs += static_cast<char>(length >> shift & 0xff);
}

}  // namespace

void append_begin_request(SendQueue& out, bool keep_connection) {
  const std::array<char, 8> body{
      0, kResponder, static_cast<char>(keep_connection ? kKeepConnection : 0), 0, 0, 0, 0, 0};
  append_record(out, RecordType::begin_request, {body.data(), body.size()});
}

void append_params(SendQueue& out, const Variables& variables) {
  std::string pairs;
  for (const auto& [name, value] : variables) {
    append_length(pairs, name.size());
    append_length(pairs, value.size());
    pairs.append(name).append(value);
  }
  append_stream(out, RecordType::params, pairs);
  append_record(out, RecordType::params, {});
}

void append_stdin(SendQueue& out, std::string_view bytes) {
  append_stream(out, RecordType::standard_input, bytes);
}

void append_stdin_end(SendQueue& out) { append_record(out, RecordType::standard_input, {}); }

std::string_view name_of(FcgiStatus status) {
  switch (status) {
    case FcgiStatus::request_complete: return "FCGI_REQUEST_COMPLETE";
    case FcgiStatus::cant_mpx_conn: return "FCGI_CANT_MPX_CONN";
    case FcgiStatus::overloaded: return "FCGI_OVERLOADED";
    case FcgiStatus::unknown_role: return "FCGI_UNKNOWN_ROLE";
  }
  return {};
}

FcgiDecoder::Event FcgiDecoder::next(RecvBuffer& buffer) {
  ASSERT(fault_.empty());
  for (;;) {
    switch (state_) {
      case State::header:
        if (buffer.size() < kHeaderBytes) return Event::need_more;
        if (!read_header(buffer)) return Event::fault;
        break;
      case State::output:
      case State::errors:
        data_ = buffer.unread().substr(0, left_);
        if (!data_.empty()) return state_ == State::output ? Event::output : Event::errors;
        if (left_ != 0) return Event::need_more;
        pass_over(padding_);
        break;
      case State::end_request:
        if (buffer.size() < kEndRequestBytes) return Event::need_more;
        if (!read_end_request(buffer)) return Event::fault;
        break;
      case State::passed_over: {
        const std::size_t part = std::min(left_, buffer.size());
        buffer.consume(part);
        left_ -= part;
        if (left_ != 0) return Event::need_more;
        state_ = has_ended_ ? State::end : State::header;
        break;
      }
      case State::end: return Event::end;
    }
  }
}

void FcgiDecoder::take(RecvBuffer& buffer, std::size_t bytes) {
  ASSERT(bytes <= data_.size());
  buffer.consume(bytes);
  data_.remove_prefix(bytes);
  left_ -= bytes;
}

void FcgiDecoder::skip(std::size_t bytes) {
  ASSERT(bytes <= announced() && data_.empty());
  left_ -= bytes;
}

bool FcgiDecoder::fail(std::string_view reason) {
  fault_ = reason;
  return false;
}

void FcgiDecoder::pass_over(std::size_t bytes) {
  left_ = bytes;
  state_ = State::passed_over;
}

// Section 3.3. The octets of the header stay where they are until the buffer is filled again.
bool FcgiDecoder::read_header(RecvBuffer& buffer) {
  const std::string_view header = buffer.unread().substr(0, kHeaderBytes);
  buffer.consume(kHeaderBytes);
  if (octet(header, 0) != kVersion) return fail("a record of another version than 1");
  const std::uint16_t request = number16(header, 2);
  left_ = number16(header, 4);
  padding_ = octet(header, 6);
  if (request == kManagement) {
    pass_over(left_ + padding_);
    return true;
  }
  if (request != kRequest) return fail("a record of another request");
  switch (static_cast<RecordType>(octet(header, 1))) {
    case RecordType::standard_output: state_ = State::output; return true;
    case RecordType::standard_error: state_ = State::errors; return true;
    case RecordType::end_request:
      if (left_ != kEndRequestBytes) return fail("FCGI_END_REQUEST of a wrong length");
      state_ = State::end_request;
      return true;
    default: pass_over(left_ + padding_); return true;
  }
}

// Section 5.5.
bool FcgiDecoder::read_end_request(RecvBuffer& buffer) {
  const std::string_view body = buffer.unread().substr(0, kEndRequestBytes);
  buffer.consume(kEndRequestBytes);
  app_status_ = number32(body, 0);
  if (octet(body, 4) > static_cast<std::uint8_t>(FcgiStatus::unknown_role)) {
    return fail("FCGI_END_REQUEST with an unknown protocol status");
  }
  protocol_status_ = static_cast<FcgiStatus>(octet(body, 4));
  has_ended_ = true;
  pass_over(padding_);
  return true;
}

}  // namespace uvhttpd::wire
