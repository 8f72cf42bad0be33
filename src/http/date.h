// SPDX-License-Identifier: MIT
// http/date.h: HTTP-date, RFC 9110 section 5.6.7. Seconds since 1970, no locale, no time zone data.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace uvhttpd::http {

constexpr std::size_t kDateLength = 29;
using DateText = std::array<char, kDateLength>;

// IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT". Times outside the years 1 to 9999 are clamped.
DateText format_date(std::int64_t seconds);

// Any of the three formats (IMF-fixdate, RFC 850, asctime), strictly: case, spaces and digits as in
// the grammar, days that exist; nullopt otherwise. The name of the day must be one, but need not be
// the right one. Second 60 is the first of the next minute. A two-digit year is the latest that is
// at most 50 years in the future of `now_seconds`.
std::optional<std::int64_t> parse_date(std::string_view text, std::int64_t now_seconds);

}  // namespace uvhttpd::http
