// SPDX-License-Identifier: MIT
// http/method.h: request methods (RFC 9110 section 9 and the registry of section 16.1).
#pragma once

#include <cstdint>
#include <string_view>

namespace uvhttpd::http {

// `registered` are those of the IANA registry, and a few in use beside it, that only gateways can
// mean something by (PROPFIND, PURGE and their like); `other` are unknown ones, answered with 501.
enum class Method : std::uint8_t {
  get,
  head,
  post,
  put,
  delete_,
  options,
  patch,
  trace,
  connect,
  registered,
  other
};

// Methods are case-sensitive.
Method method_of(std::string_view text);

}  // namespace uvhttpd::http
