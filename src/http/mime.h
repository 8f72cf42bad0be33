// SPDX-License-Identifier: MIT
// http/mime.h: media types by file extension, compiled in, and what they are good for.
#pragma once

#include <string_view>

namespace uvhttpd::http {

// `extension` in any case with its dot (".html"). Empty when unknown. The result lives for ever.
std::string_view media_type_of(std::string_view extension);

// Whether a charset parameter may be added to the type: text/* without parameters, and so
// JavaScript. JSON is UTF-8 by definition (RFC 8259 section 11), and XML, SVG included, names its
// encoding itself (RFC 7303 section 3); a type with parameters is as somebody wanted it.
bool takes_charset(std::string_view media_type);

// Whether content of the type is worth encoding: text, what is written as text, fonts and programs
// that are not compressed already. Parameters are ignored, and case. What is not known is not.
bool is_compressible(std::string_view media_type);

}  // namespace uvhttpd::http
