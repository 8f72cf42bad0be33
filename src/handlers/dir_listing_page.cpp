// SPDX-License-Identifier: MIT
// handlers/dir_listing_page.cpp: names of any octets in attributes, texts and strings.
#include "handlers/dir_listing_page.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "base/text.h"
#include "http/octets.h"

namespace uvhttpd {
namespace {

constexpr std::size_t kPageBytes = 4096;                   // around the table
constexpr std::size_t kEntryBytes = 256;                   // around the names
constexpr std::size_t kMostCrumbs = 32;                    // directories above that are linked
constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<style>
:root{--page:#fff;--text:#1f2328;--dim:#59636e;--link:#0a53b0;--line:#dfe3e8;--row:#f5f7f9}
@media(prefers-color-scheme:dark){
:root{--page:#15181c;--text:#e4e7ea;--dim:#9ba5b0;--link:#86b6ff;--line:#2b3138;--row:#1d2126}}
body{max-width:60rem;margin:0 auto;padding:2rem 1rem;background:var(--page);color:var(--text);
font:1rem/1.5 system-ui,sans-serif}
h1{margin:0 0 1rem;padding:0 .5rem;font-size:1.25rem;overflow-wrap:anywhere}
h1 a,h1 span{padding:0 .2rem}
h1>:first-child{padding-left:0}
p{margin:1rem 0;padding:0 .5rem;color:var(--dim)}
a{color:var(--link);text-decoration:none}
a:hover{text-decoration:underline}
a:focus-visible{outline:2px solid;outline-offset:2px;border-radius:2px}
bdi{white-space:pre-wrap}
table{width:100%;border-collapse:collapse}
th,td{padding:.4rem .5rem;border-bottom:1px solid var(--line);text-align:left;
vertical-align:baseline}
th{font-size:.875rem;white-space:nowrap}
td{overflow-wrap:anywhere}
td:first-child{width:100%}
td a{padding:.25rem 0}
td+td,th+th{padding-left:1rem;text-align:right;white-space:nowrap;
font-variant-numeric:tabular-nums}
td+td{color:var(--dim)}
tbody tr:hover{background:var(--row)}
@media(max-width:32rem){
body{padding:1rem .5rem}
td+td,th+th{padding-left:.25rem;font-size:.8125rem}
th:last-child{white-space:normal;overflow-wrap:normal}
time{white-space:pre}}
</style>
)";

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  out.append(digits, end);
}

// --- names ---

// What stands for itself both in a segment of a path (RFC 3986 section 3.3) and in an attribute.
constexpr bool is_plain_in_href(char c) {
  return http::is_of(http::octet_class::kPath, c) && c != '/' && c != '&' && c != '\'';
}

// A segment of a path, percent-encoded.
void append_encoded(std::string& out, std::string_view segment) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : segment) {
    if (is_plain_in_href(c)) {
      out.push_back(c);
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    const char triplet[] = {'%', kHex[octet >> 4], kHex[octet & 15]};
    out.append(triplet, sizeof triplet);
  }
}

// A relative reference: a colon in its first segment would make a scheme of what is before it (RFC
// 3986 section 4.2).
void append_reference(std::string& out, const ListingEntry& entry) {
  if (entry.name.find(':') != std::string::npos) out.append("./");
  append_encoded(out, entry.name);
  if (entry.is_directory()) out.push_back('/');
}

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

// As text of an element or of an attribute in quotes.
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

// --- sizes and times ---

// "512 B", "12.3 KiB": rounded to a tenth of the largest unit that has a whole one.
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

constexpr std::size_t kMinutesLength = 16;
constexpr std::size_t kTimeLength = 20;
using TimeText = std::array<char, kTimeLength>;

// RFC 3339: "2024-05-06T07:08:09Z". Times outside the years 1 to 9999 are clamped.
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

// --- the page ---

void append_title(std::string& out, std::string_view url_path) {
  out.append("<title>Index of ");
  append_text(out, url_path);
  out.append("</title>\n");
}

// "Index of / a / b /", where the directories above are links.
void append_heading(std::string& out, std::string_view url_path, bool has_parent) {
  const auto depth =
      static_cast<std::size_t>(std::count(url_path.begin(), url_path.end(), '/')) - 1;
  const auto append_crumb = [&](std::string_view name, std::size_t levels_up) {
    const bool is_link = has_parent && levels_up > 0 && levels_up <= kMostCrumbs;
    if (is_link) {
      out.append("<a href=\"");
      for (std::size_t i = 0; i < levels_up; ++i) out.append("../");
      out.append("\">");
    } else if (levels_up == 0) {
      out.append("<span aria-current=\"page\">");
    }
    out.append("<bdi>");
    append_text(out, name);
    out.append("</bdi>").append(is_link ? "</a>" : levels_up == 0 ? "</span>" : "");
  };
  out.append("<nav aria-label=\"Breadcrumb\">\n<h1>Index of ");
  append_crumb("/", depth);
  std::size_t begin = 1;
  for (std::size_t level = depth; level > 0; --level) {
    const std::size_t end = url_path.find('/', begin);
    append_crumb(url_path.substr(begin, end - begin), level - 1);
    out.push_back('/');
    begin = end + 1;
  }
  out.append("</h1>\n</nav>\n");
}

struct Column {
  ListingOrder::Key key;
  std::string_view parameter;
  std::string_view title;
  bool descending_first;  // what the first click asks for: the largest, the newest
};
constexpr Column kColumns[] = {
    {ListingOrder::Key::name, "name", "Name", false},
    {ListingOrder::Key::size, "size", "Size", true},
    {ListingOrder::Key::time, "time", "Modified (UTC)", true},
};

void append_table_head(std::string& out, ListingOrder order) {
  out.append("<table>\n<thead>\n<tr>");
  for (const Column& column : kColumns) {
    const bool is_active = column.key == order.key;
    const bool next_descending = is_active ? !order.descending : column.descending_first;
    out.append("<th scope=\"col\"");
    if (is_active) {
      out.append(order.descending ? " aria-sort=\"descending\"" : " aria-sort=\"ascending\"");
    }
    out.append("><a href=\"?sort=").append(column.parameter);
    out.append(next_descending ? "&amp;order=desc\">" : "&amp;order=asc\">").append(column.title);
    if (is_active) {
      out.append("<span aria-hidden=\"true\">").append(order.descending ? " ↓" : " ↑");
      out.append("</span>");
    }
    out.append("</a>");
  }
  out.append("\n<tbody>\n");
}

void append_row(std::string& out, const ListingEntry& entry) {
  out.append("<tr><td><a href=\"");
  append_reference(out, entry);
  out.append("\"><bdi>");
  append_text(out, entry.name);
  if (entry.is_directory()) {
    out.append("</bdi>/</a><td>–");
  } else {
    out.append("</bdi></a><td title=\"");
    append_number(out, entry.size);
    out.append(entry.size == 1 ? " byte\">" : " bytes\">");
    append_human_size(out, entry.size);
  }
  const TimeText time = format_time(entry.mtime_seconds);
  out.append("<td><time datetime=\"").append(time.data(), time.size()).append("\">");
  const std::size_t at = out.size();
  out.append(time.data(), kMinutesLength).append("</time>\n");
  out[at + std::string_view("2024-05-06").size()] = '\n';  // where narrow pages break the line
}

void append_count(std::string& out, std::size_t count, std::string_view one,
                  std::string_view many) {
  append_number(out, count);
  out.push_back(' ');
  out.append(count == 1 ? one : many);
}

void append_summary(std::string& out, const Listing& listing) {
  const auto directories = static_cast<std::size_t>(
      std::count_if(listing.entries.begin(), listing.entries.end(),
                    [](const ListingEntry& entry) { return entry.is_directory(); }));
  out.append("<p>");
  append_count(out, directories, "directory", "directories");
  out.append(", ");
  append_count(out, listing.entries.size() - directories, "file", "files");
  if (listing.truncated) {
    out.append(", and more: only the first ");
    append_number(out, listing.entries.size());
    out.append(" are shown");
  }
  out.append("</p>\n");
}

std::size_t names_bytes(const Listing& listing) {
  std::size_t bytes = 0;
  for (const ListingEntry& entry : listing.entries) bytes += entry.name.size();
  return bytes;
}

}  // namespace

std::string render_html(const Listing& listing, std::string_view url_path, ListingOrder order,
                        bool has_parent) {
  std::string out;
  out.reserve(kPageBytes + listing.entries.size() * kEntryBytes + 2 * names_bytes(listing));
  out.append(kHead);
  append_title(out, url_path);
  append_heading(out, url_path, has_parent);
  out.append("<main>\n");
  if (has_parent) out.append("<p><a href=\"../\">↑ Parent directory</a></p>\n");
  if (listing.entries.empty() && !listing.truncated) {
    out.append("<p>This directory is empty.</p>\n");
  } else {
    append_table_head(out, order);
    for (const ListingEntry& entry : listing.entries) append_row(out, entry);
    out.append("</table>\n");
    append_summary(out, listing);
  }
  out.append("</main>\n</html>\n");
  return out;
}

std::string render_json(const Listing& listing) {
  std::string out;
  out.reserve(kPageBytes + listing.entries.size() * kEntryBytes + 2 * names_bytes(listing));
  out.push_back('[');
  for (const ListingEntry& entry : listing.entries) {
    out.append(out.size() == 1 ? "\n{\"name\":\"" : ",\n{\"name\":\"");
    out.append(escape_for_json(entry.name));
    out.append(entry.is_directory() ? "\",\"type\":\"directory\",\"size\":"
                                    : "\",\"type\":\"file\",\"size\":");
    if (entry.is_directory()) {
      out.append("null");
    } else {
      append_number(out, entry.size);
    }
    const TimeText time = format_time(entry.mtime_seconds);
    out.append(",\"mtime\":\"").append(time.data(), time.size()).append("\",\"url\":\"");
    append_reference(out, entry);
    out.append("\"}");
  }
  out.append("\n]\n");
  return out;
}

}  // namespace uvhttpd
