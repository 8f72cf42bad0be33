// SPDX-License-Identifier: MIT
// tests/unit/config/faults_test.cpp: each fault of a configuration, at its place, in these words.
#include <doctest/doctest.h>

#include "unit/config/support.h"

namespace uvhttpd::config::tests {
namespace {

struct Row {
  const char* name;
  const char* text;
  const char* fault;  // that of the text followed by kSite
};

void check_rows(const auto& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(faults_of(std::string(row.text) + "\n" + std::string(kSite)) == row.fault);
  }
}

// The same where `text` is what a site says after its root.
void check_site_rows(const auto& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(faults_of(std::string(kSite) + row.text) == row.fault);
  }
}

TEST_CASE("Faults of the server's tables") {
  constexpr Row kRows[] = {
      {"misspelt key", "[server]\nwrokers = 2",
       "2:1+7 unknown key `wrokers` in [server] (did you mean `workers`?)"},
      {"misspelt table", "[serve]",
       "1:2+5 unknown key `serve` in the file (did you mean `server`?)"},
      {"unknown table", "[observability]", "1:2+13 unknown key `observability` in the file"},
      {"table that is a value", "server = 1", "1:10+1 `server` must be a table, not an integer"},
      {"table that is an array", "[[server]]", "1:1+10 `server` must be a table, not an array"},
      {"no workers", "[server]\nworkers = 0", "2:11+1 `workers` must be \"auto\" or 1 to 1024"},
      {"many workers", "[server]\nworkers = 1025",
       "2:11+4 `workers` must be \"auto\" or 1 to 1024"},
      {"workers by name", "[server]\nworkers = \"all\"",
       "2:11+5 `workers` must be \"auto\" or 1 to 1024"},
      {"level", "[server]\nlog_level = \"inof\"",
       "2:13+6 `log_level` must be one of \"debug\", \"info\", \"warn\", \"error\", not `inof` "
       "(did you "
       "mean \"info\"?)"},
      {"log", "[server]\nlog = \"sdterr\"",
       "2:7+8 `log` is neither a path nor one of the known words: `sdterr` (did you mean "
       "\"stderr\"? A "
       "path has a `/` in it)"},
      {"sandbox", "[server]\nsandbox = \"atuo\"",
       "2:11+6 `sandbox` must be one of \"auto\", \"on\", \"off\", not `atuo` (did you mean "
       "\"auto\"?)"},
      {"sandbox as boolean", "[server]\nsandbox = true",
       "2:11+4 `sandbox` must be a string, not a boolean"},
      {"rate", "[limits]\nsend_rate = \"1025GiB\"",
       "2:13+9 `send_rate` must be 0 to 1024GiB, not 1025GiB"},
      {"many handshakes", "[limits]\nhandshakes = 1000001",
       "2:14+7 `handshakes` must be 0 to 1000000, not 1000001"},
      {"no time for handshakes", "[limits]\nhandshake_timeout = 0",
       "2:21+1 `handshake_timeout` must be 1ms to 24h, not 0s"},
      {"user", "[server]\nuser = \"a:b\"", "2:8+5 `user` is no name of an account: `a:b`"},
      {"server field", "[server]\nserver_header = \"a\\r\\nX: y\"",
       "2:17+11 `server_header` has a control character in it, which no field value may have"},
      {"NUL in a string", "[server]\nserver_header = \"a\\u0000\"",
       "2:17+9 `server_header` must not hold a NUL"},
      {"duration as text", "[server]\ndrain_timeout = \"soon\"",
       "2:17+6 `drain_timeout` is no duration: `soon` (a number of seconds, or a whole number with "
       "ms, "
       "s, m or h: \"15s\")"},
      {"duration as boolean", "[server]\ndrain_timeout = true",
       "2:17+4 `drain_timeout` must be a duration, not a boolean"},
      {"no duration at all", "[server]\ndrain_timeout = 0",
       "2:17+1 `drain_timeout` must be 1ms to 24h, not 0s"},
      {"long duration", "[server]\ndrain_timeout = \"25h\"",
       "2:17+5 `drain_timeout` must be 1ms to 24h, not 25h"},
      {"negative duration", "[limits]\nhead_timeout = -1",
       "2:16+2 `head_timeout` must be 1ms to 24h"},
      {"infinite duration", "[limits]\nhead_timeout = inf",
       "2:16+3 `head_timeout` must be 1ms to 24h"},
      {"no number", "[limits]\nhead_timeout = nan", "2:16+3 `head_timeout` must be 1ms to 24h"},
      {"negative count", "[limits]\nconnections = -1",
       "2:15+2 `connections` must be 1 to 1000000, not -1"},
      {"count as float", "[limits]\nhead_fields = 1.5",
       "2:15+3 `head_fields` must be an integer, not a floating-point number"},
      {"count as date", "[limits]\nhead_fields = 1979-05-27",
       "2:15+10 `head_fields` must be an integer, not a date or time"},
      {"size", "[limits]\nbody_bytes = \"16kb\"",
       "2:14+6 `body_bytes` is no size: `16kb` (a number of bytes, or a number with B, KB, MB, GB, "
       "KiB, "
       "MiB or GiB: \"16KiB\")"},
      {"negative size", "[limits]\nbody_bytes = -5", "2:14+2 `body_bytes` must not be negative"},
      {"small head", "[limits]\ntarget_bytes = 256\nhead_bytes = 512",
       "3:14+3 `head_bytes` must be 1KiB to 16MiB, not 512"},
      {"target as large as the head", "[limits]\ntarget_bytes = \"16KiB\"",
       "2:16+7 `target_bytes` (16KiB) must be less than `head_bytes` (16KiB), of which it is a "
       "part"},
      {"format", "[access_log]\nformat = \"clf\"",
       "2:10+5 `format` must be one of \"combined\", \"json\", not `clf`"},
      {"log as number", "[access_log]\npath = 1", "2:8+1 `path` must be a string, not an integer"},
      {"memory", "[cache]\nmemory = \"lots\"",
       "2:10+6 `memory` is no size: `lots` (a number of bytes, or a number with B, KB, MB, GB, "
       "KiB, MiB "
       "or GiB: \"16KiB\")"},
      {"extension", "[types]\nglb = \"model/gltf-binary\"",
       "2:1+3 `types` has a key that is no extension: `glb` (such as \".html\")"},
      {"type", "[types]\n\".glb\" = \"model\"",
       "2:10+7 `.glb` is no media type: `model` (such as \"text/plain\")"},
      {"type twice", "[types]\n\".a\" = \"a/b\"\n\".A\" = \"a/c\"",
       "3:1+4 `types` names `.a` twice (upper and lower case are the same here)"},
  };
  check_rows(kRows);
}

TEST_CASE("Faults of listeners") {
  constexpr Row kRows[] = {
      {"table for array", "[listener]\naddress = \"127.0.0.1:1\"",
       "1:1+10 `listener` must be an array of tables, not a table (write [[listener]])"},
      {"no address", "[[listener]]", "1:1+12 this listener has no `address`"},
      {"misspelt address", "[[listener]]\nadress = \"127.0.0.1:1\"",
       "1:1+12 this listener has no `address`\n"
       "2:1+6 unknown key `adress` in [[listener]] (did you mean `address`?)"},
      {"later key", "[[listener]]\naddress = \"127.0.0.1:1\"\nhttp2 = true",
       "3:1+5 unknown key `http2` in [[listener]]"},
      {"no port", "[[listener]]\naddress = \"127.0.0.1\"",
       "2:11+11 `address` has no port: `127.0.0.1` (\"127.0.0.1:8080\", \"[::1]:8080\", "
       "\"unix:/path\" "
       "or \"systemd:NAME\")"},
      {"large port", "[[listener]]\naddress = \"127.0.0.1:65536\"",
       "2:11+17 `address` has a port that is not 0 to 65535: `65536`"},
      {"port as number", "[[listener]]\naddress = 8080",
       "2:11+4 `address` must be a string, not an integer"},
      {"duplicate", "[[listener]]\naddress = \"[::1]:80\"\n[[listener]]\naddress = \"[0::1]:80\"",
       "4:11+11 this address is already listened on (the first is in line 2)"},
      {"trusted network with bits behind its prefix",
       "[[listener]]\naddress = \"[::]:1\"\ntrusted_proxies = [\"10.1.2.3/8\"]",
       "3:20+12 `trusted_proxies` has a network with bits behind its prefix: `10.1.2.3/8` (did you "
       "mean \"10.0.0.0/8\"?)"},
      {"trusted network twice",
       "[[listener]]\naddress = \"[::]:1\"\ntrusted_proxies = [\"::1\", \"0::1/128\"]",
       "3:27+10 `trusted_proxies` names `::1` twice"},
      {"trusted peers of no Unix socket",
       "[[listener]]\naddress = \"[::]:1\"\ntrusted_proxies = [\"unix\"]",
       "3:19+8 `trusted_proxies` has \"unix\", but this listener is no Unix socket"},
      {"mode of an address", "[[listener]]\naddress = \"[::]:1\"\nmode = \"0660\"",
       "3:8+6 `mode` is of a Unix socket, which this listener is not"},
      {"mode of a socket that is passed in",
       "[[listener]]\naddress = \"systemd:http\"\nmode = \"0660\"",
       "3:8+6 `mode` is of a Unix socket, which this listener is not (systemd makes this socket: "
       "`SocketMode=` in its unit)"},
      {"in line", "listener = [{ address = \"127.0.0.1:1\" }, 5]",
       "1:42+1 `listener` must be an array of tables, not an integer"},
  };
  check_rows(kRows);
}

TEST_CASE("The mode of a Unix socket is three or four octal digits in quotes") {
  const std::string listener = "[[listener]]\naddress = \"unix:/run/a.sock\"\nmode = ";
  for (const char* good : {"\"0660\"", "\"660\"", "\"0000\"", "\"0777\""}) {
    CAPTURE(good);
    CHECK(faults_of(listener + good + "\n" + std::string(kSite)) == "");
  }
  for (const std::string bad : {"660", "\"\"", "\"66\"", "\"0680\"", "\"1777\"", "\"00660\"",
                                "\"-660\"", "\"0o660\"", "\"rw-\"", "true"}) {
    CAPTURE(bad);
    CHECK(faults_of(listener + bad + "\n" + std::string(kSite)) ==
          "3:8+" + std::to_string(bad.size()) +
              " `mode` must be a string of 3 or 4 octal digits, up to \"0777\" (\"0660\" lets the "
              "owner and the group of the socket connect)");
  }
}

TEST_CASE("A socket that is open to all and whose peers are believed is a warning") {
  const std::string warning =
      "3:19+8 warning: every account of this machine that reaches the socket can say who the "
      "client is (mode = \"0660\")";
  const std::string trusting =
      "[[listener]]\naddress = \"unix:/run/a.sock\"\ntrusted_proxies = [\"unix\"]\n";
  const std::string site(kSite);
  CHECK(faults_of(trusting + site) == warning);
  CHECK(faults_of(trusting + "mode = \"0662\"\n" + site) == warning);
  CHECK(faults_of(trusting + "mode = \"0660\"\n" + site) == "");
  CHECK(faults_of(trusting + "mode = \"0664\"\n" + site) == "");
  CHECK(faults_of("[[listener]]\naddress = \"unix:/run/a.sock\"\ntrusted_proxies = [\"::1\"]\n" +
                  site) == "");
  CHECK(faults_of("[[listener]]\naddress = \"systemd:a\"\ntrusted_proxies = [\"unix\"]\n" + site) ==
        "");
}

TEST_CASE("Faults of sites") {
  constexpr Row kRows[] = {
      {"misspelt key", "rooot = 1", "3:1+5 unknown key `rooot` in [[site]] (did you mean `root`?)"},
      {"later key", "http3 = true", "3:1+5 unknown key `http3` in [[site]]"},
      {"hosts as string", "hosts = \"a\"",
       "3:9+3 `hosts` must be an array of strings, not a string (write it in brackets: [\"...\"])"},
      {"each bad host", "hosts = [\"a b\", 5, \"c:80\"]",
       "3:10+5 `hosts` has something that is no host name: `a b`\n"
       "3:17+1 `hosts` must be a string, not an integer\n"
       "3:20+6 `hosts` has something that is no host name: `c:80` (only the name, without a port)"},
      {"host twice", "hosts = [\"a\", \"A.\"]", "3:15+4 `hosts` names `a` twice"},
      {"host of another site", "hosts = [\"a\"]\n[[site]]\nroot = \"/x\"\nhosts = [\"b\", \"a\"]",
       "6:15+3 another site has the host `a` already (in line 3)"},
      {"two default sites", "[[site]]\nroot = \"/x\"",
       "3:1+8 a second site without `hosts`: only one can be the default site (the first is in "
       "line 1)"},
      {"empty site", "hosts = [\"a\"]\n[[site]]\n",
       "4:1+8 this site has neither `root` nor a route: it serves nothing"},
      {"index", "index = [\"a/b\"]",
       "3:10+5 `index` has something that is no name of a file: `a/b`"},
      {"boolean as string", "hidden_files = \"no\"",
       "3:16+4 `hidden_files` must be true or false, not a string"},
      {"symlinks", "symlinks = \"folow\"",
       "3:12+7 `symlinks` must be one of \"inside\", \"deny\", \"follow\", not `folow` (did you "
       "mean "
       "\"follow\"?)"},
      {"charset", "charset = \"utf 8\"",
       "3:11+7 `charset` is no name of a character encoding: `utf 8`"},
      {"pattern of cache_control", "cache_control = { \"html\" = \"no-cache\" }",
       "3:19+6 a pattern of `cache_control` must begin with `/` or `*.`, not `html` (\"/exact\", "
       "\"/prefix/*\", \"*.ext\" or \"/dir/*.ext\")"},
      {"field name", "headers = { \"X Y\" = \"a\" }",
       "3:13+5 `headers` has a field name that is no token: `X Y`"},
      {"field value", "headers = { X = \"a\\nb\" }",
       "3:17+6 `X` has a control character in it, which no field value may have"},
      {"field of the server", "headers = { content-length = \"1\" }",
       "3:13+14 `headers` cannot set `content-length`, which is the server's own"},
      {"field twice", "headers = { X-A = \"1\", x-a = \"2\" }",
       "3:24+3 `headers` names `x-a` twice (upper and lower case are the same in field names)"},
      {"status of an error page", "error_pages = { 200 = \"/a\" }",
       "3:17+3 `error_pages` has a key that is no error: `200` (a status 400 to 599, or \"4xx\" or "
       "\"5xx\")"},
      {"listing", "listing = \"yes\"", "3:11+5 `listing` must be true or false, not a string"},
      {"fallback", "fallback = \"index.html\"",
       "3:12+12 `fallback` must begin with `/`, not `index.html`"},
      {"fallback that is a directory", "fallback = \"/app/\"",
       "3:12+7 `fallback` must be a file, not a directory: `/app/`"},
      {"coding", "compress = [\"br\", \"gzp\"]",
       "3:19+5 `compress` knows \"zstd\", \"br\" and \"gzip\", not `gzp` (did you mean \"gzip\"?)"},
      {"coding by its long name", "compress = [\"Brotli\"]",
       "3:13+8 `compress` knows \"zstd\", \"br\" and \"gzip\", not `Brotli` (did you mean "
       "\"br\"?)"},
      {"no coding at all", "compress = [\"compression\"]",
       "3:13+13 `compress` knows \"zstd\", \"br\" and \"gzip\", not `compression`"},
      {"coding twice", "compress = [\"br\", \"br\"]", "3:19+4 `compress` names `br` twice"},
      {"codings as a boolean", "compress = false",
       "3:12+5 `compress` must be an array of strings, not a boolean"},
      {"string under a pattern", "headers = { \"/a/*\" = \"b\" }",
       "3:22+3 `/a/*` is a pattern and must have a table of fields, not a string (such as { "
       "\"X-Name\" = \"value\" })"},
      {"string under an extension", "headers = { \"*.pdf\" = \"b\" }",
       "3:23+3 `*.pdf` is a pattern and must have a table of fields, not a string (such as { "
       "\"X-Name\" = \"value\" })"},
      {"table under a field", "headers = { X-A = { X-B = \"b\" } }",
       "3:13+3 `headers` has a table under `X-A`, which is no pattern (a pattern begins with `/` "
       "or `*.`; a field has a string)"},
      {"pattern of headers", "headers = { \"/a*\" = { X-B = \"b\" } }",
       "3:13+5 a pattern of `headers` must have its `*` after a `/` (\"/exact\", \"/prefix/*\", "
       "\"*.ext\" or \"/dir/*.ext\")"},
      {"pattern within a pattern", "headers = { \"/a/*\" = { \"*.b\" = \"b\" } }",
       "3:24+5 `headers` has a pattern within a pattern: `*.b`"},
      {"fields of a pattern",
       "headers = { \"/a\" = { \"X Y\" = \"1\", Date = \"2\", X = 3, x = \"4\" } }",
       "3:22+5 `headers` has a field name that is no token: `X Y`\n"
       "3:35+4 `headers` cannot set `Date`, which is the server's own\n"
       "3:51+1 `X` must be a string, not an integer\n"
       "3:54+1 `headers` names `x` twice (upper and lower case are the same in field names)"},
      {"path of an error page", "error_pages = { 5xx = \"a.html\" }",
       "3:23+8 `error_pages` must begin with `/`, not `a.html`"},
      {"error page above the root", "error_pages = { 404 = \"/../secret\" }",
       "3:23+12 `error_pages` has a segment `.` or `..`, which no request has left when it is "
       "compared"},
  };
  check_site_rows(kRows);
  CHECK(faults_of("[[site]]\nfallback = \"/a\"\n[[site.route]]\npath = \"/\"\nhandler = "
                  "\"respond\"") ==
        "2:12+4 `fallback` is a file below `root`, which this site does not have (a route with a "
        "root of its own can have a fallback)");
  CHECK(faults_of("[[site]]\nroot = \"\"") == "2:8+2 `root` must not be empty (leave it out)");
  CHECK(faults_of("") == "0:0+1 there is no [[site]], so there is nothing to serve");
  CHECK(faults_of("[site]\nroot = \"/a\"") ==
        "1:1+6 `site` must be an array of tables, not a table (write [[site]])");
  CHECK(
      faults_of("[[site]]\nerror_pages = { 404 = \"/a\" }\n[[site.route]]\npath = \"/\"\nhandler = "
                "\"respond\"") ==
      "2:15+14 `error_pages` are files below `root`, which this site does not have");
}

TEST_CASE("Faults of routes and their handlers") {
  constexpr Row kRows[] = {
      {"nothing in it", "",
       "3:1+14 this route has no `path`\n3:1+14 this route has no `handler` "
       "(\"static\", \"cgi\", \"fastcgi\", \"scgi\", \"proxy\", \"redirect\", \"respond\" or "
       "\"status\")"},
      {"pattern", "path = \"a\"\nhandler = \"static\"",
       "4:8+3 `path` must begin with `/` or `*.`, not `a` (\"/exact\", \"/prefix/*\", \"*.ext\" or "
       "\"/dir/*.ext\")"},
      {"misspelt handler", "path = \"/a\"\nhandler = \"statik\"",
       "5:11+8 unknown handler `statik` (did you mean \"static\"?)"},
      {"unknown handler", "path = \"/a\"\nhandler = \"metrics\"\nupstream = []",
       "5:11+9 unknown handler `metrics` (\"static\", \"cgi\", \"fastcgi\", \"scgi\", \"proxy\", "
       "\"redirect\", \"respond\" or \"status\")"},
      {"handler as number", "path = \"/a\"\nhandler = 1",
       "5:11+1 `handler` must be a string, not an integer"},
      {"lower-case method", "path = \"/a\"\nmethods = [\"get\"]\nhandler = \"static\"",
       "5:12+5 `methods` names a method that this server does not know: `get` (did you mean "
       "`GET`?)"},
      {"method that files do not take",
       "path = \"/a\"\nmethods = [\"GET\", \"POST\"]\nhandler = \"static\"",
       "5:19+6 the handler `static` takes GET and HEAD only"},
      {"no method", "path = \"/a\"\nmethods = []\nhandler = \"static\"",
       "5:11+2 `methods` names no method (leave it out to take whatever the handler takes)"},
      {"method twice", "path = \"/a\"\nmethods = [\"GET\", \"GET\"]\nhandler = \"static\"",
       "5:19+5 `methods` names `GET` twice"},
      {"redirect to nowhere", "path = \"/a\"\nhandler = \"redirect\"",
       "5:11+10 the handler \"redirect\" needs `to`"},
      {"placeholder", "path = \"/a\"\nhandler = \"redirect\"\nto = \"/{pth}\"",
       "6:6+8 `to` has an unknown placeholder `{pth}` (did you mean `{path}`?)"},
      {"status of a redirect", "path = \"/a\"\nhandler = \"redirect\"\nto = \"/\"\nstatus = 300",
       "7:10+3 `status` must be one of 301, 302, 303, 307, 308"},
      {"status of a response", "path = \"/a\"\nhandler = \"respond\"\nstatus = 600",
       "6:10+3 `status` must be 200 to 599, not 600"},
      {"body where none can be", "path = \"/a\"\nhandler = \"respond\"\nstatus = 204\nbody = \"x\"",
       "7:8+3 a response 204 has no body"},
      {"key of another handler", "path = \"/a\"\nhandler = \"respond\"\nto = \"/\"",
       "6:1+2 `to` is a key of the handler \"redirect\", not of \"respond\""},
      {"key of two others", "path = \"/a\"\nhandler = \"respond\"\nroot = \"/\"",
       "6:1+4 `root` is a key of the handler \"static\", \"cgi\", \"fastcgi\" and \"scgi\", not of "
       "\"respond\""},
      {"key of the gateways", "path = \"/a\"\nhandler = \"cgi\"\nupstream = []",
       "6:1+8 `upstream` is a key of the handler \"fastcgi\", \"scgi\" and \"proxy\", not of "
       "\"cgi\""},
      {"key of the status page", "path = \"/a\"\nhandler = \"status\"\nbody = \"\"",
       "6:1+4 `body` is a key of the handler \"respond\", not of \"status\""},
      {"method that the status page does not take",
       "path = \"/a\"\nmethods = [\"POST\"]\nhandler = \"status\"",
       "5:12+6 the handler `status` takes GET and HEAD only"},
      {"account of programs", "path = \"/a\"\nhandler = \"cgi\"\nuser = \"a b\"",
       "6:8+5 `user` is no name of an account: `a b`"},
      {"unknown key", "path = \"/a\"\nhandler = \"cgi\"\ninterpeter = {}",
       "6:1+10 unknown key `interpeter` in [[site.route]] (did you mean `interpreter`?)"},
      {"root and program", "path = \"/a\"\nhandler = \"cgi\"\nroot = \"/a\"\nprogram = \"/b\"",
       "7:11+4 `program` stands for the whole route, so there is no use for `root` (leave one of "
       "them "
       "out)"},
      {"variable", "path = \"/a\"\nhandler = \"cgi\"\nenv = { \"A-B\" = \"1\" }",
       "6:9+5 `env` has a name that no environment variable can have: `A-B` (letters, digits and "
       "`_`)"},
      {"length of the body", "path = \"/a\"\nhandler = \"cgi\"\nenv = { CONTENT_LENGTH = \"1\" }",
       "6:9+14 `env` cannot set `CONTENT_LENGTH`, which frames the body"},
      {"fallback of programs", "path = \"/a\"\nhandler = \"cgi\"\nfallback = \"/a\"",
       "6:1+8 `fallback` is a key of the handler \"static\", not of \"cgi\""},
      {"compression of a response", "path = \"/a\"\nhandler = \"respond\"\ncompress = []",
       "6:1+8 `compress` is a key of the handler \"static\", not of \"respond\""},
      {"braces of a response", "path = \"/a\"\nhandler = \"respond\"\nbody = '{\"a\": {pth}'", ""},
      {"extension", "path = \"/a\"\nhandler = \"cgi\"\ninterpreter = { py = \"/bin/sh\" }",
       "6:17+2 `interpreter` has a key that is no extension: `py` (such as \".html\")"},
      {"programs at once", "path = \"/a\"\nhandler = \"cgi\"\nmax_running = 0",
       "6:15+1 `max_running` must be 1 to 10000, not 0"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    CHECK(faults_of(std::string(kSite) + "[[site.route]]\n" + row.text) == row.fault);
  }
}

TEST_CASE("Faults of cross-origin rules") {
  constexpr Row kRows[] = {
      {"no table", "cors = true", "3:8+4 `cors` must be a table, not a boolean"},
      {"nothing in it", "cors = {}",
       "3:8+2 `cors` needs `origins` (origins = [\"https://app.example.org\"], or [\"*\"] for "
       "all)"},
      {"no origin", "cors = { origins = [] }", "3:20+2 `origins` names no origin"},
      {"misspelt key", "cors = { origins = [\"*\"], method = [] }",
       "3:27+6 unknown key `method` in `cors` (did you mean `methods`?)"},
      {"origin as string", "cors = { origins = \"*\" }",
       "3:20+3 `origins` must be an array of strings, not a string (write it in brackets: "
       "[\"...\"])"},
      {"null", "cors = { origins = [\"null\"] }",
       "3:21+6 `origins` cannot have `null`, which any sandboxed page can be (serve the page from "
       "an origin that has a name)"},
      {"origin without scheme", "cors = { origins = [\"a.org:80\"] }",
       "3:21+10 `origins` has something that is no origin: `a.org:80` (with its scheme: "
       "\"https://a.org:80\")"},
      {"origin with a slash", "cors = { origins = [\"https://a/\"] }",
       "3:21+12 `origins` has something that is no origin: `https://a/` (only scheme, host and "
       "port, without a path or a `/` at the end)"},
      {"origin with a star", "cors = { origins = [\"https://a.*\"] }",
       "3:21+13 `origins` has something that is no origin: `https://a.*` (`*` may only stand for "
       "everything before a name: \"https://*.example.org\")"},
      {"origin twice", "cors = { origins = [\"http://a\", \"http://A:80\"] }",
       "3:33+13 `origins` names `http://a` twice"},
      {"all and one", "cors = { origins = [\"*\", \"http://a\"] }",
       "3:20+17 `origins` has \"*\" beside others, but it means all"},
      {"all with credentials", "cors = { origins = [\"*\"], credentials = true }",
       "3:20+5 `origins` cannot be \"*\" with `credentials`: it is then not taken for all (name "
       "them "
       "one by one)"},
      {"all fields with credentials",
       "cors = { origins = [\"http://a\"], credentials = true, headers = [\"*\"], expose = [\"*\"] "
       "}",
       "3:64+5 `headers` cannot be \"*\" with `credentials`: it is then not taken for all (name "
       "them "
       "one by one)\n"
       "3:80+5 `expose` cannot be \"*\" with `credentials`: it is then not taken for all (name "
       "them one "
       "by one)"},
      {"method", "cors = { origins = [\"*\"], methods = [\"put\"] }",
       "3:38+5 `methods` names a method that this server does not know: `put` (did you mean "
       "`PUT`?)"},
      {"all methods", "cors = { origins = [\"*\"], methods = [\"*\"] }",
       "3:38+3 `methods` must name methods (leave it out for those of the route)"},
      {"field", "cors = { origins = [\"*\"], expose = [\"X Y\"] }",
       "3:37+5 `expose` has a field name that is no token: `X Y`"},
      {"age", "cors = { origins = [\"*\"], max_age = \"25h\" }",
       "3:37+5 `max_age` must be 0s to 24h, not 25h"},
      {"beside its own field",
       "cors = { origins = [\"*\"] }\nheaders = { Access-Control-Allow-Origin = \"*\" }",
       "4:13+27 `headers` cannot set `Access-Control-Allow-Origin` beside `cors`, which does"},
  };
  check_site_rows(kRows);
}

TEST_CASE("Faults of tests in the file") {
  constexpr Row kRows[] = {
      {"nothing in it", "",
       "3:1+10 this test has no `request` (request = \"GET http://example.org/\")\n"
       "3:1+10 this test expects nothing (say which `status`, `header`, `route` or `handler` the "
       "answer has to have)"},
      {"path for a URL", "request = \"/old/a\"\nstatus = 200",
       "4:11+8 `request` must be a whole URL, not `/old/a` (such as \"http://example.org/old/a\")"},
      {"path behind a method", "request = \"GET /old/a\"\nstatus = 200",
       "4:11+12 `request` must be a whole URL, not `/old/a` (such as "
       "\"http://example.org/old/a\")"},
      {"method", "request = \"GTE http://a/\"\nstatus = 200",
       "4:11+15 `request` names a method that this server does not know: `GTE` (did you mean "
       "`GET`?)"},
      {"fragment", "request = \"http://a/#b\"\nstatus = 200",
       "4:11+13 `request` has a fragment, which no client sends (leave out `#` and what follows "
       "it)"},
      {"user", "request = \"http://u@a/\"\nstatus = 200",
       "4:11+13 `request` has a user in it, which no client sends (leave out what precedes the "
       "`@`)"},
      {"port", "request = \"http://a:x/\"\nstatus = 200",
       "4:11+13 `request` has something that is no host and port: `a:x`"},
      {"space", "request = \"GET http://a/b c\"\nstatus = 200",
       "4:11+18 `request` has a character that a URL cannot have: ` ` (percent-encode it)"},
      {"status", "request = \"http://a/\"\nstatus = 600",
       "5:10+3 `status` must be 100 to 599, not 600"},
      {"field as number", "request = \"http://a/\"\nheader = { ETag = 5 }",
       "5:19+1 `ETag` must be a string, true or false, not an integer (true: the field is there, "
       "whatever its value; false: it is not)"},
      {"field twice", "request = \"http://a/\"\nheader = { ETag = true, etag = \"\" }",
       "5:25+4 `header` names `etag` twice (upper and lower case are the same in field names)"},
      {"field name", "request = \"http://a/\"\nheader = { \"X Y\" = true }",
       "5:12+5 `header` has a field name that is no token: `X Y`"},
      {"no field", "request = \"http://a/\"\nheader = {}",
       "3:1+10 this test expects nothing (say which `status`, `header`, `route` or `handler` the "
       "answer has to have)"},
      {"host", "request = \"http://a/\"\nstatus = 200\nrequest_header = { Host = \"b\" }",
       "6:20+4 `request_header` cannot set `Host` (the host is that of the URL)"},
      {"field of the request",
       "request = \"http://a/\"\nstatus = 200\nrequest_header = { X = true }",
       "6:24+4 `X` must be a string, not a boolean"},
      {"route", "request = \"http://a/\"\nroute = \"/dcos/*\"",
       "5:9+9 `route` names no route of this file: `/dcos/*` (did you mean \"/docs/*\"?)"},
      {"handler", "request = \"http://a/\"\nhandler = \"sttic\"",
       "5:11+7 `handler` names no handler: `sttic` (did you mean \"static\"?)"},
      {"misspelt key", "request = \"http://a/\"\nstatus = 200\nheaders = {}",
       "6:1+7 unknown key `headers` in [[expect]] (did you mean `header`?)"},
  };
  const std::string route = "[[site.route]]\npath = \"/docs/*\"\nhandler = \"static\"\n";
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    CHECK(faults_of(std::string(kSite) + "[[expect]]\n" + row.text + "\n" + route) == row.fault);
  }
  CHECK(faults_of("expect = 5\n" + std::string(kSite)) ==
        "1:10+1 `expect` must be an array of tables, not an integer (write [[expect]])");
}

TEST_CASE("A file may have 1000 tests") {
  std::string text(kSite);
  for (int i = 0; i < 1000; ++i) text += "[[expect]]\nrequest = \"http://a/\"\nstatus = 200\n";
  CHECK(faults_of(text) == "");
  CHECK(faults_of(text + "[[expect]]\n") == "3:1+10 more than 1000 tests in the file");
}

TEST_CASE("A route that is faulty itself is not missed by a test") {
  CHECK(faults_of(std::string(kSite) + "[[site.route]]\npath = \"docs\"\nhandler = \"static\"\n"
                                       "[[expect]]\nrequest = \"http://a/\"\nroute = \"docs\"\n")
            .find("names no route") == std::string::npos);
}

TEST_CASE("Handlers of files and programs need a root where the site has none") {
  const std::string site = "[[site]]\n[[site.route]]\npath = \"/*\"\n";
  CHECK(faults_of(site + "handler = \"static\"") ==
        "4:11+8 the handler \"static\" needs `root`, here or in its site");
  CHECK(faults_of(site + "handler = \"cgi\"") ==
        "4:11+5 the handler \"cgi\" needs `root`, here or in its site, or `program`");
  CHECK(faults_of(site + "handler = \"cgi\"\nprogram = \"/bin/true\"") == "");
}

TEST_CASE("A route is unreachable when those before it take all its requests") {
  struct Routes {
    const char* name;
    std::vector<std::pair<const char*, const char*>> routes;  // pattern, methods
    const char* fault;
  };
  const Routes kRows[] = {
      {"same pattern", {{"/a", ""}, {"/a", ""}}, "7:8+4 this route is never reached: `/a`"},
      {"after everything", {{"/*", ""}, {"*.php", ""}}, "7:8+7 this route is never reached: `/*`"},
      {"below a prefix",
       {{"/a/*", ""}, {"/a/b/*", "GET"}},
       "7:8+8 this route is never reached: `/a/*`"},
      {"same methods", {{"/a", "GET"}, {"/a", "GET"}}, "8:8+4 this route is never reached: `/a`"},
      {"other methods", {{"/a", "GET"}, {"/a", "POST"}}, ""},
      {"more methods", {{"/a", "GET"}, {"/a", "GET\", \"POST"}}, ""},
      {"any method after one", {{"/a", "GET"}, {"/a", ""}}, ""},
      {"together",
       {{"/a/*", "GET"}, {"/a/*", "POST"}, {"/a/b", "GET\", \"POST"}},
       "12:8+6 this route is never reached: `/a/*`"},
      {"not together", {{"/a/*", "GET"}, {"/a/*", "POST"}, {"/a/b", "GET\", \"PUT"}}, ""},
      {"narrow before wide", {{"/a/b", ""}, {"/a/*", ""}, {"/*", ""}}, ""},
  };
  for (const Routes& row : kRows) {
    CAPTURE(row.name);
    std::string text(kSite);
    for (const auto& [pattern, methods] : row.routes) {
      text += std::string("[[site.route]]\npath = \"") + pattern + "\"\nhandler = \"respond\"\n";
      if (*methods != '\0') text += std::string("methods = [\"") + methods + "\"]\n";
    }
    const std::string fault = faults_of(text);
    CHECK(fault.starts_with(row.fault));
    CHECK(fault.empty() == (*row.fault == '\0'));
  }
}

TEST_CASE("All faults come in one run, in file order") {
  const std::string faults = faults_of(
      "[[site]]\nroot = 5\n[server]\nworkers = 0\n[limits]\nhead_fields = 0\nx = 1\n[oops]\n");
  CHECK(faults ==
        "2:8+1 `root` must be a string, not an integer\n"
        "4:11+1 `workers` must be \"auto\" or 1 to 1024\n"
        "6:15+1 `head_fields` must be 1 to 10000, not 0\n"
        "7:1+1 unknown key `x` in [limits]\n"
        "8:2+4 unknown key `oops` in the file");
}

}  // namespace
}  // namespace uvhttpd::config::tests
