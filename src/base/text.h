// SPDX-License-Identifier: MIT
// base/text.h: small functions on octets that mean the same everywhere (ASCII, no locale).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace uvhttpd {

constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_ows(char c) { return c == ' ' || c == '\t'; }
constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool has_control(std::string_view text);

bool equals_ignoring_case(std::string_view a, std::string_view b);
std::string to_lower(std::string_view text);

// Without leading and trailing spaces and tabs: OWS of RFC 9110 section 5.6.3.
std::string_view trim_ows(std::string_view text);

// Digits only, at least one; nullopt on anything else and on overflow.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

// 0 to 15, or -1 when `c` is no hexadecimal digit.
int hex_value(char c);

// The length of the UTF-8 sequence at the front of `text` (RFC 3629 section 4), 0 when it is none.
std::size_t utf8_length(std::string_view text);

// RFC 3629.
bool is_utf8(std::string_view text);

// The octets with everything but printable ASCII, and also `"` and `\`, as \xHH: safe in a line
// of a log whatever came from outside.
std::string escape_for_log(std::string_view text);

// As the inside of a JSON string; octets that are not UTF-8 become U+FFFD. Control characters,
// those that end lines for some and those that turn the direction of writing are escaped.
std::string escape_for_json(std::string_view text);

// & < > " ' as character references.
std::string escape_for_html(std::string_view text);

// The candidate nearest to `word` by edit distance, if it is near enough to be meant.
std::optional<std::string_view> nearest(std::string_view word,
                                        const std::vector<std::string_view>& candidates);

}  // namespace uvhttpd
