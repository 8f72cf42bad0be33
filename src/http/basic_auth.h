// SPDX-License-Identifier: MIT
// http/basic_auth.h: the Basic scheme of HTTP authentication (RFC 7617).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "http/message.h"

namespace uvhttpd::http {

struct BasicCredentials {
  std::string user;
  Secret password;
};

// What an Authorization field of the Basic scheme says: RFC 9110 section 11.4 and RFC 7617
// section 2, in whatever character encoding the client has used. Nullopt for other schemes, for
// Base64 that is not RFC 4648's to the letter, without a colon, and with control characters.
std::optional<BasicCredentials> parse_basic_credentials(std::string_view field_value);

// Those of a request. Nullopt also when there are several Authorization fields: nobody could tell
// which of them another recipient believes.
std::optional<BasicCredentials> basic_credentials(const FieldList& fields);

// The value of WWW-Authenticate. Control characters of the realm are left out.
std::string basic_challenge(std::string_view realm);

}  // namespace uvhttpd::http
