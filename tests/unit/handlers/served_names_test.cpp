// SPDX-License-Identifier: MIT
// unit/handlers/served_names_test.cpp: which names are not given away, and what the log says of it.
#include "handlers/served_names.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "unit/handlers/built_handlers.h"

namespace uvhttpd::tests {
namespace {

TEST_CASE("Every segment may hide what is below it") {
  const auto config = config_of("[[site]]\nroot = \"/srv\"\n");
  const ServedNames names(config->sites[0].files, ProgramFiles(*config), "/srv");
  for (const char* path : {".a", "a/.b", "a/.b/", ".well-known.bak", "a/.b/c"}) {
    CAPTURE(path);
    CHECK_FALSE(names.refusal_of_any(path).empty());
  }
  for (const char* path : {"", "a.b/c.", ".well-known/a"}) {
    CAPTURE(path);
    CHECK(names.refusal_of_any(path).empty());
  }
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
      {"x.php.br.gz", "source_files"},
      {"x.php.gz.gz", "source_files"},
      {"x.py", "source_files"},
      {"x.phpx", ""},
      {"x.php.old", "source_files"},
      {"x.php-bak2", "source_files"},
      {"x.php_", "source_files"},
      {"x.php.1", "source_files"},
      {"x.php.dist.gz", "source_files"},
      {"a.php.b.php", "source_files"},
      {"install.php-fpm.html", ""},
      {"x.php.txt", ""},
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
    const ServedNames names(config->sites[0].files, ProgramFiles(*config), "/srv");
    for (const Row& row : rows) {
      CAPTURE(row.path);
      CHECK(starts_with_key(names.refusal(row.path), row.key));
    }
  }
  SUBCASE("of what is not known to be a file, only its place and its hidden segments count") {
    const ServedNames names(config->sites[0].files, ProgramFiles(*config), "/srv");
    CHECK(names.refusal_of_any("x.php").empty());
    CHECK(names.refusal_of_any("a~").empty());
    CHECK_FALSE(names.refusal_of_any(".git").empty());
    CHECK_FALSE(names.refusal_of_any("cgi-bin/").empty());
  }
  SUBCASE("where the root is the programs' own directory, places say nothing") {
    const ServedNames names(config->sites[0].files, ProgramFiles(*config), "/srv/cgi-bin");
    CHECK(names.refusal("data.txt").empty());
    CHECK_FALSE(names.refusal("x.py").empty());
  }
  SUBCASE("not when all is to be served") {
    config::FileRules rules = config->sites[0].files;
    rules.hidden_files = rules.source_files = true;
    const ServedNames names(rules, ProgramFiles(*config), "/srv");
    for (const Row& row : rows) {
      CAPTURE(row.path);
      CHECK(names.refusal(row.path).empty());
    }
  }
}

TEST_CASE("Programs are those of all sites that share files with the root") {
  const auto config = config_of(
      "[[site]]\nhosts = [\"a.example\"]\nroot = \"/srv/a\"\n"
      "[[site.route]]\npath = \"*.php\"\nhandler = \"cgi\"\n"
      "[[site]]\nhosts = [\"b.example\"]\nroot = \"/srv/b\"\n"
      "[[site.route]]\npath = \"*.pl\"\nhandler = \"cgi\"\n"
      "[[site.route]]\npath = \"/bin/*\"\nhandler = \"cgi\"\nroot = \"/srv/a/bin\"\n"
      "[[site]]\nroot = \"/srv/a\"\n");
  const ServedNames names(config->sites[2].files, ProgramFiles(*config), "/srv/a");
  CHECK(names.refusal("x.php").starts_with("source_files"));
  CHECK(names.refusal("bin/x").starts_with("source_files"));
  CHECK(names.refusal("x.pl").empty());
}

TEST_CASE("The real place of a program counts, and a new object is due when it has moved") {
  TempDir root;
  root.write("releases/v1/prog", "1");
  root.write("releases/v2/prog", "2");
  std::filesystem::create_symlink("releases/v1", root / "app");
  const auto config = config_of("[[site]]\nroot = \"" + root.path() +
                                "\"\n[[site.route]]\npath = \"/run/*\"\nhandler = \"cgi\"\n"
                                "root = \"" +
                                (root / "app") + "\"\n");
  ProgramFiles programs(*config);
  const ServedNames before(config->sites[0].files, programs, root.path());
  CHECK_FALSE(before.refusal_of_real(root / "releases/v1/prog", false).empty());
  CHECK_FALSE(before.refusal_of_real((root / "releases/v1/prog") + " (deleted)", false).empty());
  CHECK(before.refusal_of_real(root / "releases/v2/prog", false).empty());
  const Duration interval{1'000};
  programs.look_again(TimePoint(Duration{5'000}), interval);
  CHECK(programs.generation() == 0);
  std::filesystem::remove(root / "app");
  std::filesystem::create_symlink("releases/v2", root / "app");
  programs.look_again(TimePoint(Duration{5'999}), interval);
  CHECK(programs.generation() == 0);
  programs.look_again(TimePoint(Duration{6'000}), interval);
  CHECK(programs.generation() == 1);
  const ServedNames after(config->sites[0].files, programs, root.path());
  CHECK(after.refusal_of_real(root / "releases/v1/prog", false).empty());
  CHECK_FALSE(after.refusal_of_real(root / "releases/v2/prog", false).empty());
}

}  // namespace
}  // namespace uvhttpd::tests
