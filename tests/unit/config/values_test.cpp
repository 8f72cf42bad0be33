// SPDX-License-Identifier: MIT
// tests/unit/config/values_test.cpp: how single values are written.
#include "config/values.h"

#include <doctest/doctest.h>

#include <cstdint>

namespace uvhttpd::config {
namespace {

TEST_CASE("A size is a number with a unit that has one meaning") {
  struct Row {
    const char* text;
    Bytes bytes;
  };
  constexpr Row kRows[] = {
      {"0", 0},
      {"512", 512},
      {"7B", 7},
      {"16KiB", 16384},
      {"10MB", 10'000'000},
      {"1GiB", 1 << 30},
      {"3KB", 3000},
      {"2MiB", 2 << 20},
      {"4GB", 4'000'000'000},
      {"18446744073709551615", UINT64_MAX},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const auto bytes = parse_size(row.text);
    REQUIRE(bytes);
    CHECK(*bytes == row.bytes);
  }
}

TEST_CASE("What is no size, or none of 64 bits, is refused") {
  for (const char* text :
       {"", "KiB", "16 KiB", "16kb", "-1", "1.5MiB", "16KiBB", "0x10", " 1", "1 ",
        "18446744073709551616", "17179869184GiB", "99999999999999999999KB"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text));
  }
}

TEST_CASE("A duration is a whole number with a unit") {
  struct Row {
    const char* text;
    std::int64_t count;
  };
  constexpr Row kRows[] = {
      {"0s", 0}, {"500ms", 500}, {"15s", 15000}, {"2m", 120000}, {"1h", 3600000}};
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const auto duration = parse_duration(row.text);
    REQUIRE(duration);
    CHECK(duration->count() == row.count);
  }
  for (const char* text : {"", "15", "s", "15 s", "15S", "-1s", "1.5s", "1d",
                           "18446744073709551615s", "9223372036854775808ms", "2562047788016h"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("What is written of a size or duration reads back as the same") {
  for (const Bytes bytes : {Bytes{0}, Bytes{1}, Bytes{1000}, Bytes{1024}, Bytes{10} << 20,
                            Bytes{1'000'000'000}, UINT64_MAX}) {
    CHECK(*parse_size(format_size(bytes)) == bytes);
  }
  for (const std::int64_t count :
       {0, 1, 999, 1000, 1500, 60'000, 90'000, 120'000, 3'600'000, 86'400'000}) {
    CHECK(*parse_duration(format_duration(milliseconds(count))) == milliseconds(count));
  }
}

TEST_CASE("An address is an IP address and port, a socket's path or the name of a passed socket") {
  const auto ipv4 = parse_address("0.0.0.0:8080", "/etc");
  REQUIRE(ipv4);
  CHECK(ipv4->kind == Listener::Kind::ip);
  CHECK(ipv4->host == "0.0.0.0");
  CHECK(ipv4->port == 8080);
  const auto ipv6 = parse_address("[0:0::0:1]:65535", "/etc");
  REQUIRE(ipv6);
  CHECK(ipv6->host == "::1");
  CHECK(ipv6->port == 65535);
  CHECK(ipv6->address == "[0:0::0:1]:65535");
  const auto socket = parse_address("unix:../run/./http.sock", "/etc");
  REQUIRE(socket);
  CHECK(socket->kind == Listener::Kind::unix_socket);
  CHECK(socket->path == "/run/http.sock");
  const auto passed = parse_address("systemd:http", "/etc");
  REQUIRE(passed);
  CHECK(passed->kind == Listener::Kind::systemd);
  CHECK(passed->path == "http");
}

TEST_CASE("What is no address is refused") {
  const std::string long_path = "unix:/" + std::string(107, 'x');
  for (const std::string& text : {std::string(),
                                  std::string("8080"),
                                  std::string(":8080"),
                                  std::string("127.0.0.1"),
                                  std::string("127.0.0.1:"),
                                  std::string("127.0.0.1:65536"),
                                  std::string("127.0.0.1:-1"),
                                  std::string("127.0.0.1:000080"),
                                  std::string("127.0.0.1:80 "),
                                  std::string("localhost:80"),
                                  std::string("::1:80"),
                                  std::string("[::1]"),
                                  std::string("[127.0.0.1]:80"),
                                  std::string("[::1:80"),
                                  std::string("256.0.0.1:80"),
                                  std::string("unix:"),
                                  long_path,
                                  std::string("systemd:"),
                                  std::string("systemd:a b"),
                                  std::string("http://127.0.0.1:80"),
                                  std::string("127.0.0.1\0:80", 13)}) {
    CAPTURE(text);
    CHECK_FALSE(parse_address(text, "/"));
  }
}

TEST_CASE("Hosts are kept in the form in which they are compared") {
  struct Row {
    const char* written;
    const char* kept;
  };
  constexpr Row kRows[] = {
      {"Example.ORG", "example.org"},
      {"example.org.", "example.org"},
      {"*.Example.org", "*.example.org"},
      {"localhost", "localhost"},
      {"my_host", "my_host"},
      {"127.0.0.1", "127.0.0.1"},
      {"::1", "[::1]"},
      {"[0:0:0::1]", "[::1]"},
      {"xn--bcher-kva.example", "xn--bcher-kva.example"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.written);
    const auto host = parse_host(row.written);
    REQUIRE(host);
    CHECK(*host == row.kept);
  }
}

TEST_CASE("What is no host name is refused") {
  const std::string long_label(64, 'a');
  for (const std::string& text :
       {std::string(), std::string("."), std::string("*"), std::string("*."), std::string("a..b"),
        std::string("-a.b"), std::string("a-.b"), std::string("a b"), std::string("a.*.b"),
        std::string("**.a"), std::string("example.org:80"), std::string("http://a"),
        std::string("a/b"),
        std::string("b\xc3\xbc"
                    "cher.example"),
        std::string("[::1]:80"), long_label, std::string(300, 'a')}) {
    CAPTURE(text);
    CHECK_FALSE(parse_host(text));
  }
}

TEST_CASE("A pattern is taken apart into what precedes and what follows its star") {
  using Kind = PathPattern::Kind;
  struct Row {
    const char* text;
    Kind kind;
    const char* prefix;
    const char* extension;
  };
  constexpr Row kRows[] = {
      {"/", Kind::exact, "/", ""},
      {"/exact", Kind::exact, "/exact", ""},
      {"/*", Kind::prefix, "/", ""},
      {"/prefix/*", Kind::prefix, "/prefix/", ""},
      {"*.php", Kind::extension, "", ".php"},
      {"/dir/*.tar.gz", Kind::extension, "/dir/", ".tar.gz"},
      {"/50%", Kind::exact, "/50%", ""},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const auto pattern = parse_pattern(row.text);
    REQUIRE(pattern);
    CHECK(pattern->kind == row.kind);
    CHECK(pattern->prefix == row.prefix);
    CHECK(pattern->extension == row.extension);
    CHECK(pattern->text == row.text);
  }
}

TEST_CASE("A pattern that means nothing or can match nothing is refused") {
  for (const char* text :
       {"", "*", "exact", "*.", "*x", "/a*", "/*/b", "/*.a/b", "/a/*/*", "**.x", "/a?b", "/a#b",
        "/a/../b", "/./a", "/..", "/a%20b", "/a\tb", "http://x/"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_pattern(text));
  }
}

TEST_CASE("A pattern covers another if it takes all its paths") {
  struct Row {
    const char* outer;
    const char* inner;
    bool covers;
  };
  constexpr Row kRows[] = {
      {"/*", "/", true},           {"/*", "/a", true},          {"/*", "*.php", true},
      {"/*", "/a/*.php", true},    {"/*", "/*", true},          {"/a/*", "/a/b", true},
      {"/a/*", "/a/b/*", true},    {"/a/*", "/a/b/*.x", true},  {"/a/*", "/ab", false},
      {"/a/*", "/*", false},       {"/a/*", "*.x", false},      {"/a/b/*", "/a/*", false},
      {"/a/*", "/a/", true},       {"/a", "/a", true},          {"/a", "/b", false},
      {"/a", "/a/*", false},       {"*.php", "/x.php", true},   {"*.php", "/d/x.php", true},
      {"*.php", "/.php", false},   {"*.php", "/x.html", false}, {"*.php", "/a/*.php", true},
      {"*.gz", "*.tar.gz", true},  {"*.tar.gz", "*.gz", false}, {"/a/*.x", "/a/b.x", true},
      {"/a/*.x", "/b/b.x", false}, {"/a/*.x", "*.x", false},    {"*.php", "/*", false},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.outer);
    CAPTURE(row.inner);
    CHECK(covers(*parse_pattern(row.outer), *parse_pattern(row.inner)) == row.covers);
  }
}

TEST_CASE("A redirect's target has known placeholders and the octets of a URL") {
  for (const char* text : {"/", "/new/{path}", "https://{host}/{path}?{query}",
                           "{scheme}://{host}/", "//cdn.example/x", "/a%20b"}) {
    CAPTURE(text);
    CHECK(parse_redirect_target(text));
  }
  for (const char* text : {"", "new", "/{pth}", "/{path", "/{}", "/a b", "/a\r\nX: y", "/b\xc3\xbc",
                           "/<x>", "mailto:x", "http://{host}{path}", "https://example.org{path}",
                           "https://{query}/", "http://{host}:{path}/", "//{host}{path}"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_redirect_target(text));
  }
}

TEST_CASE("An origin is kept as a browser writes it") {
  struct Row {
    const char* written;
    const char* kept;
  };
  constexpr Row kRows[] = {
      {"*", "*"},
      {"https://app.example.org", "https://app.example.org"},
      {"HTTPS://App.Example.ORG", "https://app.example.org"},
      {"http://a:80", "http://a"},
      {"https://a:443", "https://a"},
      {"https://a:80", "https://a:80"},
      {"http://localhost:03000", "http://localhost:3000"},
      {"http://[0::1]:8080", "http://[::1]:8080"},
      {"http://[::1]", "http://[::1]"},
      {"https://*.example.org", "https://*.example.org"},
      {"capacitor://localhost", "capacitor://localhost"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.written);
    const auto origin = parse_origin(row.written);
    REQUIRE(origin);
    CHECK(*origin == row.kept);
  }
}

TEST_CASE("What no browser names as an origin is refused") {
  for (const char* text : {"",
                           "null",
                           "app.example.org",
                           "https://",
                           "https://a/",
                           "https://a/b",
                           "https://a?x",
                           "https://u@a",
                           "https://a:",
                           "https://a:0",
                           "https://a:65536",
                           "https://a:http",
                           "https://*",
                           "https://a.*.b",
                           "http://localhost:*",
                           "https://::1",
                           "https://a b",
                           "://a",
                           "1://a",
                           "h t://a",
                           "//a",
                           "https:a"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_origin(text));
  }
}

TEST_CASE("A URL is whole and has a path") {
  struct Row {
    const char* written;
    const char* kept;
  };
  constexpr Row kRows[] = {
      {"http://example.org/a?b", "http://example.org/a?b"},
      {"HTTPS://Example.org:8443", "https://Example.org:8443/"},
      {"http://a?x=1", "http://a/?x=1"},
      {"http://[::1]:80/a%20b", "http://[::1]:80/a%20b"},
      {"http://a//../%2e", "http://a//../%2e"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.written);
    const auto url = parse_url(row.written);
    REQUIRE(url);
    CHECK(*url == row.kept);
  }
  for (const char* text : {"", "/a", "a", "http:///a", "http://", "ftp://a/", "http://a/#b",
                           "http://u:p@a/", "http://a b/", "http://a/ b", "http://*.a/",
                           "http://a:x/", "http://::1/", "http://a/\xc3\xbc", "http://a/\x01"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_url(text));
  }
}

TEST_CASE("Content codings have the names that HTTP gives them") {
  for (const char* text : {"zstd", "br", "gzip"}) CHECK(parse_coding(text));
  for (const char* text : {"", "brotli", "BR", "deflate", "identity"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_coding(text));
  }
}

TEST_CASE("Field names are tokens that the server leaves to its operator") {
  for (const char* text : {"X-Frame-Options", "Content-Security-Policy", "x"})
    CHECK(parse_field_name(text));
  for (const char* text : {"", "X Y", "X:", "X\n", "b\xc3\xbc", "Content-Length",
                           "transfer-encoding", "Connection", "Server", "Date"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_field_name(text));
  }
}

TEST_CASE("Field values have no line ends and no space around them") {
  for (const char* text : {"", "a", "a\tb", "b\xc3\xbc"}) CHECK(parse_field_value(text));
  for (const char* text : {"a\r\nb", "a\nb", " a", "a ", "\x01", "\x7f"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_field_value(text));
  }
}

TEST_CASE("Paths are absolute and lexically normal") {
  CHECK(absolute_path("/etc/uvhttpd", "../www/") == "/etc/www");
  CHECK(absolute_path("/etc/uvhttpd", "/srv//www/./a") == "/srv/www/a");
  CHECK(absolute_path("/etc", "../../..") == "/");
  CHECK(absolute_path("/etc", ".") == "/etc");
}

}  // namespace
}  // namespace uvhttpd::config
