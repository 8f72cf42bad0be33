// SPDX-License-Identifier: MIT
// unit/handlers/served_names_test.cpp: which names are not given away, and what the log says of it.
#include "handlers/served_names.h"

#include <doctest/doctest.h>

#include "unit/handlers/built_handlers.h"

namespace uvhttpd::tests {
namespace {

TEST_CASE("has_hidden_segment looks at each segment") {
  CHECK(has_hidden_segment(".a"));
  CHECK(has_hidden_segment("a/.b"));
  CHECK(has_hidden_segment("a/.b/"));
  CHECK(has_hidden_segment(".well-known.bak"));
  CHECK_FALSE(has_hidden_segment(""));
  CHECK_FALSE(has_hidden_segment("a.b/c."));
  CHECK_FALSE(has_hidden_segment(".well-known/a"));
}

TEST_CASE("ServedNames refuses what the configuration hides, and names the key") {
  const std::string routes =
      "[[site.route]]\npath = \"*.php\"\nhandler = \"cgi\"\nroot = \"/srv\"\n"
      "[[site.route]]\npath = \"/cgi-bin/*\"\nhandler = \"cgi\"\nroot = \"/srv/cgi-bin\"\n"
      "interpreter = { \".Py\" = \"/usr/bin/python3\" }\n";
  const auto config = config_of("[[site]]\nroot = \"/srv\"\n" + routes);
  struct Row {
    std::string path;
    std::string key;  // "": served
  };
  const Row rows[] = {
      {"", ""},
      {"a.html", ""},
      {"docs/a.txt", ""},
      {".env", "hidden_files"},
      {"a/.git/config", "hidden_files"},
      {".well-known/acme", ""},
      {"a.html~", "hidden_files"},
      {"docs/#a.html#", "hidden_files"},
      {"a.php.bak", "hidden_files"},
      {"a~/b.html", ""},
      {"x.php", "source_files"},
      {"X.PHP", "source_files"},
      {"docs/x.php", "source_files"},
      {"x.php.gz", "source_files"},
      {"x.php.gz.br", "source_files"},
      {"x.py", "source_files"},
      {"x.phpx", ""},
      {"php", ""},
      {"cgi-bin", "source_files"},
      {"cgi-bin/", "source_files"},
      {"cgi-bin/lib/data.txt", "source_files"},
      {"cgi-binary/x", ""},
  };
  const auto starts_with_key = [](const std::string& why, const std::string& key) {
    return key.empty() ? why.empty() : why.starts_with(key + ": ");
  };
  SUBCASE("by default") {
    const ServedNames names(config->sites[0].files, config->sites[0], "/srv");
    for (const Row& row : rows) {
      CAPTURE(row.path);
      CHECK(starts_with_key(names.refusal(row.path), row.key));
    }
  }
  SUBCASE("of what is not known to be a file, only its place and its hidden segments count") {
    const ServedNames names(config->sites[0].files, config->sites[0], "/srv");
    CHECK(names.refusal_of_any("x.php").empty());
    CHECK(names.refusal_of_any("a~").empty());
    CHECK_FALSE(names.refusal_of_any(".git").empty());
    CHECK_FALSE(names.refusal_of_any("cgi-bin/").empty());
  }
  SUBCASE("where the root is the programs' own directory, places say nothing") {
    const ServedNames names(config->sites[0].files, config->sites[0], "/srv/cgi-bin");
    CHECK(names.refusal("data.txt").empty());
    CHECK_FALSE(names.refusal("x.py").empty());
  }
  SUBCASE("not when all is to be served") {
    config::FileRules rules = config->sites[0].files;
    rules.hidden_files = rules.source_files = true;
    const ServedNames names(rules, config->sites[0], "/srv");
    for (const Row& row : rows) {
      CAPTURE(row.path);
      CHECK(names.refusal(row.path).empty());
    }
  }
}

}  // namespace
}  // namespace uvhttpd::tests
