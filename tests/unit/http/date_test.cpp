// SPDX-License-Identifier: MIT
// unit/http/date_test.cpp: HTTP-date, RFC 9110 section 5.6.7.
#include "http/date.h"

#include <doctest/doctest.h>

#include <ctime>
#include <string>

#include "sample_request.h"

namespace uvhttpd::http {
namespace {

constexpr std::int64_t kSample = 784111777;   // Sun, 06 Nov 1994 08:49:37 GMT
constexpr std::int64_t kNow = 1'700'000'000;  // Tue, 14 Nov 2023 22:13:20 GMT
constexpr std::int64_t kDay = 86400;

std::string formatted(std::int64_t seconds) {
  const DateText text = format_date(seconds);
  return {text.data(), text.size()};
}

// What the C library makes of the same time.
std::string formatted_by_libc(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

}  // namespace

TEST_CASE("format_date writes IMF-fixdate") {
  CHECK(formatted(kSample) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(formatted(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(formatted(-1) == "Wed, 31 Dec 1969 23:59:59 GMT");
  CHECK(formatted(951782400) == "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK(formatted(4107542399) == "Sun, 28 Feb 2100 23:59:59 GMT");
  CHECK(formatted(4107542400) == "Mon, 01 Mar 2100 00:00:00 GMT");
}

TEST_CASE("format_date clamps to the years 1 to 9999") {
  CHECK(formatted(INT64_MIN) == "Mon, 01 Jan 0001 00:00:00 GMT");
  CHECK(formatted(-62'135'596'801) == "Mon, 01 Jan 0001 00:00:00 GMT");
  CHECK(formatted(INT64_MAX) == "Fri, 31 Dec 9999 23:59:59 GMT");
  CHECK(formatted(253'402'300'800) == "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST_CASE("format_date agrees with the C library and parse_date with format_date") {
  // A step that is a multiple of no unit of time visits every month, day and hour.
  constexpr std::int64_t kStep = 4'000'037;
  constexpr std::int64_t kYear1000 = -30'610'224'000;
  constexpr std::int64_t kYear9999 = 253'370'764'800;
  for (std::int64_t seconds = kYear1000; seconds < kYear9999; seconds += kStep) {
    const std::string text = formatted(seconds);
    if (text != formatted_by_libc(seconds) || parse_date(text, kNow) != seconds) {
      CAPTURE(seconds);
      CHECK(text == formatted_by_libc(seconds));
      CHECK(parse_date(text, kNow) == seconds);
    }
  }
}

TEST_CASE("parse_date takes all three formats") {
  CHECK(parse_date("Sun, 06 Nov 1994 08:49:37 GMT", kNow) == kSample);
  CHECK(parse_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow) == kSample);
  CHECK(parse_date("Sun Nov  6 08:49:37 1994", kNow) == kSample);
  CHECK(parse_date("Wed Nov 16 08:49:37 1994", kNow) == kSample + 10 * kDay);
  CHECK(parse_date("Sun Nov 06 08:49:37 1994", kNow) == kSample);
}

TEST_CASE("parse_date knows which days exist") {
  struct Row {
    std::string_view name;
    std::string_view text;
    bool exists;
  };
  const Row rows[] = {
      {"leap day", "Thu, 29 Feb 2024 00:00:00 GMT", true},
      {"leap day of a common year", "Thu, 29 Feb 2023 00:00:00 GMT", false},
      {"leap day of a century", "Thu, 29 Feb 1900 00:00:00 GMT", false},
      {"leap day of the fourth century", "Thu, 29 Feb 2000 00:00:00 GMT", true},
      {"30 February", "Thu, 30 Feb 2024 00:00:00 GMT", false},
      {"31 April", "Thu, 31 Apr 2024 00:00:00 GMT", false},
      {"31 December", "Thu, 31 Dec 2024 00:00:00 GMT", true},
      {"day 0", "Thu, 00 Dec 2024 00:00:00 GMT", false},
      {"day 32", "Thu, 32 Dec 2024 00:00:00 GMT", false},
      {"last second", "Thu, 01 Dec 2024 23:59:59 GMT", true},
      {"leap second", "Thu, 01 Dec 2024 23:59:60 GMT", true},
      {"second 61", "Thu, 01 Dec 2024 23:59:61 GMT", false},
      {"minute 60", "Thu, 01 Dec 2024 23:60:00 GMT", false},
      {"hour 24", "Thu, 01 Dec 2024 24:00:00 GMT", false},
      {"leap day with two digits, 2000", "Thursday, 29-Feb-00 00:00:00 GMT", true},
      {"leap day with two digits, 1999", "Thursday, 29-Feb-99 00:00:00 GMT", false},
      {"day 0 in asctime", "Sun Nov  0 08:49:37 1994", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(parse_date(row.text, kNow).has_value() == row.exists);
  }
  CHECK(parse_date("Sat, 31 Dec 2016 23:59:60 GMT", kNow) ==
        parse_date("Sun, 01 Jan 2017 00:00:00 GMT", kNow));
}

TEST_CASE("parse_date does not mind the wrong day of the week, but it must be a day") {
  CHECK(parse_date("Mon, 06 Nov 1994 08:49:37 GMT", kNow) == kSample);
  CHECK(parse_date("Friday, 06-Nov-94 08:49:37 GMT", kNow) == kSample);
  CHECK_FALSE(parse_date("Sol, 06 Nov 1994 08:49:37 GMT", kNow));
  CHECK_FALSE(parse_date("Sonday, 06-Nov-94 08:49:37 GMT", kNow));
}

TEST_CASE("parse_date refuses everything that only resembles a date") {
  for (const std::string_view text : {
           "",
           "0",
           "Sun",
           "Sun,",
           "Sun, ",
           "784111777",
           "Sun, 06 Nov 1994 08:49:37",
           "Sun, 06 Nov 1994 08:49:37 UTC",
           "Sun, 06 Nov 1994 08:49:37 gmt",
           "Sun, 06 Nov 1994 08:49:37 +0000",
           "Sun, 06 Nov 1994 08:49:37 GMT ",
           " Sun, 06 Nov 1994 08:49:37 GMT",
           "Sun, 06 Nov 1994 08:49:37 GMT; length=5",
           "sun, 06 nov 1994 08:49:37 GMT",
           "SUN, 06 NOV 1994 08:49:37 GMT",
           "Sun, 6 Nov 1994 08:49:37 GMT",
           "Sun,  6 Nov 1994 08:49:37 GMT",
           "Sun, 06  Nov 1994 08:49:37 GMT",
           "Sun,\t06 Nov 1994 08:49:37 GMT",
           "Sun, 06 Nov 94 08:49:37 GMT",
           "Sun, 06 Nov 19940 08:49:37 GMT",
           "Sun, 06 Nov -994 08:49:37 GMT",
           "Sun, 06 Nov 1994 8:49:37 GMT",
           "Sun, 06 Nov 1994 08:49 GMT",
           "Sun, 06 Nov 1994 08-49-37 GMT",
           "Sun, 06-Nov-1994 08:49:37 GMT",
           "Sunday, 06 Nov 1994 08:49:37 GMT",
           "Sunday, 06-Nov-1994 08:49:37 GMT",
           "Sun, 06-Nov-94 08:49:37 GMT",
           "Sun Nov 6 08:49:37 1994",
           "Sun Nov  06 08:49:37 1994",
           "Sun Nov  6 08:49:37 1994 GMT",
           "Sun Nov  6 08:49:37 94",
           "1994-11-06T08:49:37Z",
       }) {
    CAPTURE(text);
    CHECK_FALSE(parse_date(text, kNow));
  }
}

TEST_CASE("parse_date refuses every proper prefix of a date") {
  for (const std::string_view text :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994"}) {
    for (std::size_t length = 0; length < text.size(); ++length) {
      CAPTURE(text.substr(0, length));
      CHECK_FALSE(parse_date(text.substr(0, length), kNow));
    }
  }
}

TEST_CASE("A two-digit year is the latest at most 50 years in the future") {
  const auto year_of = [](std::string_view text, std::int64_t now) {
    const auto seconds = parse_date(text, now);
    return seconds ? formatted(*seconds).substr(12, 4) : "none";
  };
  const std::int64_t year_2023 = kNow;
  CHECK(year_of("Sunday, 06-Nov-23 08:49:37 GMT", year_2023) == "2023");
  CHECK(year_of("Sunday, 06-Nov-24 08:49:37 GMT", year_2023) == "2024");
  CHECK(year_of("Sunday, 06-Nov-73 08:49:37 GMT", year_2023) == "2073");
  CHECK(year_of("Sunday, 06-Dec-73 08:49:37 GMT", year_2023) == "1973");
  CHECK(year_of("Sunday, 06-Nov-74 08:49:37 GMT", year_2023) == "1974");
  CHECK(year_of("Sunday, 06-Nov-99 08:49:37 GMT", year_2023) == "1999");
  CHECK(year_of("Sunday, 06-Nov-00 08:49:37 GMT", year_2023) == "2000");

  const std::int64_t year_2090 = 3'800'000'000;
  CHECK(year_of("Sunday, 06-Nov-10 08:49:37 GMT", year_2090) == "2110");
  CHECK(year_of("Sunday, 06-Nov-94 08:49:37 GMT", year_2090) == "2094");
  CHECK(year_of("Sunday, 06-Nov-60 08:49:37 GMT", year_2090) == "2060");
}

TEST_CASE("parse_date survives any clock") {
  for (const std::int64_t now : {INT64_MIN, std::int64_t{0}, INT64_MAX}) {
    for (const std::string_view year : {"00", "50", "51", "99"}) {
      CAPTURE(now);
      CAPTURE(year);
      CHECK(parse_date("Sunday, 06-Nov-" + std::string(year) + " 08:49:37 GMT", now).has_value());
    }
  }
}

TEST_CASE("parse_date survives random texts") {
  test::OddValues values({"Sun", "Sunday", ", ", ",", " ", "06", "31", "99", "Feb", "-", "1994",
                          "00:00:00", ":", " GMT", "\xff", "29 Feb 2023"});
  for (int i = 0; i < 20000; ++i) (void)parse_date(values.next(), kNow);
}

}  // namespace uvhttpd::http
