// SPDX-License-Identifier: MIT
// http/date.cpp: HTTP-date to seconds and back, on the calendar of <chrono>.
#include "http/date.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "base/text.h"

namespace uvhttpd::http {
namespace {

using std::chrono::sys_days;
using std::chrono::sys_seconds;

constexpr std::int64_t kEarliest = -62'135'596'800;  // 0001-01-01 00:00:00
constexpr std::int64_t kLatest = 253'402'300'799;    // 9999-12-31 23:59:59
constexpr std::int64_t kFiftyYears = std::chrono::seconds(std::chrono::years(50)).count();

constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::string_view kLongDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                          "Thursday", "Friday", "Saturday"};
constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

sys_seconds clamped(std::int64_t seconds) {
  return sys_seconds(std::chrono::seconds(std::clamp(seconds, kEarliest, kLatest)));
}

void put_pair(char* at, unsigned value) {
  at[0] = static_cast<char>('0' + value / 10);
  at[1] = static_cast<char>('0' + value % 10);
}

// A date and time as written, not yet known to exist.
struct Written {
  unsigned year = 0;
  unsigned month = 0;  // 1 to 12
  unsigned day = 0;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
};

std::chrono::year_month_day date_of(const Written& written) {
  return {std::chrono::year(static_cast<int>(written.year)), std::chrono::month(written.month),
          std::chrono::day(written.day)};
}

std::int64_t seconds_of(const Written& written) {
  const sys_seconds midnight = sys_days(date_of(written));
  return midnight.time_since_epoch().count() + written.hour * 3600 + written.minute * 60 +
         written.second;
}

std::optional<std::int64_t> checked(const Written& written) {
  if (!date_of(written).ok()) return std::nullopt;
  if (written.hour > 23 || written.minute > 59 || written.second > 60) return std::nullopt;
  return seconds_of(written);
}

// Takes pieces off the front of a text; false when the next piece is another one.
class Pieces {
 public:
  explicit Pieces(std::string_view text) : rest_(text) {}

  bool literal(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  template <std::size_t N>
  bool day_name(const std::string_view (&names)[N]) {
    return std::any_of(std::begin(names), std::end(names),
                       [this](std::string_view name) { return literal(name); });
  }
  bool month(unsigned& value) {
    for (value = 1; value <= std::size(kMonths); ++value) {
      if (literal(kMonths[value - 1])) return true;
    }
    return false;
  }
  bool number(std::size_t digits, unsigned& value) {
    if (rest_.size() < digits) return false;
    value = 0;
    for (const char c : rest_.substr(0, digits)) {
      if (!is_digit(c)) return false;
      value = value * 10 + static_cast<unsigned>(c - '0');
    }
    rest_.remove_prefix(digits);
    return true;
  }
  bool time_of_day(Written& to) {
    return number(2, to.hour) && literal(":") && number(2, to.minute) && literal(":") &&
           number(2, to.second);
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::optional<std::int64_t> parse_imf_fixdate(std::string_view text) {
  Pieces in(text);
  Written date;
  const bool matches = in.day_name(kDays) && in.literal(", ") && in.number(2, date.day) &&
                       in.literal(" ") && in.month(date.month) && in.literal(" ") &&
                       in.number(4, date.year) && in.literal(" ") && in.time_of_day(date) &&
                       in.literal(" GMT") && in.at_end();
  return matches ? checked(date) : std::nullopt;
}

// "Sun Nov  6 08:49:37 1994"
std::optional<std::int64_t> parse_asctime(std::string_view text) {
  Pieces in(text);
  Written date;
  const bool matches = in.day_name(kDays) && in.literal(" ") && in.month(date.month) &&
                       in.literal(" ") && in.number(in.literal(" ") ? 1 : 2, date.day) &&
                       in.literal(" ") && in.time_of_day(date) && in.literal(" ") &&
                       in.number(4, date.year) && in.at_end();
  return matches ? checked(date) : std::nullopt;
}

// "Sunday, 06-Nov-94 08:49:37 GMT"
std::optional<std::int64_t> parse_rfc850(std::string_view text, std::int64_t now_seconds) {
  Pieces in(text);
  Written date;
  const bool matches = in.day_name(kLongDays) && in.literal(", ") && in.number(2, date.day) &&
                       in.literal("-") && in.month(date.month) && in.literal("-") &&
                       in.number(2, date.year) && in.literal(" ") && in.time_of_day(date) &&
                       in.literal(" GMT") && in.at_end();
  if (!matches) return std::nullopt;

  const std::int64_t limit = clamped(now_seconds).time_since_epoch().count() + kFiftyYears;
  const sys_days limit_day =
      std::chrono::floor<std::chrono::days>(sys_seconds(std::chrono::seconds(limit)));
  const auto limit_year = static_cast<int>(std::chrono::year_month_day(limit_day).year());
  date.year += static_cast<unsigned>(limit_year) / 100 * 100;
  if (seconds_of(date) > limit && date.year >= 100) date.year -= 100;
  return checked(date);
}

}  // namespace

DateText format_date(std::int64_t seconds) {
  const sys_seconds time = clamped(seconds);
  const sys_days day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto second_of_day = static_cast<unsigned>((time - day).count());
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));

  DateText text;
  char* at = text.data();
  std::string_view("Sun, 06 Nov 1994 08:49:37 GMT").copy(at, kDateLength);
  kDays[std::chrono::weekday(day).c_encoding()].copy(at, 3);
  put_pair(at + 5, static_cast<unsigned>(date.day()));
  kMonths[static_cast<unsigned>(date.month()) - 1].copy(at + 8, 3);
  put_pair(at + 12, year / 100);
  put_pair(at + 14, year % 100);
  put_pair(at + 17, second_of_day / 3600);
  put_pair(at + 20, second_of_day / 60 % 60);
  put_pair(at + 23, second_of_day % 60);
  return text;
}

std::optional<std::int64_t> parse_date(std::string_view text, std::int64_t now_seconds) {
  if (text.size() < 4) return std::nullopt;
  if (text[3] == ',') return parse_imf_fixdate(text);
  if (text[3] == ' ') return parse_asctime(text);
  return parse_rfc850(text, now_seconds);
}

}  // namespace uvhttpd::http
