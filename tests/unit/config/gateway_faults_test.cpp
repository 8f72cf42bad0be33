// SPDX-License-Identifier: MIT
// tests/unit/config/gateway_faults_test.cpp: each fault of routes that hand requests on.
#include <doctest/doctest.h>

#include "unit/config/support.h"

namespace uvhttpd::config::tests {
namespace {

struct Row {
  const char* name;
  const char* keys;  // of a route for "/a/*", from line 6 on
  const char* fault;
};

void check_rows(const char* handler, const char* upstream, const auto& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(faults_of(std::string(kSite) + "[[site.route]]\npath = \"/a/*\"\nhandler = \"" + handler +
                    "\"\n" + row.keys + "\n" + upstream) == row.fault);
  }
}

TEST_CASE("Faults of upstreams") {
  constexpr Row kRows[] = {
      {"none", "", "5:11+7 the handler \"proxy\" needs `upstream`"},
      {"no text", "upstream = 9000",
       "6:12+4 `upstream` must be a string or an array of strings, not an integer"},
      {"empty list", "upstream = []", "6:12+2 `upstream` names no upstream"},
      {"element that is no text", "upstream = [\"http://a\", 1]",
       "6:25+1 `upstream` must be a string, not an integer"},
      {"one twice", "upstream = [\"http://a\", \"http://A:80/\"]",
       "6:25+14 `upstream` names `http://A:80/` twice"},
      {"each bad one", "upstream = [\"http://a:0\", \"https://b\"]",
       "6:13+12 `upstream` has a port that is not 1 to 65535: `0`\n"
       "6:27+11 `upstream` is `https://b`, but TLS to upstreams is not supported (http:// to a "
       "server on this machine or in a network that you trust)"},
      {"bad one alone", "upstream = \"a:9000\"",
       "6:12+8 `upstream` has no scheme: `a:9000` (\"http://a:9000\")"},
  };
  check_rows("proxy", "", kRows);
}

TEST_CASE("Faults of a pool") {
  constexpr Row kRows[] = {
      {"balance", "balance = \"round_robbin\"",
       "6:11+14 `balance` must be one of \"least_connections\", \"round_robin\", \"random_two\", "
       "\"hash\", not `round_robbin` (did you mean \"round_robin\"?)"},
      {"key without hash", "hash_key = \"path\"",
       "6:12+6 `hash_key` is of no use without `balance = \"hash\"`"},
      {"key with another balance", "hash_key = \"path\"\nbalance = \"random_two\"",
       "6:12+6 `hash_key` is of no use without `balance = \"hash\"`"},
      {"key with a misspelt hash", "hash_key = \"path\"\nbalance = \"hush\"",
       "7:11+6 `balance` must be one of \"least_connections\", \"round_robin\", \"random_two\", "
       "\"hash\", not `hush` (did you mean \"hash\"?)"},
      {"key", "balance = \"hash\"\nhash_key = \"ip\"",
       "7:12+4 `hash_key` must be \"client\", \"path\", \"cookie:NAME\" or \"header:NAME\", not "
       "`ip`"},
      {"key without a name", "balance = \"hash\"\nhash_key = \"cookie:\"",
       "7:12+9 `hash_key` must name a cookie after the `:`, not ``"},
      {"connect_timeout", "connect_timeout = 0",
       "6:19+1 `connect_timeout` must be 1ms to 24h, not 0s"},
      {"keep_alive", "keep_alive = 10001", "6:14+5 `keep_alive` must be 0 to 10000, not 10001"},
      {"retries", "retries = 11", "6:11+2 `retries` must be 0 to 10, not 11"},
      {"health as boolean", "health = true", "6:10+4 `health` must be a table, not a boolean"},
      {"health without a path", "health = {}",
       "6:10+2 `health` needs `path`, which upstreams are asked for (path = \"/health\")"},
      {"path of health", "health = { path = \"health\" }",
       "6:19+8 `path` must begin with `/`, not `health`"},
      {"path of health with a space", "health = { path = \"/a b\" }",
       "6:19+6 `path` has a character that the target of a request cannot have: ` ` "
       "(percent-encode it)"},
      {"host of health with a scheme", "health = { path = \"/\", host = \"http://a\" }",
       "6:31+10 `host` has something that is no host and port: `http://a` (such as "
       "\"example.org\" or \"example.org:8443\")"},
      {"host of health with a star", "health = { path = \"/\", host = \"*.a\" }",
       "6:31+5 `host` has something that is no host and port: `*.a` (such as \"example.org\" or "
       "\"example.org:8443\")"},
      {"host of health with a line", "health = { path = \"/\", host = \"a\\nB: c\" }",
       "6:31+9 `host` has something that is no host and port: `a\\x0aB: c` (such as "
       "\"example.org\" or \"example.org:8443\")"},
      {"empty host of health", "health = { path = \"/\", host = \"\" }",
       "6:31+2 `host` has something that is no host and port: `` (such as \"example.org\" or "
       "\"example.org:8443\")"},
      {"keys of health", "health = { path = \"/\", rise = 0, fall = 101, evry = 1 }",
       "6:31+1 `rise` must be 1 to 100, not 0\n"
       "6:41+3 `fall` must be 1 to 100, not 101\n"
       "6:46+4 unknown key `evry` in `health` (did you mean `every`?)"},
  };
  check_rows("proxy", "upstream = \"http://a\"", kRows);
}

TEST_CASE("Faults of proxies") {
  constexpr Row kRows[] = {
      {"prefix", "strip_prefix = \"a\"", "6:16+3 `strip_prefix` must begin with `/`, not `a`"},
      {"prefix of other paths", "strip_prefix = \"/ab\"",
       "6:16+5 `strip_prefix` is in front of no path of this route: `/ab`"},
      {"prefix with a star", "strip_prefix = \"/a/*\"",
       "6:16+6 `strip_prefix` is what to take off, not a pattern: `/a/*`"},
      {"prefix as number", "strip_prefix = 1",
       "6:16+1 `strip_prefix` must be a string, true or false, not an integer"},
      {"field name", "set_headers = { \"A B\" = \"1\" }",
       "6:17+5 `set_headers` has a field name that is no token: `A B`"},
      {"field of the server", "set_headers = { Connection = \"close\", TE = \"\" }",
       "6:17+10 `set_headers` cannot set `Connection`, which is the server's own\n"
       "6:39+2 `set_headers` cannot set `TE`, which is the server's own"},
      {"field twice", "set_headers = { X-A = \"1\", x-a = \"2\" }",
       "6:28+3 `set_headers` names `x-a` twice (upper and lower case are the same in field names)"},
      {"value", "set_headers = { X-A = \"a\\nb\" }",
       "6:23+6 `X-A` has a control character in it, which no field value may have"},
      {"value that is no text", "set_headers = { X-A = 1 }",
       "6:23+1 `X-A` must be a string, not an integer"},
      {"placeholder", "set_headers = { X-A = \"{clent}\" }",
       "6:23+9 `X-A` has an unknown placeholder `{clent}` (did you mean `{client}`?)"},
      {"placeholder of nothing", "set_headers = { X-A = \"{}\" }",
       "6:23+4 `X-A` has an unknown placeholder `{}` ({client}, {host}, {scheme}, {upstream}, "
       "{request_id}, {user}, {client_verify}, {client_subject}, {client_serial} and "
       "{client_fingerprint} are known)"},
      {"brace", "set_headers = { X-A = \"{\" }", "6:23+3 `X-A` has a `{` without its `}`"},
      {"hidden field", "hide_headers = [\"Content-Length\", \"X-A\", \"x-a\"]",
       "6:17+16 `hide_headers` cannot hide `Content-Length`, which is the server's own\n"
       "6:42+5 `hide_headers` names `x-a` twice"},
      {"protocol", "proxy_protocol = true",
       "6:18+4 `proxy_protocol` must be a string, not a boolean"},
      {"version", "proxy_protocol = \"v3\"",
       "6:18+4 `proxy_protocol` must be one of \"off\", \"v1\", \"v2\", not `v3` (did you mean "
       "\"v1\"?)"},
      {"key of scripts", "split = \".php\"",
       "6:1+5 `split` is a key of the handler \"fastcgi\" and \"scgi\", not of \"proxy\""},
      {"misspelt key", "webscket = true",
       "6:1+8 unknown key `webscket` in [[site.route]] (did you mean `websocket`?)"},
  };
  check_rows("proxy", "upstream = \"http://a\"", kRows);
  for (const std::string path : {"/a", "/*", "*.png"}) {
    CAPTURE(path);
    CHECK(faults_of("[[site]]\n[[site.route]]\npath = \"" + path +
                    "\"\nhandler = \"proxy\"\nupstream = \"http://a\"\nstrip_prefix = true") ==
          "6:16+4 `strip_prefix` has nothing to take off: `" + path +
              "` has nothing in front of a `*` (name what to take off, such as \"/app\")");
  }
}

TEST_CASE("Faults of scripts behind a socket") {
  constexpr Row kRows[] = {
      {"split", "split = \"php\"",
       "6:9+5 `split` must begin with `.`, as \".php\", or be empty, not `php`"},
      {"script", "script = \"index.php\"", "6:10+11 `script` must begin with `/`, not `index.php`"},
      {"script that is a directory", "script = \"/\"",
       "6:10+3 `script` must be a file, not a directory: `/`"},
      {"index", "index = [\"a/b\"]",
       "6:10+5 `index` has something that is no name of a file: `a/b`"},
      {"parameter", "params = { \"A-B\" = \"1\" }",
       "6:12+5 `params` has a name that no environment variable can have: `A-B` (letters, digits "
       "and `_`)"},
      {"length of the body", "params = { CONTENT_LENGTH = \"1\" }",
       "6:12+14 `params` cannot set `CONTENT_LENGTH`, which frames the body"},
      {"parameter as number", "params = { A = 1 }",
       "6:16+1 `params` must be a string, not an integer"},
      {"path of health", "health = { path = \"/\" }",
       "6:19+3 `path` cannot be asked for with the handler \"scgi\": an upstream is well when it "
       "can be connected to"},
      {"host of health", "health = { host = \"a\" }",
       "6:19+3 `host` cannot be asked for with the handler \"scgi\": an upstream is well when it "
       "can be connected to"},
      {"key of the proxy", "websocket = true",
       "6:1+9 `websocket` is a key of the handler \"proxy\", not of \"scgi\""},
  };
  check_rows("scgi", "upstream = \"a:1\"", kRows);
  CHECK(faults_of("[[site]]\n[[site.route]]\npath = \"/*\"\nhandler = \"fastcgi\"\n"
                  "upstream = \"a:1\"\nsplit = \".php\"\nscript = \"/a.php\"") ==
        "6:9+6 `split` is about scripts below `root`, which neither the route nor its site has\n"
        "7:10+8 `script` is about scripts below `root`, which neither the route nor its site has");
}

TEST_CASE("A root of scripts is looked at unless they are on another machine") {
  const std::string text =
      "[[site]]\nroot = \"/\"\n[[site.route]]\npath = \"/a/*\"\nhandler = \"fastcgi\"\n"
      "upstream = \"a:1\"\nroot = \"/none\"\nscript = \"/none.php\"\n";
  CHECK(faults_of(text, true) ==
        "7:8+7 `root`: `/none`: No such file or directory (`local_files = false` when the scripts "
        "are on another machine)");
  CHECK(faults_of(text + "local_files = false", true) == "");
  CHECK(faults_of("[[site]]\nroot = \"/\"\n[[site.route]]\npath = \"/a/*\"\nhandler = \"scgi\"\n"
                  "upstream = \"a:1\"\nscript = \"/none.php\"\n",
                  true) == "7:10+11 `script`: `//none.php`: No such file or directory");
}

}  // namespace
}  // namespace uvhttpd::config::tests
