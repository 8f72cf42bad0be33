// SPDX-License-Identifier: MIT
#include "http/response_encoder.h"

#include <charconv>
#include <cstring>

#include "http/octets.h"

namespace uvhttpd::http {
namespace {

// Writes into room that was counted out before.
class Writer {
 public:
  explicit Writer(char* at) : begin_(at), at_(at) {}
  void text(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  void number(std::uint64_t value) { at_ = std::to_chars(at_, at_ + 20, value).ptr; }
  std::size_t written() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  char* begin_;
  char* at_;
};

constexpr std::size_t kFixedRoom =
    256;  // status line, our own field names, numbers, the blank line

std::string_view usual_status_line(Status status) {
  switch (status) {
    case 200: return "HTTP/1.1 200 OK\r\n";
    case 206: return "HTTP/1.1 206 Partial Content\r\n";
    case 304: return "HTTP/1.1 304 Not Modified\r\n";
    case 404: return "HTTP/1.1 404 Not Found\r\n";
    default: return {};
  }
}

}  // namespace

void encode_response_head(SendQueue& out, const EncodedParts& parts) {
  const std::string_view reason = parts.reason.empty() ? reason_phrase(parts.status) : parts.reason;
  std::size_t room =
      kFixedRoom + reason.size() + parts.prepared.size() + parts.date.size() + parts.server.size();
  for (const ResponseField& field : parts.fields)
    room += field.name.size() + field.value.size() + 4;

  Writer writer(out.reserve(room));
  const std::string_view usual = parts.reason.empty() ? usual_status_line(parts.status) : "";
  if (!usual.empty()) {
    writer.text(usual);
  } else {
    writer.text("HTTP/1.1 ");
    writer.number(parts.status);
    writer.text(" ");
    writer.text(reason);
    writer.text("\r\n");
  }
  if (!parts.date.empty()) {
    writer.text("Date: ");
    writer.text(parts.date);
    writer.text("\r\n");
  }
  if (!parts.server.empty()) {
    writer.text("Server: ");
    writer.text(parts.server);
    writer.text("\r\n");
  }
  writer.text(parts.prepared);
  for (const ResponseField& field : parts.fields) {
    writer.text(field.name);
    writer.text(": ");
    writer.text(field.value);
    writer.text("\r\n");
  }
  if (parts.body == EncodedParts::Body::length) {
    writer.text("Content-Length: ");
    writer.number(parts.length);
    writer.text("\r\n");
  } else if (parts.body == EncodedParts::Body::chunked) {
    writer.text("Transfer-Encoding: chunked\r\n");
  }
  if (parts.connection == EncodedParts::Connection::close) {
    writer.text("Connection: close\r\n");
  } else if (parts.connection == EncodedParts::Connection::keep_alive) {
    writer.text("Connection: keep-alive\r\n");
  }
  writer.text("\r\n");
  out.commit(writer.written());
}

std::string encode_fields(std::span<const ResponseField> fields) {
  std::string lines;
  for (const ResponseField& field : fields) {
    lines.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return lines;
}

bool is_valid_field(std::string_view name, std::string_view value) {
  return !name.empty() && all_are_of(octet_class::kToken, name) &&
         all_are_of(octet_class::kValue, value);
}

}  // namespace uvhttpd::http
