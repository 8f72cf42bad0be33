// SPDX-License-Identifier: MIT
// unit/http/url_test.cpp: URLs taken apart for requests.
#include "http/url.h"

#include <doctest/doctest.h>

namespace uvhttpd::http::tests {
namespace {

TEST_CASE("parse_url takes URLs apart") {
  struct Row {
    std::string url;
    std::string host;
    unsigned port;
    std::string authority;
    std::string target;
  };
  const Row rows[] = {
      {"http://example.org/a/b?x=1", "example.org", 80, "example.org", "/a/b?x=1"},
      {"http://example.org", "example.org", 80, "example.org", "/"},
      {"http://example.org?x", "example.org", 80, "example.org", "/?x"},
      {"HTTP://Example.org:8080/", "Example.org", 8080, "Example.org:8080", "/"},
      {"http://example.org:/", "example.org", 80, "example.org:", "/"},
      {"https://example.org/", "example.org", 443, "example.org", "/"},
      {"http://[::1]:81/", "[::1]", 81, "[::1]:81", "/"},
      {"http://example.org/a#part", "example.org", 80, "example.org", "/a"},
      {"http://example.org/%zz", "example.org", 80, "example.org", "/%zz"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.url);
    const Result<Url> url = parse_url(row.url);
    REQUIRE(url.has_value());
    CHECK(url->host == row.host);
    CHECK(url->port == row.port);
    CHECK(url->authority == row.authority);
    CHECK(url->target == row.target);
    CHECK(url->is_https == row.url.starts_with("https"));
  }
}

TEST_CASE("parse_url refuses what is no http URL or would break the request line") {
  for (const std::string text :
       {"", "/path", "example.org", "ftp://example.org/", "http:/example.org", "http://",
        "http:///a", "http://a:70000/", "http://user@example.org/", "http://[::1/", "http://a/ b",
        "http://a/\r\nX: y", "http://a/\x7f"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_url(text).has_value());
  }
}

}  // namespace
}  // namespace uvhttpd::http::tests
