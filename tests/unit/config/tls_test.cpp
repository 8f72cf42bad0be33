// SPDX-License-Identifier: MIT
// tests/unit/config/tls_test.cpp: faults of certificates, and what does not fit together.
#include <doctest/doctest.h>

#include "config/source.h"
#include "unit/config/support.h"

namespace uvhttpd::config::tests {
namespace {

constexpr std::string_view kListener = "[[listener]]\naddress = \"[::]:443\"\ntls = true\n";
constexpr std::string_view kTls = "tls = { certificate = \"/c\", key = \"/k\" }\n";

struct Row {
  const char* name;
  const char* text;
  const char* fault;
};

TEST_CASE("Faults of certificates and keys") {
  constexpr Row kRows[] = {
      {"true", "tls = true", "3:7+4 `tls` must be a table, not a boolean"},
      {"nothing in it", "tls = {}",
       "3:7+2 `tls` needs `certificate` (certificate = \"fullchain.pem\", key = \"privkey.pem\")\n"
       "3:7+2 `tls` needs `key` (certificate = \"fullchain.pem\", key = \"privkey.pem\")"},
      {"no key", "tls = { certificate = \"/c\" }",
       "3:7+22 `tls` needs `key` (certificate = \"fullchain.pem\", key = \"privkey.pem\")"},
      {"misspelt", "tls = { certificate = \"/c\", key = \"/k\", cert = \"/c\", client = \"/c\" }",
       "3:41+4 unknown key `cert` in `tls`\n3:54+6 unknown key `client` in `tls`"},
      {"misspelt certificate", "tls = { certifcate = \"/c\", key = \"/k\" }",
       "3:7+33 `tls` needs `certificate` (certificate = \"fullchain.pem\", key = "
       "\"privkey.pem\")\n"
       "3:9+10 unknown key `certifcate` in `tls` (did you mean `certificate`?)"},
      {"number", "tls = { certificate = 5, key = false }",
       "3:23+1 `certificate` must be a string or an array of strings, not an integer\n"
       "3:32+5 `key` must be a string or an array of strings, not a boolean"},
      {"empty name", "tls = { certificate = \"\", key = [\"\"] }",
       "3:23+2 `certificate` must not be empty (leave it out)\n"
       "3:34+2 `key` must not be empty (leave it out)"},
      {"no file", "tls = { certificate = [], key = [] }",
       "3:23+2 `certificate` names no file\n3:33+2 `key` names no file"},
      {"file twice", "tls = { certificate = [\"/c\", \"/c\"], key = [\"/k\", \"/./k\"] }",
       "3:30+4 `certificate` names `/c` twice\n3:50+6 `key` names `/k` twice"},
      {"fewer keys", "tls = { certificate = [\"/a\", \"/b\"], key = \"/k\" }",
       "3:43+4 `key` has 1 for the 2 of `certificate` (each certificate has its key at the same "
       "place)"},
      {"more keys", "tls = { certificate = \"/a\", key = [\"/k\", \"/l\"] }",
       "3:35+12 `key` has 2 for the 1 of `certificate` (each certificate has its key at the same "
       "place)"},
      {"many files",
       "tls = { certificate = [\"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\", \"9\"], key "
       "= "
       "[\"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\", \"9\"] }",
       "3:23+45 `certificate` names more than 8 files\n3:76+45 `key` names more than 8 files"},
      {"certificate and key in one file", "tls = { certificate = \"/c\", key = \"/c\" }", ""},
      {"a list of one", "tls = { certificate = [\"/c\"], key = \"/k\" }", ""},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    CHECK(faults_of(std::string(kSite) + row.text + "\n" + std::string(kListener)) == row.fault);
  }
}

TEST_CASE("Faults of what is asked of clients") {
  constexpr Row kRows[] = {
      {"certificate of clients without authorities", "client_certificate = \"required\"",
       "3:62+10 `client_certificate` needs `client_ca`, the authorities that are believed "
       "(client_ca = \"clients.pem\")"},
      {"no authorities", "client_certificate = \"optional\", client_ca = \"\"",
       "3:62+10 `client_certificate` needs `client_ca`, the authorities that are believed "
       "(client_ca = \"clients.pem\")"},
      {"authorities as a list", "client_certificate = \"optional\", client_ca = [\"/a\"]",
       "3:86+6 `client_ca` must be a string, not an array"},
      {"boolean", "client_ca = \"/a\", client_certificate = true",
       "3:80+4 `client_certificate` must be a string, not a boolean"},
      {"misspelt", "client_ca = \"/a\", client_certificate = \"requird\"",
       "3:80+9 `client_certificate` must be one of \"required\", \"optional\", not `requird` (did "
       "you mean \"required\"?)"},
      {"version as a number", "min_version = 1.3",
       "3:55+3 `min_version` must be a string, not a floating-point number"},
      {"old version", "min_version = \"1.1\"",
       "3:55+5 `min_version` must be one of \"1.2\", \"1.3\", not `1.1` (did you mean \"1.2\"?)"},
      {"nothing asked", "client_ca = \"\", hsts = \"\"", ""},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    const std::string text =
        std::string(kSite) + "tls = { certificate = \"/c\", key = \"/k\", " + row.text + " }\n";
    CHECK(faults_of(text + std::string(kListener)) == row.fault);
  }
}

TEST_CASE("Strict-Transport-Security is given as its value, with max-age in seconds") {
  constexpr const char* kForm = " (\"max-age=31536000; includeSubDomains\" is a year)";
  struct Value {
    const char* name;
    const char* text;
    const char* complaint;  // empty: it is good
  };
  constexpr Value kRows[] = {
      {"age", "max-age=0", ""},
      {"all directives", "Max-Age = 31536000 ;includeSubDomains;; PRELOAD;", ""},
      {"duration", "1y", "knows max-age, includeSubDomains and preload, not `1y`"},
      {"number", "31536000", "knows max-age, includeSubDomains and preload, not `31536000`"},
      {"duration as age", "max-age=1y", "must have a number of seconds as `max-age`, not `1y`"},
      {"no age", "includeSubDomains", "needs `max-age`"},
      {"age without a value", "max-age", "must have a number of seconds as `max-age`, not ``"},
      {"negative age", "max-age=-1", "must have a number of seconds as `max-age`, not `-1`"},
      {"misspelt", "max-age=1; includeSubDomain",
       "knows max-age, includeSubDomains and preload, not `includeSubDomain`"},
      {"comma", "max-age=1, preload",
       "must have a number of seconds as `max-age`, not `1, preload`"},
      {"value where none is", "max-age=1; preload=yes",
       "has a value for `preload`, which takes none"},
  };
  for (const Value& row : kRows) {
    CAPTURE(row.name);
    const std::string text = std::string(kSite) +
                             "tls = { certificate = \"/c\", key = \"/k\", hsts = \"" + row.text +
                             "\" }\n" + std::string(kListener);
    const std::string fault = faults_of(text);
    if (*row.complaint == '\0') {
      CHECK(fault == "");
    } else {
      CHECK(fault.ends_with(std::string(" `hsts` ") + row.complaint + kForm));
    }
  }
}

TEST_CASE("A directive of Strict-Transport-Security comes once") {
  CHECK(
      faults_of(std::string(kSite) +
                "tls = { certificate = \"/c\", key = \"/k\", hsts = \"max-age=1; MAX-AGE=2\" }\n" +
                std::string(kListener)) == "3:48+22 `hsts` says `max-age` twice");
}

TEST_CASE("Listeners and sites agree about TLS") {
  const std::string no_site =
      "2:7+4 `tls` needs a certificate, but no site has `tls` (in a [[site]]: tls = { certificate "
      "= \"fullchain.pem\", key = \"privkey.pem\" })";
  const std::string tls(kTls);
  struct Fit {
    const char* name;
    std::string listeners;
    std::string site;  // after its root, in the line 2 behind the listeners
    std::string fault;
  };
  const std::string plain = "[[listener]]\naddress = \"[::]:80\"\n";
  const std::string secure = "[[listener]]\ntls = true\naddress = \"[::]:443\"\n";
  const Fit kRows[] = {
      {"neither", plain, "", ""},
      {"both", secure, tls, ""},
      {"listener only", secure, "", no_site},
      {"listener that says it has none", "[[listener]]\ntls = false\naddress = \"[::]:1\"\n", "",
       ""},
      {"site only", plain, tls,
       "5:7+34 warning: `tls` is of no use here: no listener has `tls = true`"},
      {"one of two sites", secure, "[[site]]\nhosts = [\"a\"]\nroot = \"/a\"\n" + tls, ""},
      {"faulty certificate", secure, "tls = 5", "6:7+1 `tls` must be a table, not an integer"},
      {"faulty listener", "[[listener]]\ntls = 1\naddress = \"[::]:1\"\n", tls,
       "2:7+1 `tls` must be true or false, not an integer"},
      {"redirect to TLS", secure, tls + "redirect_https = true", ""},
      {"redirect to nothing", plain, "redirect_https = true",
       "5:18+4 warning: `redirect_https` leads to where nothing listens: no listener has `tls = "
       "true` (a proxy in front that speaks TLS has to be named in `trusted_proxies`)"},
      {"redirect to a proxy", plain + "trusted_proxies = [\"::1\"]\n", "redirect_https = true", ""},
      {"redirect to a proxy that nobody is", plain + "trusted_proxies = []\n",
       "redirect_https = true",
       "6:18+4 warning: `redirect_https` leads to where nothing listens: no listener has `tls = "
       "true` (a proxy in front that speaks TLS has to be named in `trusted_proxies`)"},
      {"no redirect", plain, "redirect_https = false", ""},
      {"one address with and without", secure + "[[listener]]\naddress = \"[::]:443\"\n", tls,
       "5:11+10 this address is already listened on (the first is in line 3)"},
  };
  for (const Fit& row : kRows) {
    CAPTURE(row.name);
    CHECK(faults_of(row.listeners + std::string(kSite) + row.site) == row.fault);
  }
}

TEST_CASE("A file with warnings alone is in force") {
  const Config config = config_of(std::string(kSite) + std::string(kTls));
  CHECK(config.sites[0].tls.has_value());
}

TEST_CASE("Many warnings are cut short, and none stands in the way of an error") {
  std::string text;
  for (std::size_t i = 0; i < Faults::kMaxShown + 1; ++i) {
    text +=
        "[[site]]\nhosts = [\"h" + std::to_string(i) + "\"]\nroot = \"/\"\nredirect_https = true\n";
  }
  const Loaded good = load_text(text, kPath, false);
  CHECK(good.config.has_value());
  REQUIRE(good.diagnostics.size() == Faults::kMaxShown);
  CHECK(good.diagnostics.back().message == "and 2 more warnings");
  CHECK(good.diagnostics.back().severity == Diagnostic::Severity::warning);
  CHECK(faults_of(text + "[oops]\n") == "805:2+4 unknown key `oops` in the file");
}

}  // namespace
}  // namespace uvhttpd::config::tests
