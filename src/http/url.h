// SPDX-License-Identifier: MIT
// http/url.h: an http or https URL as a person types it, taken apart for a request.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace uvhttpd::http {

struct Url {
  bool is_https = false;
  std::string host;  // as written; an IPv6 address in brackets
  std::uint16_t port = 80;
  std::string authority;  // host and port as written, for Host
  std::string target;     // path and query, for the request line; begins with "/"
};

// RFC 9110 section 4.2. A fragment is left out, as clients do; octets that a request line cannot
// hold, user information and other schemes are errors.
Result<Url> parse_url(std::string_view text);

}  // namespace uvhttpd::http
