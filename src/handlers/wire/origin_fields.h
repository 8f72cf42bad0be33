// SPDX-License-Identifier: MIT
// handlers/wire/origin_fields.h: fields in which proxies say who asks, and how. Applications take a
// user, a certificate and an address from them, so of strangers they are not passed on.
#pragma once

#include <string>
#include <string_view>

namespace uvhttpd::wire {

// In lower case and with "-" for all that is no letter and no digit: applications behind CGI-like
// interfaces cannot tell "_" from "-", nor either from other signs.
std::string folded(std::string_view name);
// Whether folded(name) is `folded_name`.
bool folds_to(std::string_view name, std::string_view folded_name);

// Forwarded, X-Forwarded-..., X-Real-IP, Remote-User, SSL-Client-... and their like, in whatever
// spelling.
bool says_who_asks(std::string_view field_name);

}  // namespace uvhttpd::wire
