// SPDX-License-Identifier: MIT
// handlers/wire/cgi_head.h: the head of a CGI program's answer (RFC 3875 section 6), read as
// strictly as a request.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/response_encoder.h"
#include "http/status.h"

namespace uvhttpd::wire {

// RFC 3875 section 6.2. A local redirect is a Location with a path of this server and nothing else;
// a client redirect any other answer with a Location.
enum class CgiResponseKind { document, local_redirect, client_redirect };

struct CgiHead {
  CgiResponseKind kind = CgiResponseKind::document;
  http::Status status = 200;
  std::string_view reason;  // as the program wrote it; may be empty
  std::optional<std::uint64_t> content_length;
  std::string_view location;  // empty: none
  // What the client is to see, Location and Content-Type among it. Not here: Status,
  // Content-Length, Date, Server, and the fields that concern one connection only, those that
  // Connection names among them (RFC 9110 section 7.6.1).
  std::vector<http::ResponseField> fields;
};

// Takes the program's output as it comes, until the head is complete. Lines end in LF or CRLF.
class CgiHeadParser {
 public:
  static constexpr std::size_t kMaxBytes = 64 * 1024;
  static constexpr std::size_t kMaxFields = 200;
  enum class Event { need_more, head, fault };

  // Not after `head` or `fault`.
  Event push(std::string_view bytes);

  // After `head`; the views in it live as long as the parser.
  const CgiHead& head() const { return head_; }
  // After `head`: output behind it that came with it.
  std::string_view rest() const { return std::string_view(bytes_).substr(scanned_); }
  // After `fault`: what is wrong, a string literal.
  std::string_view fault() const { return fault_; }
  // All that was pushed, for the log.
  std::string_view received() const { return bytes_; }

 private:
  // The parts of the head by where they are in bytes_, which may still move.
  struct Line {
    std::size_t begin;
    std::size_t size;
  };
  Event refuse(std::string_view reason);
  bool fail(std::string_view reason);
  Event read_head();
  bool read_status_line(std::string_view line);
  bool read_status(std::string_view text);
  bool read_field(std::string_view line);
  bool read_own_field(std::string_view name, std::string_view value, bool& is_own);
  bool set_once(bool& seen, std::string_view value);
  void drop_named_by_connection();
  void classify();

  std::string bytes_;
  std::size_t scanned_ = 0;  // up to here lines are complete
  std::vector<Line> lines_;
  std::string_view fault_;
  CgiHead head_;
  std::vector<std::string_view> connection_;  // values of the fields of that name
  std::size_t others_ = 0;                    // fields besides Location
  bool has_status_ = false;
  bool has_status_line_ = false;
  bool has_type_ = false;
  bool has_location_ = false;
  bool has_length_ = false;
};

}  // namespace uvhttpd::wire
