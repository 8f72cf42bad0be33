// SPDX-License-Identifier: MIT
// unit/handlers/script_path_test.cpp: which script a path asks for, in tables.
#include "handlers/wire/script_path.h"

#include <doctest/doctest.h>

#include "config/values.h"
#include "server/site.h"

namespace uvhttpd::wire {
namespace {

using Scripts = std::vector<ScriptPath>;

struct Row {
  const char* name;
  const char* pattern;
  std::string path;
  Scripts scripts;
};

template <std::size_t size>
void check(const config::ScriptRules& rules, const Row (&rows)[size]) {
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto pattern = config::parse_pattern(row.pattern);
    REQUIRE(pattern);
    std::string_view matched;
    REQUIRE(path_matches(*pattern, row.path, true, matched));
    const Scripts scripts = find_scripts(rules, *pattern, row.path, matched);
    std::string seen;
    for (const ScriptPath& script : scripts) {
      seen += "[" + script.script_name + "|" + script.path_info + "|" + script.file + "]";
    }
    CAPTURE(seen);
    CHECK(scripts == row.scripts);
  }
}

config::ScriptRules rules_of_site() {
  config::ScriptRules rules;
  rules.root = "/srv/www";
  return rules;
}

}  // namespace

TEST_CASE("the first segment with the extension is the script, what follows it PATH_INFO") {
  const Row rows[] = {
      {"a script", "*.php", "/a.php", {{"/a.php", "", "a.php"}}},
      {"below", "*.php", "/a/b.php", {{"/a/b.php", "", "a/b.php"}}},
      {"PATH_INFO", "*.php", "/a.php/b/c", {{"/a.php", "/b/c", "a.php"}}},
      {"only a slash", "*.php", "/a.php/", {{"/a.php", "/", "a.php"}}},
      {"the first of two", "*.php", "/a.php/b.php", {{"/a.php", "/b.php", "a.php"}}},
      {"the extension twice", "*.php", "/a.php.php", {{"/a.php.php", "", "a.php.php"}}},
      {"a longer extension before",
       "*.php",
       "/a.phps/b.php",
       {{"/a.phps/b.php", "", "a.phps/b.php"}}},
      {"the case matters", "/*", "/A.PHP", {{"", "/A.PHP", ""}}},
      {"a prefix that is not the root",
       "/docs/*",
       "/docs/a.php",
       {{"/docs/a.php", "", "docs/a.php"}}},
      {"a directory with the extension of a route",
       "/docs/*.php",
       "/docs/a.php/x",
       {{"/docs/a.php", "/x", "docs/a.php"}}},
      {"exactly one path", "/a.php", "/a.php", {{"/a.php", "", "a.php"}}},
      {"an octet that is no letter",
       "*.php",
       "/\xff.php/\xfe",
       {{"/\xff.php", "/\xfe", "\xff.php"}}},
  };
  check(rules_of_site(), rows);
}

TEST_CASE("a path that ends in a slash asks for an index") {
  config::ScriptRules rules = rules_of_site();
  rules.index = {"index.php", "home.php"};
  const Row rows[] = {
      {"the root",
       "/*",
       "/",
       {{"/index.php", "", "index.php"}, {"/home.php", "", "home.php"}, {"", "/", ""}}},
      {"a directory, which may be no application",
       "/docs/",
       "/docs/",
       {{"/docs/index.php", "", "docs/index.php"}, {"/docs/home.php", "", "docs/home.php"}}},
      {"no slash", "/docs", "/docs", {}},
  };
  check(rules, rows);
  rules.local_files = false;
  const Row blind[] = {{"the first", "/*", "/docs/", {{"/docs/index.php", "", "docs/index.php"}}}};
  check(rules, blind);
}

TEST_CASE("the front controller is given what no script is there for") {
  config::ScriptRules rules = rules_of_site();
  rules.script = "/index.php";
  const Row rows[] = {
      {"no script", "/*", "/news/1", {{"/index.php", "/news/1", "index.php"}}},
      {"an index first",
       "/*",
       "/news/",
       {{"/news/index.php", "", "news/index.php"}, {"/index.php", "/news/", "index.php"}}},
      {"a script first",
       "/*",
       "/a.php/b",
       {{"/a.php", "/b", "a.php"}, {"/index.php", "/a.php/b", "index.php"}}},
      {"a route below", "/blog/*", "/blog/x", {{"/index.php", "/blog/x", "index.php"}}},
  };
  check(rules, rows);
  rules.local_files = false;
  const Row blind[] = {
      {"a script is believed", "/*", "/a.php/b", {{"/a.php", "/b", "a.php"}}},
      {"an index is not", "/*", "/news/", {{"/index.php", "/news/", "index.php"}}},
  };
  check(rules, blind);
}

TEST_CASE("a root of the route's own stands for what its star matched") {
  config::ScriptRules rules = rules_of_site();
  rules.own_root = true;
  rules.script = "/index.php";
  const Row rows[] = {
      {"a script",
       "/blog/*",
       "/blog/a.php/b",
       {{"/blog/a.php", "/b", "a.php"}, {"/blog/index.php", "/a.php/b", "index.php"}}},
      {"an index",
       "/blog/*",
       "/blog/",
       {{"/blog/index.php", "", "index.php"}, {"/blog/index.php", "/", "index.php"}}},
      {"the prefix without its slash", "/blog/*", "/blog", {{"/blog/index.php", "/", "index.php"}}},
      {"a prefix that looks like a script",
       "/v.php/*",
       "/v.php/x",
       {{"/v.php/index.php", "/x", "index.php"}}},
      {"a pattern without a prefix",
       "*.php",
       "/blog/a.php",
       {{"/blog/a.php", "", "blog/a.php"}, {"/index.php", "/blog/a.php", "index.php"}}},
  };
  check(rules, rows);
}

TEST_CASE("hidden names are not looked for, but may be in PATH_INFO") {
  config::ScriptRules rules = rules_of_site();
  const Row rows[] = {
      {"a hidden script", "*.php", "/.a.php", {}},
      {"nothing but the extension", "*.php", "/x/.php", {}},
      {"a hidden directory", "*.php", "/.git/a.php/x", {}},
      {"an index in one", "/.git/", "/.git/", {}},
      {"behind the script", "*.php", "/a.php/.b", {{"/a.php", "/.b", "a.php"}}},
      {"an application", "/*", "/.well-known/a", {{"", "/.well-known/a", ""}}},
  };
  check(rules, rows);
  rules.script = "/index.php";
  const Row front[] = {
      {"a front controller",
       "/*",
       "/.well-known/a.php",
       {{"/index.php", "/.well-known/a.php", "index.php"}}},
  };
  check(rules, front);
}

TEST_CASE("a program that is all there is has the pattern's prefix for SCRIPT_NAME") {
  const Row rows[] = {
      {"everything", "/*", "/a/b.php", {{"", "/a/b.php", ""}}},
      {"the root", "/*", "/", {{"", "/", ""}}},
      {"a prefix", "/app/*", "/app/a/", {{"/app", "/a/", ""}}},
      {"the prefix", "/app/*", "/app/", {{"/app", "/", ""}}},
      {"the prefix without its slash", "/app/*", "/app", {{"/app", "", ""}}},
      {"exactly", "/app", "/app", {{"/app", "", ""}}},
      {"exactly a directory", "/app/", "/app/", {{"/app", "/", ""}}},
      {"an extension", "*.py", "/a/b.py/c", {{"/a/b.py", "/c", ""}}},
      {"an extension below", "/x.py/*.py", "/x.py/b.py/c", {{"/x.py/b.py", "/c", ""}}},
  };
  check(config::ScriptRules{}, rows);
  config::ScriptRules rules = rules_of_site();
  rules.split.clear();
  rules.script = "/index.php";
  check(rules, rows);
}

TEST_CASE("a route with a root and a prefix may be an application all the same") {
  const Row rows[] = {
      {"no script", "/app/*", "/app/a", {{"/app", "/a", ""}}},
      {"not for a script that may be missing",
       "/app/*",
       "/app/a.php",
       {{"/app/a.php", "", "app/a.php"}}},
  };
  check(rules_of_site(), rows);
}

}  // namespace uvhttpd::wire
