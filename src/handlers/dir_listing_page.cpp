// SPDX-License-Identifier: MIT
// handlers/dir_listing_page.cpp: names of any octets in attributes, texts and strings.
#include "handlers/dir_listing_page.h"

#include <algorithm>

#include "base/text.h"
#include "handlers/page_text.h"
#include "http/octets.h"

namespace uvhttpd {
namespace {

constexpr std::size_t kPageBytes = 4096;  // around the table
constexpr std::size_t kEntryBytes = 256;  // around the names
constexpr std::size_t kMostCrumbs = 32;   // directories above that are linked

// The rest of the style.
constexpr std::string_view kStyle =
    R"(h1{margin:0 0 1rem;padding:0 .5rem;font-size:1.25rem;overflow-wrap:anywhere}
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

constexpr std::size_t kMinutesLength = 16;

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
  out.append(kPageHead).append(kStyle);
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
