// SPDX-License-Identifier: MIT
// unit/handlers/dir_listing_test.cpp: what of a directory is listed, in which order and format.
#include "handlers/dir_listing.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "support/temp_dir.h"

namespace uvhttpd::tests {
namespace {

using Kind = ListingEntry::Kind;
using Names = std::vector<std::string>;

Names names_of(const Listing& listing) {
  Names names;
  for (const ListingEntry& entry : listing.entries) {
    names.push_back(entry.name + (entry.is_directory() ? "/" : ""));
  }
  return names;
}

// Directories on the disk, and what is listed of them.
struct Tree {
  TempDir top;

  Tree() { top.write("outside/secret", "secret"); }
  void write(const std::string& name, std::string_view content = "") const {
    top.write("root/" + name, content);
  }
  void link(const std::string& target, const std::string& name) const {
    std::filesystem::create_directories(top / "root");
    std::filesystem::create_symlink(target, top / ("root/" + name));
  }
  Result<Listing> read(std::string_view path, const ListingRules& rules = {}) const {
    const Result<Directory> root = Directory::open(top / "root");
    REQUIRE(root);
    return read_listing(*root, path, rules);
  }
  Names names(std::string_view path, const ListingRules& rules = {}) const {
    Result<Listing> listing = read(path, rules);
    REQUIRE(listing);
    Names names = names_of(*listing);
    std::sort(names.begin(), names.end());
    return names;
  }
};

TEST_CASE("read_listing tells kind, size and time of each entry") {
  const Tree tree;
  tree.write("file", "12345");
  tree.write("dir/inner");
  tree.top.set_modified("root/file", 1'700'000'000);
  tree.top.set_modified("root/dir", -1);
  Result<Listing> listing = tree.read("");
  REQUIRE(listing);
  sort_listing(*listing, {});
  REQUIRE(names_of(*listing) == Names{"dir/", "file"});
  CHECK(listing->entries[0].size == 0);
  CHECK(listing->entries[0].mtime_seconds == -1);
  CHECK(listing->entries[1].size == 5);
  CHECK(listing->entries[1].mtime_seconds == 1'700'000'000);
  CHECK_FALSE(listing->truncated);
}

TEST_CASE("read_listing takes a path with and without a slash at its end") {
  const Tree tree;
  tree.write("a/b/file");
  tree.link("file", "a/b/link");
  for (const std::string_view path : {"a/b", "a/b/"}) {
    CAPTURE(path);
    CHECK(tree.names(path) == Names{"file", "link"});
  }
}

TEST_CASE("read_listing of an empty directory has no entries") {
  const Tree tree;
  std::filesystem::create_directories(tree.top / "root/empty");
  const Result<Listing> listing = tree.read("empty");
  REQUIRE(listing);
  CHECK(listing->entries.empty());
  CHECK_FALSE(listing->truncated);
}

TEST_CASE("read_listing says why a directory cannot be listed") {
  const Tree tree;
  tree.write("file");
  tree.link("../outside", "out");
  struct Row {
    std::string name;
    std::string_view path;
    int error;
  };
  const Row rows[] = {{"absent", "absent", ENOENT},
                      {"a file", "file", ENOTDIR},
                      {"a link out of the root", "out", EXDEV}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Result<Listing> listing = tree.read(row.path);
    REQUIRE_FALSE(listing);
    CHECK(listing.error().os_error == row.error);
  }
}

TEST_CASE("read_listing leaves out dotfiles and backups, but not .well-known") {
  const Tree tree;
  for (const char* name : {"a", ".hidden", ".git/config", ".well-known/x", "a~", "a.BAK", "#a#"}) {
    tree.write(name);
  }
  CHECK(tree.names("") == Names{".well-known/", "a"});
  SUBCASE("unless hidden files are served") {
    CHECK(tree.names("", {.hidden_files = true, .refuses = {}}) ==
          Names{"#a#", ".git/", ".hidden", ".well-known/", "a", "a.BAK", "a~"});
  }
}

TEST_CASE("read_listing leaves out what the caller refuses") {
  const Tree tree;
  for (const char* name : {"a.php", "b.txt", "c.php/inner"}) tree.write(name);
  ListingRules rules;
  rules.refuses = [](const ListingEntry& entry, std::string_view) {
    return entry.kind == Kind::file && entry.name.ends_with(".php");
  };
  CHECK(tree.names("", rules) == Names{"b.txt", "c.php/"});
}

TEST_CASE("read_listing leaves out what is neither file nor directory") {
  const Tree tree;
  tree.write("file");
  REQUIRE(::mkfifo((tree.top / "root/fifo").c_str(), 0600) == 0);
  CHECK(tree.names("") == Names{"file"});
}

TEST_CASE("read_listing shows what links lead to, as far as the policy follows them") {
  const Tree tree;
  tree.write("sub/file", "12345");
  tree.link("file", "sub/to_file");
  tree.link("../sub", "sub/to_dir");
  tree.link("absent", "sub/dangling");
  tree.link("loop", "sub/loop");
  tree.link("../../outside/secret", "sub/out");
  tree.link(tree.top / "outside/secret", "sub/absolute");
  struct Row {
    std::string name;
    SymlinkPolicy policy;
    Names names;
  };
  const Row rows[] = {
      {"inside", SymlinkPolicy::inside, {"file", "to_dir/", "to_file"}},
      {"deny", SymlinkPolicy::deny, {"file"}},
      {"follow", SymlinkPolicy::follow, {"absolute", "file", "out", "to_dir/", "to_file"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(tree.names("sub", {.symlinks = row.policy, .refuses = {}}) == row.names);
  }
  const Result<Listing> listing = tree.read("sub");
  for (const ListingEntry& entry : listing->entries) {
    if (entry.name == "to_file") CHECK(entry.size == 5);
  }
}

TEST_CASE("read_listing stops at its bound and says whether there was more") {
  const Tree tree;
  for (int i = 0; i < 5; ++i) tree.write("file" + std::to_string(i));
  tree.write(".hidden");
  struct Row {
    std::size_t most;
    std::size_t entries;
    bool truncated;
  };
  for (const Row& row : {Row{4, 4, true}, Row{5, 5, false}, Row{6, 5, false}, Row{0, 0, true}}) {
    CAPTURE(row.most);
    const Result<Listing> listing = tree.read("", {.most_entries = row.most, .refuses = {}});
    REQUIRE(listing);
    CHECK(listing->entries.size() == row.entries);
    CHECK(listing->truncated == row.truncated);
  }
}

TEST_CASE("parse_listing_order understands what the page's links ask for") {
  using Key = ListingOrder::Key;
  struct Row {
    std::string_view query;
    ListingOrder order;
  };
  const Row rows[] = {
      {"", {Key::name, false}},
      {"sort=name&order=asc", {Key::name, false}},
      {"sort=name&order=desc", {Key::name, true}},
      {"sort=size&order=desc", {Key::size, true}},
      {"order=desc&sort=time", {Key::time, true}},
      {"sort=time", {Key::time, false}},
      {"x=1&&sort=size&y", {Key::size, false}},
      {"sort=size&sort=time&order=desc&order=asc", {Key::time, false}},
      {"sort=colour&order=random", {Key::name, false}},
      {"sort=&order=&=", {Key::name, false}},
      {"SORT=size", {Key::name, false}},
      {"sort=size;order=desc", {Key::name, false}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.query);
    CHECK(parse_listing_order(row.query) == row.order);
  }
}

Listing sample() {
  return {{{"b", Kind::file, 10, 300},
           {"A", Kind::file, 20, 200},
           {"a", Kind::file, 10, 200},
           {"c", Kind::file, 30, 100},
           {"y", Kind::directory, 0, 100},
           {"Z", Kind::directory, 0, 100},
           {"x", Kind::directory, 0, 500}},
          false};
}

TEST_CASE("sort_listing puts directories first, then goes by the key, then by the name") {
  struct Row {
    std::string_view order;
    Names names;
  };
  const Row rows[] = {
      {"sort=name", {"x/", "y/", "Z/", "A", "a", "b", "c"}},
      {"sort=name&order=desc", {"Z/", "y/", "x/", "c", "b", "a", "A"}},
      {"sort=size", {"x/", "y/", "Z/", "a", "b", "A", "c"}},
      {"sort=size&order=desc", {"x/", "y/", "Z/", "c", "A", "a", "b"}},
      {"sort=time", {"y/", "Z/", "x/", "c", "A", "a", "b"}},
      {"sort=time&order=desc", {"x/", "y/", "Z/", "b", "A", "a", "c"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.order);
    Listing listing = sample();
    sort_listing(listing, parse_listing_order(row.order));
    CHECK(names_of(listing) == row.names);
  }
}

TEST_CASE("sort_listing gives one order, whatever order the entries came in") {
  const Names names = {"a", "A", "aa", "aA", "a\xff", "\xff", "\x01", "B", "_", "["};
  for (const char* order : {"sort=name", "sort=name&order=desc", "sort=size", "sort=time"}) {
    CAPTURE(order);
    Listing first;
    for (const std::string& name : names) first.entries.push_back({name, Kind::file, 1, 1});
    Listing rotated = first;
    sort_listing(first, parse_listing_order(order));
    for (std::size_t i = 0; i < names.size(); ++i) {
      std::rotate(rotated.entries.begin(), rotated.entries.begin() + 1, rotated.entries.end());
      Listing again = rotated;
      std::reverse(again.entries.begin(), again.entries.begin() + static_cast<std::ptrdiff_t>(i));
      sort_listing(again, parse_listing_order(order));
      CHECK(names_of(again) == names_of(first));
    }
  }
}

TEST_CASE("choose_listing_format gives JSON only to those who prefer it") {
  struct Row {
    std::string name;
    std::vector<std::string_view> lines;
    ListingFormat format;
  };
  constexpr ListingFormat kHtml = ListingFormat::html;
  constexpr ListingFormat kJson = ListingFormat::json;
  const Row rows[] = {
      {"no Accept", {}, kHtml},
      {"anything", {"*/*"}, kHtml},
      {"nothing", {""}, kHtml},
      {"neither", {"image/png"}, kHtml},
      {"a browser",
       {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"},
       kHtml},
      {"JSON", {"application/json"}, kJson},
      {"JSON or anything", {"application/json, text/plain, */*"}, kJson},
      {"any application", {"application/*"}, kJson},
      {"both alike", {"application/json, text/html"}, kHtml},
      {"HTML rather", {"application/json;q=0.8, text/html;q=0.9"}, kHtml},
      {"JSON rather", {"text/html;q=0.8, application/json;q=0.9"}, kJson},
      {"JSON rather, on two lines", {"text/html;q=0.8", "application/json;q=0.9"}, kJson},
      {"JSON less than anything", {"application/json;q=0.5, */*;q=0.6"}, kHtml},
      {"JSON named, HTML by its kind", {"text/*, application/json"}, kJson},
      {"no HTML", {"text/html;q=0, */*;q=0.1"}, kJson},
      {"no JSON", {"application/json;q=0"}, kHtml},
      {"a type built on JSON", {"application/ld+json"}, kHtml},
      {"malformed", {"application/json;q=1.5"}, kHtml},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    std::vector<http::Field> fields;
    for (const std::string_view line : row.lines) {
      fields.push_back({http::FieldName::accept, "Accept", line});
    }
    CHECK(choose_listing_format(http::FieldList(fields)) == row.format);
  }
}

}  // namespace
}  // namespace uvhttpd::tests
