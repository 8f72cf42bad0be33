// SPDX-License-Identifier: MIT
// unit/handlers/dir_listing_page_test.cpp: names of any octets lead where they should and break
// nothing.
#include "handlers/dir_listing_page.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/text.h"
#include "http/target.h"

namespace uvhttpd::tests {
namespace {

using Kind = ListingEntry::Kind;

Listing listing_of(ListingEntry entry) { return {{std::move(entry)}, false}; }

std::string page_of(ListingEntry entry) {
  return render_html(listing_of(std::move(entry)), "/", {}, false);
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// What stands between the marks, the first time behind `after`.
std::string between(std::string_view text, std::string_view after, std::string_view open,
                    std::string_view close) {
  const std::size_t start = text.find(open, text.find(after));
  REQUIRE(start != std::string_view::npos);
  const std::size_t begin = start + open.size();
  return std::string(text.substr(begin, text.find(close, begin) - begin));
}

std::string href_of(const ListingEntry& entry) {
  return between(page_of(entry), "<tbody>", "href=\"", "\"");
}
std::string text_of(const std::string& name) {
  return between(page_of({name, Kind::file, 0, 0}), "<tbody>", "<bdi>", "</bdi>");
}

// The path that the server sees when a client follows the reference from "/dir/".
std::string path_after(std::string_view reference) {
  Arena arena;
  bool has_encoded_slash = false;
  const std::string raw = "/dir/" + std::string(reference);
  const auto path = http::normalize_path(raw, arena, has_encoded_slash);
  REQUIRE(path.has_value());
  CHECK_FALSE(has_encoded_slash);
  return std::string(*path);
}

std::vector<std::string> names_of_every_octet() {
  std::vector<std::string> names;
  for (int octet = 1; octet < 256; ++octet) {
    const char c = static_cast<char>(octet);
    if (c == '/') continue;
    if (c != '.') names.emplace_back(1, c);
    names.push_back(std::string("a") + c + "z");
    names.push_back(std::string(3, c));
  }
  return names;
}

TEST_CASE("A link leads to its name, whatever octets that has") {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$()*+,;=:@/%";
  for (const std::string& name : names_of_every_octet()) {
    CAPTURE(escape_for_log(name));
    const ListingEntry file{name, Kind::file, 0, 0};
    const std::string href = href_of(file);
    CHECK(href.find_first_not_of(kAllowed) == std::string::npos);
    CHECK(path_after(href) == "/dir/" + name);
    CHECK(href_of({name, Kind::directory, 0, 0}) == href + "/");
    CHECK(between(render_json(listing_of(file)), "", "\"url\":\"", "\"") == href);
  }
}

TEST_CASE("A link is never one to another scheme, host or query") {
  struct Row {
    std::string name;
    std::string href;
  };
  const Row rows[] = {
      {"javascript:alert(1)", "./javascript:alert(1)"},
      {"a:b", "./a:b"},
      {"?q", "%3Fq"},
      {"#top", "%23top"},
      {"\\\\host", "%5C%5Chost"},
      {"%2e%2e", "%252e%252e"},
      {" a", "%20a"},
      {"a&b'c\"", "a%26b%27c%22"},
      {"\xc3\xa9", "%C3%A9"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(href_of({row.name, Kind::file, 0, 0}) == row.href);
  }
}

TEST_CASE("A name is shown as text that every browser reads alike") {
  struct Row {
    std::string name;
    std::string text;
  };
  const std::string unknown = "\xef\xbf\xbd";
  const Row rows[] = {
      {"plain.txt", "plain.txt"},
      {"<script>", "&lt;script&gt;"},
      {"\"&'", "&quot;&amp;&#39;"},
      {"a\nb",
       "a\xe2\x90\x8a"
       "b"},
      {"\x01\x1f\x7f", "\xe2\x90\x81\xe2\x90\x9f\xe2\x90\xa1"},
      {"\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80", "\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80"},
      {"a\xff\xfe", "a" + unknown + unknown},
      {"\xc3", unknown},
      {"\xed\xa0\x80", unknown + unknown + unknown},  // a surrogate
      {"\xc2\x85|\xc2\xa0", unknown + "|\xc2\xa0"},   // U+0085, U+00A0
      {"\xef\xbf\xbe|\xef\xb7\x90|\xf0\x9f\xbf\xbf", unknown + "|" + unknown + "|" + unknown},
      {"evil\xe2\x80\xaegnp.exe", "evil" + unknown + "gnp.exe"},
      {"\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa", unknown + unknown + "\xe2\x81\xaa"},
  };
  for (const Row& row : rows) {
    CAPTURE(escape_for_log(row.name));
    CHECK(text_of(row.name) == row.text);
  }
}

TEST_CASE("Pages and JSON are UTF-8 without control characters, whatever the names") {
  Listing listing;
  for (const std::string& name : names_of_every_octet()) {
    listing.entries.push_back({name, Kind::file, 0, 0});
  }
  const auto is_control = [](char c) { return (c >= 0 && c < 0x20 && c != '\n') || c == 0x7f; };
  for (const std::string& text :
       {render_html(listing, "/\x01\xff<b>/", {}, true), render_json(listing)}) {
    CHECK(is_utf8(text));
    CHECK(std::none_of(text.begin(), text.end(), is_control));
    CHECK_FALSE(has(text, "<b>"));
  }
}

TEST_CASE("Sizes are shown to a tenth of a unit, and exactly in the title") {
  struct Row {
    std::uint64_t size;
    std::string cell;
  };
  const Row rows[] = {
      {0, "0 bytes\">0 B"},
      {1, "1 byte\">1 B"},
      {1023, "1023 bytes\">1023 B"},
      {1024, "1024 bytes\">1.0 KiB"},
      {12'595, "12595 bytes\">12.3 KiB"},
      {2'047, "2047 bytes\">2.0 KiB"},
      {1'048'524, "1048524 bytes\">1023.9 KiB"},
      {1'048'525, "1048525 bytes\">1.0 MiB"},
      {1'048'576, "1048576 bytes\">1.0 MiB"},
      {std::uint64_t{3} << 30, "3221225472 bytes\">3.0 GiB"},
      {std::uint64_t{5} << 40, "5497558138880 bytes\">5.0 TiB"},
      {std::uint64_t{1} << 50, "1125899906842624 bytes\">1.0 PiB"},
      {UINT64_MAX, "18446744073709551615 bytes\">16.0 EiB"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.size);
    CHECK(between(page_of({"a", Kind::file, row.size, 0}), "<tbody>", "<td title=\"", "<td>") ==
          row.cell);
  }
}

TEST_CASE("Times are shown in UTC") {
  struct Row {
    std::int64_t seconds;
    std::string cell;
  };
  const Row rows[] = {
      {0, "\"1970-01-01T00:00:00Z\">1970-01-01\n00:00"},
      {-1, "\"1969-12-31T23:59:59Z\">1969-12-31\n23:59"},
      {1'709'210'096, "\"2024-02-29T12:34:56Z\">2024-02-29\n12:34"},
      {INT64_MAX, "\"9999-12-31T23:59:59Z\">9999-12-31\n23:59"},
      {INT64_MIN, "\"0001-01-01T00:00:00Z\">0001-01-01\n00:00"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.seconds);
    CHECK(between(page_of({"a", Kind::file, 0, row.seconds}), "<tbody>",
                  "<time datetime=", "</time>") == row.cell);
  }
}

TEST_CASE("A directory has a slash in link and text, and no size") {
  const std::string page = page_of({"sub", Kind::directory, 0, 0});
  CHECK(has(page, "<a href=\"sub/\"><bdi>sub</bdi>/</a><td>–<td>"));
}

TEST_CASE("The heading links the directories above") {
  const std::string page = render_html({}, "/a b/<c>/d/", {}, true);
  CHECK(has(page, "<title>Index of /a b/&lt;c&gt;/d/</title>"));
  CHECK(between(page, "", "<h1>", "</h1>") ==
        "Index of <a href=\"../../../\"><bdi>/</bdi></a><a href=\"../../\"><bdi>a b</bdi></a>/"
        "<a href=\"../\"><bdi>&lt;c&gt;</bdi></a>/"
        "<span aria-current=\"page\"><bdi>d</bdi></span>/");
  CHECK(has(page, "<a href=\"../\">↑ Parent directory</a>"));
}

TEST_CASE("The heading of the uppermost directory links nothing") {
  for (const std::string_view path : {"/", "/docs/"}) {
    const std::string page = render_html({}, path, {}, false);
    CHECK_FALSE(has(page, "../"));
    CHECK_FALSE(has(between(page, "", "<h1>", "</h1>"), "<a"));
  }
}

TEST_CASE("A deep path makes no page of quadratic size") {
  std::string path = "/";
  for (int i = 0; i < 2'000; ++i) path += "d/";
  CHECK(render_html({}, path, {}, true).size() < 60'000);
}

TEST_CASE("The head of the table says how it is sorted and links the other orders") {
  struct Row {
    std::string_view order;
    std::string_view part;
  };
  const Row rows[] = {
      {"",
       "aria-sort=\"ascending\"><a href=\"?sort=name&amp;order=desc\">Name<span "
       "aria-hidden=\"true\"> ↑<"},
      {"", "<th scope=\"col\"><a href=\"?sort=size&amp;order=desc\">Size</a>"},
      {"", "<th scope=\"col\"><a href=\"?sort=time&amp;order=desc\">Modified (UTC)</a>"},
      {"sort=size&order=desc",
       "aria-sort=\"descending\"><a href=\"?sort=size&amp;order=asc\">Size<span "
       "aria-hidden=\"true\"> ↓<"},
      {"sort=size&order=desc", "<th scope=\"col\"><a href=\"?sort=name&amp;order=asc\">Name</a>"},
      {"sort=time", "aria-sort=\"ascending\"><a href=\"?sort=time&amp;order=desc\">Modified"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.part);
    CHECK(has(render_html(listing_of({"a", Kind::file, 0, 0}), "/", parse_listing_order(row.order),
                          false),
              row.part));
  }
}

TEST_CASE("The page counts what it shows") {
  const ListingEntry file{"f", Kind::file, 0, 0};
  const ListingEntry directory{"d", Kind::directory, 0, 0};
  struct Row {
    Listing listing;
    std::string summary;
  };
  const Row rows[] = {
      {{{file}, false}, "0 directories, 1 file"},
      {{{directory, file, file}, false}, "1 directory, 2 files"},
      {{{directory, directory}, true},
       "2 directories, 0 files, and more: only the first 2 are shown"},
      {{{}, false}, "This directory is empty."},
      {{{}, true}, "0 directories, 0 files, and more: only the first 0 are shown"},
  };
  for (const Row& row : rows) {
    CHECK(between(render_html(row.listing, "/", {}, false), "<main>", "<p>", "</p>") ==
          row.summary);
  }
}

TEST_CASE("The page needs nothing else: no script, no other resource") {
  const std::string page = page_of({"a", Kind::file, 0, 0});
  CHECK(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">"));
  CHECK(page.ends_with("</html>\n"));
  CHECK(has(page, "<link rel=\"icon\" href=\"data:,\">"));
  for (const std::string_view part : {"<script", " src=", "url(", "@import", "http:", "https:"}) {
    CAPTURE(part);
    CHECK_FALSE(has(page, part));
  }
}

TEST_CASE("render_json tells everything of each entry") {
  CHECK(render_json({}) == "[\n]\n");
  const Listing listing{{{"sub", Kind::directory, 0, 0}, {"a \"b\"\n\xff", Kind::file, 5, 1}},
                        false};
  CHECK(render_json(listing) ==
        "[\n{\"name\":\"sub\",\"type\":\"directory\",\"size\":null,"
        "\"mtime\":\"1970-01-01T00:00:00Z\",\"url\":\"sub/\"},\n"
        "{\"name\":\"a \\\"b\\\"\\u000a\xef\xbf\xbd\",\"type\":\"file\",\"size\":5,"
        "\"mtime\":\"1970-01-01T00:00:01Z\",\"url\":\"a%20%22b%22%0A%FF\"}\n]\n");
}

}  // namespace
}  // namespace uvhttpd::tests
