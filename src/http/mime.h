// SPDX-License-Identifier: MIT
// http/mime.h: media types by file extension, compiled in.
#pragma once

#include <string_view>

namespace uvhttpd::http {

// `extension` in any case with its dot (".html"). Empty when unknown. The result lives for ever.
std::string_view media_type_of(std::string_view extension);

// Whether a charset parameter may be added to the type: text/* without parameters, and so
// JavaScript. JSON is UTF-8 by definition (RFC 8259 section 11), and XML, SVG included, names its
// encoding itself (RFC 7303 section 3); a type with parameters is as somebody wanted it.
bool takes_charset(std::string_view media_type);

}  // namespace uvhttpd::http
