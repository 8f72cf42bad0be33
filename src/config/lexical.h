// SPDX-License-Identifier: MIT
// config/lexical.h: how TOML is written, octet by octet, and what of it toml11 must not see.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "config/source.h"

namespace uvhttpd::config {

// The end of the string that opens at `start`; where its line or the text ends if it is not closed.
struct StringEnd {
  std::size_t at = 0;  // behind the closing quotes
  bool closed = false;
  std::size_t quotes = 1;  // 1 or 3
};
StringEnd string_end(std::string_view text, std::size_t start);

// The name that the inside of a quoted key stands for.
std::string unescaped(std::string_view text);

// Whether a token is written as an integer that does not fit 64 bits.
bool is_large_integer(std::string_view token);

// The place where brackets nest or keys have parts beyond `max_depth`; start is kNowhere if none.
// toml11 recurses without a bound and 20,000 brackets overflow the stack.
Span depth_fault(std::string_view text, std::size_t max_depth);

// The first line of more than `max_bytes`, kNowhere if none. The time that toml11 takes grows with
// the square of the length of a line.
Span line_fault(std::string_view text, std::size_t max_bytes);

// The first octet that may not be in a TOML text: no UTF-8 (RFC 3629), or NUL; kNowhere if none.
Span encoding_fault(std::string_view text);

}  // namespace uvhttpd::config
