// SPDX-License-Identifier: MIT
#include "handlers/page_text.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/text.h"

namespace uvhttpd {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

// U+0080 to U+009F, and what Unicode calls noncharacters: no character of an HTML document.
bool is_outside_html(std::string_view sequence) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 2) return at(0) == 0xc2 && at(1) < 0xa0;
  if (sequence.size() == 3 && at(0) == 0xef) {
    return (at(1) == 0xb7 && at(2) >= 0x90 && at(2) <= 0xaf) || (at(1) == 0xbf && at(2) >= 0xbe);
  }
  return sequence.size() == 4 && (at(1) & 0x0f) == 0x0f && at(2) == 0xbf && at(3) >= 0xbe;
}

// U+202A to U+202E and U+2066 to U+2069: with them "exe.png" can be a name that ends in "gnp.exe".
bool reorders_text(std::string_view sequence) {
  if (sequence.size() != 3 || !sequence.starts_with('\xe2')) return false;
  const auto low = static_cast<unsigned char>(sequence[2]);
  return (sequence[1] == '\x80' && low >= 0xaa && low <= 0xae) ||
         (sequence[1] == '\x81' && low >= 0xa6 && low <= 0xa9);
}

// The sequence at the front of `text`, as it can be shown.
void append_special(std::string& out, std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence.front());
  switch (first) {
    case '&': out.append("&amp;"); return;
    case '<': out.append("&lt;"); return;
    case '>': out.append("&gt;"); return;
    case '"': out.append("&quot;"); return;
    case '\'': out.append("&#39;"); return;
    case 0x7f: out.append("\xe2\x90\xa1"); return;  // U+2421
    default: break;
  }
  if (first < 0x20) {  // U+2400 and the 31 after it are pictures of control characters
    out.append("\xe2\x90").push_back(static_cast<char>(0x80 + first));
  } else if (is_outside_html(sequence) || reorders_text(sequence)) {
    out.append(kReplacement);
  } else {
    out.append(sequence);
  }
}

}  // namespace

void append_text(std::string& out, std::string_view text) {
  constexpr auto is_plain = [](char c) {
    return c >= 0x20 && c < 0x7f && c != '&' && c != '<' && c != '>' && c != '"' && c != '\'';
  };
  while (!text.empty()) {
    const auto special = std::find_if_not(text.begin(), text.end(), is_plain);
    const auto plain = static_cast<std::size_t>(special - text.begin());
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return;
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      out.append(kReplacement);
    } else {
      append_special(out, text.substr(0, length));
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  out.append(digits, end);
}

void append_human_size(std::string& out, std::uint64_t bytes) {
  constexpr std::string_view kUnits[] = {" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
  constexpr unsigned kLargest = 5;
  if (bytes < 1024) {
    append_number(out, bytes);
    out.append(" B");
    return;
  }
  unsigned unit = 0;
  while (unit < kLargest && bytes >> (10 * (unit + 2)) != 0) ++unit;
  const unsigned bits = 10 * (unit + 1);
  const std::uint64_t part = bytes & ((std::uint64_t{1} << bits) - 1);
  const std::uint64_t tenths = (part * 10 + (std::uint64_t{1} << (bits - 1))) >> bits;
  std::uint64_t whole = (bytes >> bits) + tenths / 10;
  if (whole == 1024 && unit < kLargest) {
    whole = 1;
    ++unit;
  }
  append_number(out, whole);
  out.push_back('.');
  append_number(out, tenths % 10);
  out.append(kUnits[unit]);
}

TimeText format_time(std::int64_t seconds) {
  using namespace std::chrono;
  constexpr std::int64_t kEarliest = -62'135'596'800;  // 0001-01-01 00:00:00
  constexpr std::int64_t kLatest = 253'402'300'799;    // 9999-12-31 23:59:59
  const sys_seconds time(std::chrono::seconds(std::clamp(seconds, kEarliest, kLatest)));
  const sys_days day = floor<days>(time);
  const year_month_day date(day);
  const auto second_of_day = static_cast<unsigned>((time - day).count());
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  TimeText text{'0', '0', '0', '0', '-', '0', '0', '-', '0', '0',
                'T', '0', '0', ':', '0', '0', ':', '0', '0', 'Z'};
  const auto put_pair = [&text](std::size_t at, unsigned value) {
    text[at] = static_cast<char>('0' + value / 10);
    text[at + 1] = static_cast<char>('0' + value % 10);
  };
  put_pair(0, year / 100);
  put_pair(2, year % 100);
  put_pair(5, static_cast<unsigned>(date.month()));
  put_pair(8, static_cast<unsigned>(date.day()));
  put_pair(11, second_of_day / 3600);
  put_pair(14, second_of_day / 60 % 60);
  put_pair(17, second_of_day % 60);
  return text;
}

}  // namespace uvhttpd
