// SPDX-License-Identifier: MIT
// tests/unit/config/upstreams_test.cpp: addresses of upstreams and networks of peers.
#include <doctest/doctest.h>

#include <array>

#include "config/values.h"

namespace uvhttpd::config::tests {
namespace {

using Kind = Upstream::Kind;

template <class T>
std::string complaint_of(const Read<T>& read) {
  if (read) return "";
  const Complaint& complaint = read.error();
  return complaint.message + (complaint.hint.empty() ? "" : " (" + complaint.hint + ")");
}

struct Good {
  const char* text;
  Kind kind;
  const char* where;  // host or path
  std::uint16_t port;
  const char* base;
  const char* written;
};

void check(const Upstream& upstream, const Good& row) {
  CHECK(upstream.text == row.text);
  CHECK(upstream.kind == row.kind);
  CHECK((row.kind == Kind::unix_socket ? upstream.path : upstream.host) == row.where);
  CHECK(upstream.port == row.port);
  CHECK(upstream.base == row.base);
}

TEST_CASE("An upstream of HTTP is a URL or a socket, with a path in front of those of requests") {
  constexpr Good kRows[] = {
      {"http://127.0.0.1:9000", Kind::ip, "127.0.0.1", 9000, "", "http://127.0.0.1:9000"},
      {"http://127.0.0.1", Kind::ip, "127.0.0.1", 80, "", "http://127.0.0.1:80"},
      {"HTTP://[0::1]:9000/", Kind::ip, "::1", 9000, "", "http://[::1]:9000"},
      {"http://[::1]/a", Kind::ip, "::1", 80, "/a", "http://[::1]:80/a"},
      {"http://App.example.:9000/app/", Kind::name, "app.example", 9000, "/app",
       "http://app.example:9000/app"},
      {"http://my_app/a%20b/c", Kind::name, "my_app", 80, "/a%20b/c", "http://my_app:80/a%20b/c"},
      {"http://unix:/run/../run/app.sock", Kind::unix_socket, "/run/app.sock", 0, "",
       "http://unix:/run/app.sock"},
      {"http://unix:/run/app.sock:/base/", Kind::unix_socket, "/run/app.sock", 0, "/base",
       "http://unix:/run/app.sock:/base"},
      {"http://unix:/run/a:b", Kind::unix_socket, "/run/a:b", 0, "", "http://unix:/run/a:b"},
  };
  for (const Good& row : kRows) {
    CAPTURE(row.text);
    const auto upstream = parse_http_upstream(row.text);
    REQUIRE(upstream);
    check(*upstream, row);
    const std::string written = format_upstream(*upstream, "http");
    CHECK(written == row.written);
    const auto again = parse_http_upstream(written);
    REQUIRE(again);
    CHECK(format_upstream(*again, "http") == written);
  }
}

TEST_CASE("An upstream of FastCGI is a host with its port or a socket") {
  constexpr Good kRows[] = {
      {"127.0.0.1:9000", Kind::ip, "127.0.0.1", 9000, "", "127.0.0.1:9000"},
      {"[::1]:9000", Kind::ip, "::1", 9000, "", "[::1]:9000"},
      {"PHP:65535", Kind::name, "php", 65535, "", "php:65535"},
      {"unix:/run/php.sock", Kind::unix_socket, "/run/php.sock", 0, "", "unix:/run/php.sock"},
      {"unix:run/php.sock", Kind::unix_socket, "/etc/run/php.sock", 0, "",
       "unix:/etc/run/php.sock"},
      {"fastcgi://php:9000", Kind::name, "php", 9000, "", "php:9000"},
      {"fastcgi://unix:/run/a:/b", Kind::unix_socket, "/run/a:/b", 0, "", "unix:/run/a:/b"},
  };
  for (const Good& row : kRows) {
    CAPTURE(row.text);
    const auto upstream = parse_script_upstream(row.text, "fastcgi", "/etc");
    REQUIRE(upstream);
    check(*upstream, row);
    CHECK(format_upstream(*upstream, "") == row.written);
  }
  CHECK(parse_script_upstream("scgi://a:1", "scgi", "/"));
}

struct Bad {
  const char* text;
  const char* complaint;
};

TEST_CASE("What is no upstream of HTTP is refused with the reason") {
  constexpr Bad kRows[] = {
      {"", "must not be empty"},
      {"http://a\nb", "has a control character in it"},
      {"https://app.example",
       "is `https://app.example`, but TLS to upstreams is not supported (http:// to a server on "
       "this machine or in a network that you trust)"},
      {"127.0.0.1:9000", "has no scheme: `127.0.0.1:9000` (\"http://127.0.0.1:9000\")"},
      {"/run/app.sock",
       "has no scheme: `/run/app.sock` (\"http://127.0.0.1:9000\" or "
       "\"http://unix:/run/app.sock\")"},
      {"ftp://a",
       "must begin with `http://`, not `ftp://` (\"http://127.0.0.1:9000\" or "
       "\"http://unix:/run/app.sock\")"},
      {"ws://a", "must begin with `http://`, not `ws://` (WebSockets begin as requests of HTTP)"},
      {"fastcgi://a:1",
       "must begin with `http://`, not `fastcgi://` (there is a handler \"fastcgi\")"},
      {"http://", "names no host: `http://`"},
      {"http:///a", "names no host: `http:///a`"},
      {"http://:80", "names no host: `http://:80`"},
      {"http://a b", "has something that is no host name: `a b`"},
      {"http://*.a", "has something that is no host name: `*.a`"},
      {"http://256.1.1.1",
       "has something that is no IP address: `256.1.1.1` (\"10.0.0.0/8\", "
       "\"2001:db8::/32\", or one address without brackets)"},
      {"http://[127.0.0.1]", "has something that is no IP address: `127.0.0.1`"},
      {"http://::1", "has an IPv6 address without brackets: `::1` (such as \"[::1]:9000\")"},
      {"http://a:0", "has a port that is not 1 to 65535: `0`"},
      {"http://a:65536", "has a port that is not 1 to 65535: `65536`"},
      {"http://a:", "has a port that is not 1 to 65535: ``"},
      {"http://u:p@a",
       "has a user in it, which no upstream is told (leave out what precedes the "
       "`@`)"},
      {"http://a/b?c",
       "has a query or fragment, which only requests have (leave out the `?` or "
       "`#` and what follows it)"},
      {"http://a/b c", "has a character that a path cannot have: ` ` (percent-encode it)"},
      {"http://a/%2", "has a character that a path cannot have: `%` (percent-encode it)"},
      {"http://a/../b", "has a segment `.` or `..` in its path: `/../b`"},
      {"http://unix:app.sock",
       "must name an absolute path after `unix:` (\"http://unix:/run/app.sock\")"},
  };
  for (const Bad& row : kRows) {
    CAPTURE(row.text);
    CHECK(complaint_of(parse_http_upstream(row.text)) == row.complaint);
  }
  CHECK(complaint_of(parse_http_upstream("http://unix:/" + std::string(107, 'x'))) ==
        "has a path longer than the 107 octets that a socket may have");
}

TEST_CASE("What is no upstream of FastCGI is refused with the reason") {
  constexpr Bad kRows[] = {
      {"", "must not be empty"},
      {"php", "has no port: `php` (\"unix:/path\" or \"HOST:PORT\")"},
      {"/run/php.sock",
       "is a path without `unix:` in front: `/run/php.sock` (\"unix:/run/php.sock\")"},
      {"http://php:80",
       "is a URL of another protocol: `http://php:80` (\"unix:/path\" or "
       "\"HOST:PORT\")"},
      {"scgi://php:80",
       "is a URL of another protocol: `scgi://php:80` (\"unix:/path\" or "
       "\"HOST:PORT\")"},
      {"fastcgi://php:80/a",
       "has a path or query, which only requests have: `fastcgi://php:80/a` "
       "(\"unix:/path\" or \"HOST:PORT\")"},
      {"unix:", "must name a path after `unix:` (\"unix:/run/uvhttpd/http.sock\")"},
      {"php:0", "has a port that is not 1 to 65535: `0`"},
      {"::1:9000", "has an IPv6 address without brackets: `::1:9000` (such as \"[::1]:9000\")"},
  };
  for (const Bad& row : kRows) {
    CAPTURE(row.text);
    CHECK(complaint_of(parse_script_upstream(row.text, "fastcgi", "/")) == row.complaint);
  }
}

TEST_CASE("A network is an address with the length of its prefix, or one address") {
  struct Row {
    const char* text;
    bool is_ipv6;
    unsigned bits;
    const char* written;
  };
  constexpr Row kRows[] = {
      {"10.0.0.0/8", false, 8, "10.0.0.0/8"},
      {"0.0.0.0/0", false, 0, "0.0.0.0/0"},
      {"192.168.128.0/17", false, 17, "192.168.128.0/17"},
      {"10.1.2.3", false, 32, "10.1.2.3"},
      {"10.1.2.3/32", false, 32, "10.1.2.3"},
      {"2001:DB8::/32", true, 32, "2001:db8::/32"},
      {"fe80::/10", true, 10, "fe80::/10"},
      {"::1", true, 128, "::1"},
      {"::/0", true, 0, "::/0"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const auto network = parse_network(row.text);
    REQUIRE(network);
    CHECK(network->is_ipv6 == row.is_ipv6);
    CHECK(network->bits == row.bits);
    CHECK(format_network(*network) == row.written);
    CHECK(*parse_network(row.written) == *network);
  }
  CHECK(parse_network("10.0.0.0/8")->ip == std::array<std::uint8_t, 16>{10});
}

TEST_CASE("What is no network is refused with the reason") {
  const std::string forms = " (\"10.0.0.0/8\", \"2001:db8::/32\", or one address without brackets)";
  const std::string none = "has something that is no address or network: ";
  const std::pair<const char*, std::string> rows[] = {
      {"", none + "``" + forms},
      {"example.org", none + "`example.org`" + forms},
      {"10.0.0/8", none + "`10.0.0/8`" + forms},
      {"[::1]", none + "`[::1]`" + forms},
      {"unix:", none + "`unix:`" + forms},
      {"10.0.0.0/33", "has a prefix that is not 0 to 32: `33`"},
      {"::/129", "has a prefix that is not 0 to 128: `129`"},
      {"10.0.0.0/", "has a prefix that is not 0 to 32: ``"},
      {"10.0.0.0/255.0.0.0", "has a prefix that is not 0 to 32: `255.0.0.0`"},
      {"10.1.2.3/8",
       "has a network with bits behind its prefix: `10.1.2.3/8` (did you mean "
       "\"10.0.0.0/8\"?)"},
      {"10.1.2.3/17",
       "has a network with bits behind its prefix: `10.1.2.3/17` (did you mean "
       "\"10.1.0.0/17\"?)"},
      {"2001:db8::1/33",
       "has a network with bits behind its prefix: `2001:db8::1/33` (did you "
       "mean \"2001:db8::/33\"?)"},
      {"::ffff:10.0.0.0/104",
       "has an IPv4 address in the form of IPv6: `::ffff:10.0.0.0/104` "
       "(\"10.0.0.0/8\")"},
  };
  for (const auto& [text, complaint] : rows) {
    CHECK(complaint_of(parse_network(text)) == complaint);
  }
}

}  // namespace
}  // namespace uvhttpd::config::tests
