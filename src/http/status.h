// SPDX-License-Identifier: MIT
// http/status.h: status codes and their reason phrases (RFC 9110 section 15).
#pragma once

#include <string_view>

namespace uvhttpd::http {

using Status = unsigned;  // 100 to 599

// "Not Found"; "Unknown" for a code without a registered phrase.
std::string_view reason_phrase(Status status);

// Whether an answer of that status never has a body (RFC 9110 section 6.4.1).
constexpr bool forbids_body(Status status) {
  return status < 200 || status == 204 || status == 304;
}

// Whether what a handler has to say in such an answer is dropped: a 205 has a body that is empty
// (RFC 9110 section 15.3.6).
constexpr bool forbids_content(Status status) { return forbids_body(status) || status == 205; }

// Why a request is refused before any handler sees it.
struct Refusal {
  Status status = 400;
  std::string_view reason;  // a string literal, for the log
};

}  // namespace uvhttpd::http
