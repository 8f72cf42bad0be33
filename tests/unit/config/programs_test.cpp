// SPDX-License-Identifier: MIT
// tests/unit/config/programs_test.cpp: which files of a site are programs.
#include "config/programs.h"

#include <doctest/doctest.h>

#include "unit/config/support.h"

namespace uvhttpd::config::tests {
namespace {

using Names = std::vector<std::string>;

Site site_of(std::string_view routes) {
  return config_of(std::string(kSite) + std::string(routes)).sites[0];
}

TEST_CASE("A site without routes of programs has no programs") {
  const Site site = site_of("[[site.route]]\npath = \"*.php\"\nhandler = \"static\"\n");
  CHECK(program_types(site).empty());
  CHECK(program_places(site).empty());
}

TEST_CASE("Extensions of programs are those of patterns and interpreters, each once") {
  const Site site = site_of(R"(
[[site.route]]
path = "*.PHP"
handler = "cgi"
[[site.route]]
path = "/app/*.fcgi"
handler = "cgi"
[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
interpreter = { ".py" = "/usr/bin/python3", ".php" = "/usr/bin/php-cgi" }
[[site.route]]
path = "/one"
handler = "cgi"
program = "/usr/bin/one.sh"
)");
  const std::string root = site.files.root;
  CHECK(program_types(site) ==
        std::vector<ProgramType>{{".php", root}, {".fcgi", root}, {".py", root}});
}

TEST_CASE("Scripts behind a socket count by what ends their names, where there can be any") {
  struct Row {
    const char* name;
    const char* route;
    std::vector<ProgramType> types;
    Names places;
  };
  const std::string root = "/srv/www";
  const Row rows[] = {
      {"files of the site", "path = \"/app/*\"\nhandler = \"fastcgi\"", {{".php", root}}, {}},
      {"own root",
       "path = \"/app/*\"\nhandler = \"fastcgi\"\nroot = \"/srv/app\"\nsplit = \".PHP5\"",
       {{".php5", "/srv/app"}},
       {}},
      {"root on another machine",
       "path = \"*.php\"\nhandler = \"fastcgi\"\nroot = \"/app\"\nlocal_files = false",
       {{".php", "/app"}, {".php", root}},
       {}},
      {"extension of the pattern", "path = \"*.py\"\nhandler = \"scgi\"", {{".py", root}}, {}},
      {"application of its own", "path = \"/*\"\nhandler = \"scgi\"\nsplit = \"\"", {}, {}},
      {"script that answers for others",
       "path = \"/*\"\nhandler = \"fastcgi\"\nscript = \"/bin/front\"",
       {{".php", root}},
       {root + "/bin/front"}},
      {"proxy", "path = \"*.php\"\nhandler = \"proxy\"", {}, {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const bool is_http = std::string_view(row.name) == "proxy";
    const Site site = site_of("[[site.route]]\n" + std::string(row.route) + "\nupstream = \"" +
                              (is_http ? "http://" : "") + "127.0.0.1:9000\"\n");
    CHECK(program_types(site) == row.types);
    CHECK(program_places(site) == row.places);
  }
}

TEST_CASE("Places of programs are the routes' own directories and single programs, each once") {
  const Site site = site_of(R"(
[[site.route]]
path = "*.php"
handler = "cgi"
[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin/"
[[site.route]]
path = "/bin/*"
handler = "cgi"
root = "/etc/uvhttpd/cgi-bin"
[[site.route]]
path = "/one"
handler = "cgi"
program = "/usr/bin/one.sh"
[[site.route]]
path = "/app/*.sh"
handler = "cgi"
root = "/etc/uvhttpd/app"
[[site.route]]
path = "/tools/*"
handler = "cgi"
[[site.route]]
path = "/single"
handler = "cgi"
[[site.route]]
path = "/docs/*"
handler = "static"
root = "/usr/share/doc"
)");
  CHECK(program_places(site) == Names{"/etc/uvhttpd/cgi-bin", "/usr/bin/one.sh",
                                      site.files.root + "/tools", site.files.root + "/single"});
}

}  // namespace
}  // namespace uvhttpd::config::tests
