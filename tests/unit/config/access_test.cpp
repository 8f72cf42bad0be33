// SPDX-License-Identifier: MIT
// tests/unit/config/access_test.cpp: faults of who may have an answer and how often, and what a
// route takes over from its site.
#include <doctest/doctest.h>

#include "config/values.h"
#include "unit/config/support.h"

namespace uvhttpd::config::tests {
namespace {

struct Row {
  const char* name;
  const char* text;
  const char* fault;
};

// Each text stands behind `before`.
void check_rows(const std::string& before, const auto& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(faults_of(before + row.text) == row.fault);
  }
}

void check_site_rows(const auto& rows) { check_rows(std::string(kSite), rows); }

TEST_CASE("Faults of networks that are let in or not") {
  constexpr Row kRows[] = {
      {"string", "allow = \"10.0.0.0/8\"",
       "3:9+12 `allow` must be an array of strings, not a string (write it in brackets: "
       "[\"...\"])"},
      {"no address", "deny = [\"example.org\"]",
       "3:9+13 `deny` has something that is no address or network: `example.org` (\"10.0.0.0/8\", "
       "\"2001:db8::/32\", or one address without brackets)"},
      {"all", "deny = [\"all\"]",
       "3:9+5 `deny` has something that is no address or network: `all` (\"0.0.0.0/0\" and "
       "\"::/0\" are all addresses)"},
      {"bits behind the prefix", "allow = [\"10.0.0.1\", \"10.1.2.3/8\"]",
       "3:22+12 `allow` has a network with bits behind its prefix: `10.1.2.3/8` (did you mean "
       "\"10.0.0.0/8\"?)"},
      {"twice", "allow = [\"::1\", \"0::1/128\"]", "3:17+10 `allow` names `::1` twice"},
      {"one in both", "allow = [\"::1\"]\ndeny = [\"::1\"]", ""},
      {"misspelt", "alow = []", "3:1+4 unknown key `alow` in [[site]] (did you mean `allow`?)"},
  };
  check_site_rows(kRows);
}

TEST_CASE("Faults of authentication") {
  constexpr Row kRows[] = {
      {"true", "auth = true", "3:8+4 `auth` must be a table or false, not true"},
      {"file", "auth = \"users\"", "3:8+7 `auth` must be a table or false, not a string"},
      {"no users", "auth = { realm = \"r\" }",
       "3:8+15 `auth` needs `users`, a file of names and passwords (`uvhttpd passwd NAME` prints a "
       "line of it)"},
      {"users without a name", "auth = { users = \"\" }",
       "3:18+2 `users` must not be empty (leave it out)"},
      {"empty realm", "auth = { realm = \"\", users = \"/u\" }",
       "3:18+2 `realm` must not be empty (people are asked with it)"},
      {"realm with a line end", "auth = { realm = \"a\\nb\", users = \"/u\" }",
       "3:18+6 `realm` has a control character in it, which no field value may have"},
      {"misspelt", "auth = { user = \"/u\", users = \"/u\" }",
       "3:10+4 unknown key `user` in `auth` (did you mean `users`?)"},
      {"off", "auth = false", ""},
  };
  check_site_rows(kRows);
}

TEST_CASE("Faults of rates") {
  constexpr Row kRows[] = {
      {"number", "rate_limit = 10", "3:14+2 `rate_limit` must be a table or false, not an integer"},
      {"nothing in it", "rate_limit = {}",
       "3:14+2 `rate_limit` needs `requests` (requests = 10, per = \"1s\")"},
      {"no requests", "rate_limit = { requests = 0 }",
       "3:27+1 `requests` must be 1 to 1000000000, not 0"},
      {"no time", "rate_limit = { requests = 1, per = 0 }",
       "3:36+1 `per` must be 1ms to 24h, not 0s"},
      {"no burst", "rate_limit = { requests = 1, burst = 0 }",
       "3:38+1 `burst` must be 1 to 1000000000, not 0"},
      {"misspelt client", "rate_limit = { requests = 1, key = \"cleint\" }",
       "3:36+8 `key` must be \"client\" or \"header:NAME\", not `cleint` (did you mean "
       "\"client\"?)"},
      {"field without a word", "rate_limit = { requests = 1, key = \"X-Key\" }",
       "3:36+7 `key` must be \"client\" or \"header:NAME\", not `X-Key` (a field is written as "
       "\"header:X-Key\")"},
      {"another word", "rate_limit = { requests = 1, key = \"cookie:a\" }",
       "3:36+10 `key` must be \"client\" or \"header:NAME\", not `cookie:a`"},
      {"field without a name", "rate_limit = { requests = 1, key = \"header:\" }",
       "3:36+9 `key` must name a header after the `:`, not ``"},
      {"field that is none", "rate_limit = { requests = 1, key = \"header:a b\" }",
       "3:36+12 `key` must name a header after the `:`, not `a b`"},
      {"misspelt", "rate_limit = { request = 1, requests = 1 }",
       "3:16+7 unknown key `request` in `rate_limit` (did you mean `requests`?)"},
      {"octets", "send_rate = \"fast\"",
       "3:13+6 `send_rate` is no size: `fast` (a number of bytes, or a number with B, KB, MB, GB, "
       "KiB, MiB or GiB: \"16KiB\")"},
      {"off", "rate_limit = false", ""},
  };
  check_site_rows(kRows);
}

TEST_CASE("Faults of access are found in routes, too") {
  const std::string route = "[[site.route]]\npath = \"/a\"\nhandler = \"respond\"\n";
  constexpr Row kRows[] = {
      {"network", "deny = [\"x\"]",
       "6:9+3 `deny` has something that is no address or network: `x` (\"10.0.0.0/8\", "
       "\"2001:db8::/32\", or one address without brackets)"},
      {"authentication", "auth = 1", "6:8+1 `auth` must be a table or false, not an integer"},
      {"rate", "rate_limit = true", "6:14+4 `rate_limit` must be a table or false, not true"},
      {"octets", "send_rate = -1", "6:13+2 `send_rate` must not be negative"},
      {"places of another handler", "readable = []",
       "6:1+8 `readable` is a key of the handler \"cgi\", not of \"respond\""},
      {"certificates", "tls = {}", "6:1+3 unknown key `tls` in [[site.route]]"},
  };
  check_rows(std::string(kSite) + route, kRows);
}

TEST_CASE("Faults of what programs may reach") {
  const std::string route = "[[site.route]]\npath = \"/a\"\nhandler = \"cgi\"\n";
  constexpr Row kRows[] = {
      {"string", "readable = \"/a\"",
       "6:12+4 `readable` must be an array of strings, not a string (write it in brackets: "
       "[\"...\"])"},
      {"empty", "writable = [\"\"]", "6:13+2 `writable` must not be empty (leave it out)"},
      {"twice", "writable = [\"/a\", \"/a/\"]", "6:19+5 `writable` names `/a` twice"},
      {"network", "network = \"tcp\"", "6:11+5 `network` must be true or false, not a string"},
      {"misspelt", "writeable = []",
       "6:1+9 unknown key `writeable` in [[site.route]] (did you mean `writable`?)"},
  };
  check_rows(std::string(kSite) + route, kRows);
}

struct OwnRules {
  const char* name;
  std::string site;     // behind its root
  std::string earlier;  // a route, and all before it
  std::string later;    // behind `path = "/staff/*"`
  std::string fault;    // after "LINE:COLUMN+LENGTH "
};

std::string lost(const std::string& keys, const std::string& line) {
  return "warning: " + keys + " not hold for `/staff/*.php`: `*.php` before it takes them (the " +
         "other is in line " + line +
         ": give it the same, or put a route for `/staff/*.php` that has it in front)";
}

// Without where it stands; only one.
std::string fault_of_rules(const OwnRules& row) {
  const std::string fault =
      faults_of(std::string(kSite) + row.site + row.earlier +
                "[[site.route]]\npath = \"/staff/*\"\nhandler = \"static\"\n" + row.later);
  return fault.empty() ? fault : fault.substr(fault.find(' ') + 1);
}

const std::string kAuthLost = lost("`auth` of this route does", "4");
const std::string kPhp = "[[site.route]]\npath = \"*.php\"\nhandler = \"cgi\"\n";
const std::string kStaffPhp = "[[site.route]]\npath = \"/staff/*.php\"\nhandler = \"cgi\"\n";
const std::string kAuth = "auth = { users = \"/u\" }\n";

TEST_CASE("Rules of a route that an earlier one for an extension does without are a warning") {
  const OwnRules rows[] = {
      {"auth", "", kPhp, kAuth, kAuthLost},
      {"other users", "", kPhp + "auth = { users = \"/all\" }\n", kAuth, kAuthLost},
      {"other users than the site's", "auth = { users = \"/all\" }\n", kPhp, kAuth,
       lost("`auth` of this route does", "5")},
      {"allow", "", kPhp, "allow = [\"::1\"]\n", lost("`allow` of this route does", "4")},
      {"deny", "allow = [\"::1\"]\n", kPhp, "deny = [\"::2\"]\n",
       lost("`deny` of this route does", "5")},
      {"other allow", "", kPhp + "allow = [\"::2\"]\n", "allow = [\"::1\"]\n",
       lost("`allow` of this route does", "4")},
      {"all", "", kPhp, kAuth + "allow = [\"::1\"]\ndeny = [\"::2\"]\n",
       lost("`auth`, `allow` and `deny` of this route do", "4")},
      {"one of two", "", kPhp + kAuth, kAuth + "deny = [\"::2\"]\n",
       lost("`deny` of this route does", "4")},
      {"for one of the methods", "", kPhp + "methods = [\"GET\", \"POST\"]\n", kAuth, kAuthLost},
      {"another route before for other methods", "",
       kStaffPhp + "methods = [\"GET\"]\n" + kAuth + kPhp, kAuth,
       lost("`auth` of this route does", "9")},
      {"another route before that runs nothing", "",
       "[[site.route]]\npath = \"/staff/*.php\"\nhandler = \"static\"\n" + kAuth + kPhp, kAuth,
       lost("`auth` of this route does", "8")},
      {"in the same directory", "", kStaffPhp, kAuth,
       "warning: `auth` of this route does not hold for `/staff/*.php`: `/staff/*.php` before it "
       "takes them (the other is in line 4: give it the same)"},
      {"files, too", "", "[[site.route]]\npath = \"*.pdf\"\nhandler = \"static\"\n", kAuth,
       "warning: `auth` of this route does not hold for `/staff/*.pdf`: `*.pdf` before it takes "
       "them (the other is in line 4: give it the same, or put a route for `/staff/*.pdf` that has "
       "it in front)"},
  };
  for (const OwnRules& row : rows) {
    CAPTURE(row.name);
    CHECK(fault_of_rules(row) == row.fault);
  }
}

TEST_CASE("Rules of a route that no earlier one does without by chance are no warning") {
  const OwnRules rows[] = {
      {"none", "", kPhp, "", ""},
      {"of the site", kAuth, kPhp, "", ""},
      {"as of the site", kAuth, kPhp, kAuth, ""},
      {"fewer than the site's", kAuth + "deny = [\"::2\"]\n", kPhp, "auth = false\n", ""},
      {"both have them", "", kPhp + kAuth + "allow = [\"::2\", \"::1\"]\n",
       kAuth + "allow = [\"::1\", \"::2\"]\n", ""},
      {"another realm", "", kPhp + "auth = { realm = \"r\", users = \"/u\" }\n", kAuth, ""},
      {"no auth on purpose", "", kPhp + "auth = false\n", kAuth, ""},
      {"everybody on purpose", "", kPhp + "allow = []\n", "allow = [\"::1\"]\n", ""},
      {"other methods", "", kPhp + "methods = [\"POST\"]\n", "methods = [\"GET\"]\n" + kAuth, ""},
      {"another route before", "", kStaffPhp + kAuth + kPhp, kAuth, ""},
      {"another directory before", "",
       "[[site.route]]\npath = \"/staff/*\"\nmethods = [\"POST\"]\nhandler = \"cgi\"\n" + kAuth +
           kPhp + "methods = [\"POST\"]\n",
       kAuth, ""},
      {"a directory below", "", "[[site.route]]\npath = \"/staff/open/*.php\"\nhandler = \"cgi\"\n",
       kAuth, ""},
      {"a directory beside", "", "[[site.route]]\npath = \"/open/*.php\"\nhandler = \"cgi\"\n",
       kAuth, ""},
      {"nothing of the directory", "",
       "[[site.route]]\npath = \"*.php\"\nhandler = \"respond\"\nstatus = 404\n", kAuth, ""},
      {"a path", "", "[[site.route]]\npath = \"/staff/open\"\nhandler = \"cgi\"\n", kAuth, ""},
  };
  for (const OwnRules& row : rows) {
    CAPTURE(row.name);
    CHECK(fault_of_rules(row) == row.fault);
  }
}

TEST_CASE("The warning stands at the path of the route whose rules do not hold") {
  const std::string text = std::string(kSite) +
                           "[[site.route]]\npath = \"*.php\"\nhandler = \"cgi\"\n"
                           "[[site.route]]\npath = \"*.cgi\"\nhandler = \"cgi\"\n"
                           "[[site.route]]\npath = \"/*\"\nhandler = \"static\"\n"
                           "deny = [\"::1\"]\n";
  CHECK(faults_of(text) ==
        "10:8+4 warning: `deny` of this route does not hold for `*.php`: `*.php` before it takes "
        "them (the other is in line 4: give it the same)\n"
        "10:8+4 warning: `deny` of this route does not hold for `*.cgi`: `*.cgi` before it takes "
        "them (the other is in line 7: give it the same)");
}

TEST_CASE("A site sends as fast as the limits say where it says nothing, and so do its routes") {
  const Config config = config_of("[limits]\nsend_rate = \"1KiB\"\n" + std::string(kSite) +
                                  "[[site]]\nhosts = [\"a\"]\nroot = \"/b\"\nsend_rate = 0\n");
  CHECK(config.sites[0].send_rate == 1024);
  CHECK(config.sites[0].routes[0].send_rate == 1024);
  CHECK(config.sites[1].send_rate == 0);
  CHECK(config.sites[1].routes[0].send_rate == 0);
}

TEST_CASE("The route that is added for the files has the access rules of its site") {
  const Site site = config_of(std::string(kSite) +
                              "allow = [\"127.0.0.1\"]\nauth = { users = \"/u\" }\n"
                              "rate_limit = { requests = 3 }\n")
                        .sites[0];
  REQUIRE(site.routes.size() == 1);
  const Route& added = site.routes[0];
  REQUIRE(added.access.allow.size() == 1);
  CHECK(format_network(added.access.allow[0]) == "127.0.0.1");
  CHECK(added.auth == Auth{"Restricted", "/u"});
  CHECK(added.rate_limit == RateLimit{3, milliseconds(1000), 3, ""});
}

TEST_CASE("The lines of keys are those of the route, or else of its site") {
  const Config config = config_of(R"([[site]]
root = "/srv/www"
allow = ["::1"]
rate_limit = { requests = 1 }
body_bytes = 1
redirect_https = true
[[site.route]]
path = "/a"
handler = "static"
deny = ["::1"]
body_bytes = 2
)");
  const Site& site = config.sites.front();
  CHECK(site.redirect_https_line == 6);
  CHECK(site.key_lines.allow == 3);
  CHECK(site.key_lines.deny == 0);
  CHECK(site.key_lines.body_bytes == 5);
  const KeyLines& own = site.routes.front().key_lines;
  CHECK(own.allow == 0);
  CHECK(own.deny == 10);
  CHECK(own.rate_limit == 4);
  CHECK(own.body_bytes == 11);
  CHECK(site.routes.back().key_lines.allow == 3);
}

}  // namespace
}  // namespace uvhttpd::config::tests
