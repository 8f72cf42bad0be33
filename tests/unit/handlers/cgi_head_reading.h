// SPDX-License-Identifier: MIT
// unit/handlers/cgi_head_reading.h: what a CgiHeadParser tells of octets that come in pieces, as
// text.
#pragma once

#include <string>
#include <string_view>

#include "handlers/wire/cgi_head.h"

namespace uvhttpd::wire::test {

// Text: "200 OK local length=5 [Content-Type: a/b] rest=…", "fault: …" or "incomplete".
class CgiHeadReading {
 public:
  void feed(std::string_view piece) {
    if (event_ != CgiHeadParser::Event::need_more) {
      behind_.append(piece);
    } else {
      event_ = parser_.push(piece);
    }
  }
  std::string finish() && {
    switch (event_) {
      case CgiHeadParser::Event::need_more: return "incomplete";
      case CgiHeadParser::Event::fault: return "fault: " + std::string(parser_.fault());
      case CgiHeadParser::Event::head: break;
    }
    return describe(parser_.head()).append(" rest=").append(parser_.rest()).append(behind_);
  }
  // Null before it is complete.
  const CgiHead* head() const {
    return event_ == CgiHeadParser::Event::head ? &parser_.head() : nullptr;
  }

 private:
  static std::string describe(const CgiHead& head) {
    std::string text = std::to_string(head.status);
    if (!head.reason.empty()) text.append(" ").append(head.reason);
    if (head.kind == CgiResponseKind::local_redirect) text += " local";
    if (head.kind == CgiResponseKind::client_redirect) text += " client";
    if (head.content_length) text += " length=" + std::to_string(*head.content_length);
    for (const http::ResponseField& field : head.fields) {
      text.append(" [").append(field.name).append(": ").append(field.value).append("]");
    }
    return text;
  }

  CgiHeadParser parser_;
  CgiHeadParser::Event event_ = CgiHeadParser::Event::need_more;
  std::string behind_;
};

}  // namespace uvhttpd::wire::test
