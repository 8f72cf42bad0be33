// SPDX-License-Identifier: MIT
// unit/http/target_test.cpp: request targets and Host, split and normalised.
#include "http/target.h"

#include <doctest/doctest.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/text.h"
#include "sample_request.h"

namespace uvhttpd::http {
namespace {

using test::Line;
using Form = Target::Form;

struct PathRow {
  std::string_view raw;
  std::string_view path;
  bool has_encoded_slash = false;
};

constexpr PathRow kPaths[] = {
    {"/", "/"},
    {"/a", "/a"},
    {"/a/", "/a/"},
    {"/a/b.c", "/a/b.c"},
    {"/.", "/"},
    {"/./", "/"},
    {"/./.", "/"},
    {"/a/.", "/a/"},
    {"/a/./b", "/a/b"},
    {"/..", "/"},
    {"/../", "/"},
    {"/../..", "/"},
    {"/../../../etc/passwd", "/etc/passwd"},
    {"/a/..", "/"},
    {"/a/../", "/"},
    {"/a/../b", "/b"},
    {"/a/b/..", "/a/"},
    {"/a/b/../c", "/a/c"},
    {"/a/b/../../c", "/c"},
    {"/a/b/../../../c", "/c"},
    {"/a/b/c/../../d/", "/a/d/"},
    {"/aa/bb/../cc/../../dd", "/dd"},
    {"/.a", "/.a"},
    {"/..a", "/..a"},
    {"/a.", "/a."},
    {"/a..", "/a.."},
    {"/...", "/..."},
    {"/.../..", "/"},
    {"/.well-known/x", "/.well-known/x"},
    {"//", "/"},
    {"///", "/"},
    {"//a", "/a"},
    {"//host/path", "/host/path"},
    {"/a//b", "/a/b"},
    {"/a//", "/a/"},
    {"/a///b//c", "/a/b/c"},
    {"/a//..", "/"},
    {"/a//../b", "/b"},
    {"/..//a", "/a"},
    {"/.//a", "/a"},
    {"/a/.//b", "/a/b"},
    {"/%61", "/a"},
    {"/%41%5a", "/AZ"},
    {"/%2e", "/"},
    {"/%2E%2e", "/"},
    {"/.%2e", "/"},
    {"/%2e.", "/"},
    {"/a/%2e%2e/b", "/b"},
    {"/a/%2e/b", "/a/b"},
    {"/%2e%2e/%2e%2e/etc/passwd", "/etc/passwd"},
    {"/%252e%252e/a", "/%2e%2e/a"},
    {"/%2541", "/%41"},
    {"/%25", "/%"},
    {"/%252f", "/%2f"},
    {"/a%20b", "/a b"},
    {"/a+b", "/a+b"},
    {"/%c3%a4", "/\xc3\xa4"},
    {"/%ff", "/\xff"},
    {"/%0a%0d%7f", "/\n\r\x7f"},
    {"/a%3fb", "/a?b"},
    {"/a%23b", "/a#b"},
    {"/a\\b", "/a\\b"},
    {"/a%5c..%5cb", "/a\\..\\b"},
    {"/a%2fb", "/a/b", true},
    {"/a%2Fb", "/a/b", true},
    {"/%2f", "/", true},
    {"/%2f%2fhost", "/host", true},
    {"/a%2f", "/a/", true},
    {"/a%2f..%2fb", "/b", true},
    {"/..%2f..%2fetc", "/etc", true},
    {"/%2e%2e%2fetc", "/etc", true},
};

struct HostRow {
  std::string_view text;
  std::string_view host;
  std::string_view port;
};

constexpr HostRow kHosts[] = {
    {"a", "a", ""},
    {"example.com", "example.com", ""},
    {"example.com.", "example.com.", ""},
    {"EXAMPLE.com", "EXAMPLE.com", ""},
    {"example.com:80", "example.com", "80"},
    {"example.com:", "example.com", ""},
    {"a:0", "a", "0"},
    {"a:65535", "a", "65535"},
    {"a:00080", "a", "00080"},
    {"127.0.0.1", "127.0.0.1", ""},
    {"127.0.0.1:8080", "127.0.0.1", "8080"},
    {"a_b-c~d", "a_b-c~d", ""},
    {"a!$&'()*+,;=b", "a!$&'()*+,;=b", ""},
    {"a%20b", "a%20b", ""},
    {"xn--bcher-kva.example", "xn--bcher-kva.example", ""},
    {"[::]", "[::]", ""},
    {"[::1]", "[::1]", ""},
    {"[::1]:8080", "[::1]", "8080"},
    {"[::1]:", "[::1]", ""},
    {"[2001:db8::A]", "[2001:db8::A]", ""},
    {"[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]", "1"},
};

constexpr std::string_view kBadHosts[] = {
    "",        ":",       ":80",         "a:b",      "a:80:80",
    "a:-1",    "a:+1",    "a: 80",       "a:65536",  "a:99999999999999999999",
    "a:8a",    "a b",     "a\tb",        "a/b",      "a/",
    "/",       "a?b",     "a#b",         "user@a",   "user:pass@a:80",
    "a@",      "@",       "a\\b",        "a\"b",     "<a>",
    "a^b",     "a`b",     "a{b}",        "a|b",      "a%",
    "a%2",     "a%zz",    "a%2g",        "\xc3\xa4", "a\x7f",
    "[",       "]",       "[]",          "[]:80",    "[a]",
    "[12]",    "[1:2]",   "[::1",        "::1",      "[::1]a",
    "[::1]80", "[::1]:x", "[::1]:65536", "[::g]",    "[::1%eth0]",
    "[v1.a]",  "a[::1]",  "[[::1]]",     "http://a", "a, b",
};

std::optional<std::string> normalized(std::string_view raw, Arena& arena, bool& has_encoded_slash) {
  const auto path = normalize_path(raw, arena, has_encoded_slash);
  if (!path) {
    CHECK(path.error().status == 400);
    return std::nullopt;
  }
  return std::string(*path);
}

bool has_bad_segment(std::string_view path) {
  path.remove_prefix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment == "." || segment == "..") return true;
    if (slash == std::string_view::npos) return false;
    if (segment.empty()) return true;
    path.remove_prefix(slash + 1);
  }
}

struct Asked {
  Method method = Method::get;
  std::string_view target = "/";
  std::vector<Line> lines = {{FieldName::host, "a"}};
  int minor_version = 1;
};

// Keeps what the views of a target point into.
class Parsed {
 public:
  explicit Parsed(const Asked& asked) : sample_(asked.method, asked.lines) {
    RequestHead head = sample_.head();
    head.target = asked.target;
    head.minor_version = asked.minor_version;
    result_.emplace(parse_target(head, arena_));
  }
  Status status() const { return *result_ ? 0 : result_->error().status; }
  const Target* operator->() const { return &**result_; }

 private:
  test::SampleRequest sample_;
  Arena arena_;
  std::optional<Result<Target, Refusal>> result_;
};

}  // namespace

TEST_CASE("normalize_path decodes once, resolves dot segments and merges slashes") {
  for (const PathRow& row : kPaths) {
    CAPTURE(row.raw);
    Arena arena;
    bool has_encoded_slash = false;
    CHECK(normalized(row.raw, arena, has_encoded_slash) == row.path);
    CHECK(has_encoded_slash == row.has_encoded_slash);
  }
}

TEST_CASE("normalize_path refuses NUL and malformed percent-encoding") {
  for (const std::string_view raw :
       {"/%00", "/a%00b", "/%", "/%2", "/a%", "/%zz", "/%2g", "/%g2", "/%-1", "/%+1", "/%%20",
        "/% 20", "/%u0041", "/a/%2", "/%2/%2e"}) {
    CAPTURE(raw);
    Arena arena;
    bool has_encoded_slash = false;
    CHECK(normalized(raw, arena, has_encoded_slash) == std::nullopt);
  }
}

TEST_CASE("A path that is normal already is not copied") {
  Arena arena;
  bool has_encoded_slash = false;
  const std::string_view raw = "/a/b.c/d..";
  CHECK(normalize_path(raw, arena, has_encoded_slash)->data() == raw.data());
}

TEST_CASE("A normalised path begins with a slash and has no empty or dot segment inside") {
  const std::string_view pieces[] = {"/",   "/",   ".",  "..",   "a",   "bc",  "%2e", "%2E", "%2f",
                                     "%25", "%61", "//", "/../", "/./", "%c3", ";",   "..."};
  std::mt19937 random(20240229);
  for (int round = 0; round < 20'000; ++round) {
    std::string raw = "/";
    for (auto count = random() % 12; count > 0; --count)
      raw += pieces[random() % std::size(pieces)];
    CAPTURE(raw);
    Arena arena;
    bool has_encoded_slash = false;
    const std::optional<std::string> path = normalized(raw, arena, has_encoded_slash);
    REQUIRE(path.has_value());
    REQUIRE(path->starts_with('/'));
    REQUIRE_FALSE(has_bad_segment(*path));
    REQUIRE(has_encoded_slash == (to_lower(raw).find("%2f") != std::string::npos));
    // Encoded again and normalised, it is the same path: a redirect leads to where it says.
    const std::string_view encoded = encode_path(*path, arena);
    REQUIRE(normalized(encoded, arena, has_encoded_slash) == *path);
    REQUIRE_FALSE(encoded.starts_with("//"));
  }
}

TEST_CASE("encode_path keeps what stands for itself and encodes the rest") {
  Arena arena;
  for (int octet = 1; octet < 256; ++octet) {
    CAPTURE(octet);
    const std::string path = std::string("/a") + static_cast<char>(octet);
    const std::string encoded(encode_path(path, arena));
    const bool stays = (octet < 0x80 && std::isalnum(octet) != 0) ||
                       std::string_view("-._~!$&'()*+,;=:@/").find(static_cast<char>(octet)) !=
                           std::string_view::npos;
    if (stays) {
      CHECK(encoded == path);
    } else {
      const char* const hex = "0123456789ABCDEF";
      CHECK(encoded == std::string("/a%") + hex[octet / 16] + hex[octet % 16]);
    }
  }
  CHECK(encode_path("/a b/\xc3\xa4?%", arena) == "/a%20b/%C3%A4%3F%25");
  CHECK(encode_path("/\\\\host", arena) == "/%5C%5Chost");
}

TEST_CASE("parse_authority splits what is valid") {
  for (const HostRow& row : kHosts) {
    CAPTURE(row.text);
    const std::optional<Authority> authority = parse_authority(row.text);
    REQUIRE(authority.has_value());
    CHECK(authority->host == row.host);
    CHECK(authority->port == row.port);
  }
}

TEST_CASE("parse_authority refuses what is not valid") {
  for (const std::string_view text : kBadHosts) {
    CAPTURE(text);
    CHECK_FALSE(parse_authority(text).has_value());
  }
  CHECK_FALSE(parse_authority(std::string_view("a\0b", 3)).has_value());
}

TEST_CASE("Host must come once in HTTP/1.1 and be valid") {
  for (const HostRow& row : kHosts) {
    CAPTURE(row.text);
    CHECK(Parsed({.lines = {{FieldName::host, row.text}}}).status() == 0);
  }
  for (const std::string_view text : kBadHosts) {
    CAPTURE(text);
    CHECK(Parsed({.lines = {{FieldName::host, text}}}).status() == 400);
    CHECK(Parsed({.lines = {{FieldName::host, text}}, .minor_version = 0}).status() == 400);
    CHECK(Parsed({.target = "http://b/", .lines = {{FieldName::host, text}}}).status() == 400);
  }
  CHECK(Parsed({.lines = {}}).status() == 400);
  CHECK(Parsed({.lines = {}, .minor_version = 0}).status() == 0);
  CHECK(Parsed({.target = "http://a/", .lines = {}}).status() == 400);
  const std::vector<Line> twice = {{FieldName::host, "a"}, {FieldName::host, "a"}};
  CHECK(Parsed({.lines = twice}).status() == 400);
  CHECK(Parsed({.lines = twice, .minor_version = 0}).status() == 400);
}

TEST_CASE("The host is in lower case, without port and trailing dot") {
  const Parsed parsed({.lines = {{FieldName::host, "WWW.Example.COM.:8080"}}});
  CHECK(parsed->host == "www.example.com");
  CHECK(parsed->authority == "WWW.Example.COM.:8080");
  CHECK(Parsed({.lines = {{FieldName::host, "[::A]:80"}}})->host == "[::a]");
  CHECK(Parsed({.lines = {{FieldName::host, "."}}})->host == ".");
  CHECK(Parsed({.lines = {}, .minor_version = 0})->host.empty());
}

TEST_CASE("An origin target has a path and may have a query") {
  const Parsed plain({.target = "/a/../b%20c"});
  CHECK(plain->form == Form::origin);
  CHECK(plain->raw_path == "/a/../b%20c");
  CHECK(plain->path == "/b c");
  CHECK_FALSE(plain->has_query);

  const Parsed query({.target = "/a?b=/../%zz?c"});
  CHECK(query->path == "/a");
  CHECK(query->raw_path == "/a");
  CHECK(query->query == "b=/../%zz?c");
  CHECK(query->has_query);

  const Parsed empty({.target = "/a?"});
  CHECK(empty->has_query);
  CHECK(empty->query.empty());

  const Parsed slashes({.target = "//evil.example/%2e%2e"});
  CHECK(slashes->form == Form::origin);
  CHECK(slashes->path == "/");
  CHECK(slashes->host == "a");
}

TEST_CASE("An absolute target's authority replaces Host") {
  const Parsed parsed({.target = "http://B.example:81/x?y", .lines = {{FieldName::host, "a"}}});
  CHECK(parsed->form == Form::absolute);
  CHECK(parsed->host == "b.example");
  CHECK(parsed->authority == "B.example:81");
  CHECK(parsed->path == "/x");
  CHECK(parsed->query == "y");

  CHECK(Parsed({.target = "HTTPS://b/x"})->path == "/x");
  CHECK(Parsed({.target = "http://b"})->path == "/");
  CHECK(Parsed({.target = "http://b"})->raw_path == "/");
  CHECK(Parsed({.target = "http://b?c"})->path == "/");
  CHECK(Parsed({.target = "http://b?c"})->query == "c");
  CHECK(Parsed({.target = "http://b//../c"})->path == "/c");
  CHECK(Parsed({.target = "http://[::1]:80/"})->host == "[::1]");
  CHECK(Parsed({.target = "http://b/x", .lines = {}, .minor_version = 0})->host == "b");
}

TEST_CASE("OPTIONS asks about the server with an asterisk or an absolute target without a path") {
  const Parsed asterisk({.method = Method::options, .target = "*"});
  CHECK(asterisk->form == Form::asterisk);
  CHECK(asterisk->path == "*");
  CHECK(asterisk->host == "a");
  CHECK(Parsed({.method = Method::options, .target = "http://b"})->path == "*");
  CHECK(Parsed({.method = Method::options, .target = "http://b/"})->path == "/");
  CHECK(Parsed({.method = Method::get, .target = "*"}).status() == 400);
}

TEST_CASE("Parameters of a path end with their segment") {
  struct Row {
    std::string_view path;
    std::string_view without;
  };
  constexpr Row kRows[] = {{"/a/b", "/a/b"},       {"/a;b/c", "/a/c"}, {"/a;b;c=d/e;", "/a/e"},
                           {"/;/a", "//a"},        {";", ""},          {"/a%3Bb", "/a%3Bb"},
                           {"/..;x/..;", "/../.."}};
  Arena arena;
  for (const Row& row : kRows) {
    CAPTURE(row.path);
    CHECK(without_parameters(row.path, arena) == row.without);
  }
}

TEST_CASE("CONNECT names host and port") {
  const Parsed parsed({.method = Method::connect, .target = "B:443"});
  CHECK(parsed->form == Form::authority);
  CHECK(parsed->path.empty());
  CHECK(parsed->host == "b");
  CHECK(parsed->authority == "B:443");
  for (const std::string_view target : {"b", "b:", "/", "http://b:443/", "*", "b:443/", ":443"}) {
    CAPTURE(target);
    CHECK(Parsed({.method = Method::connect, .target = target}).status() == 400);
  }
}

TEST_CASE("A target that is neither a path nor an http URI is refused") {
  for (const std::string_view target : {"a",
                                        "a/b",
                                        "?a",
                                        "a:443",
                                        "ftp://a/",
                                        "http:/a",
                                        "http:a",
                                        "http//a/",
                                        "://a/",
                                        "http://",
                                        "http:///a",
                                        "http://?a",
                                        "http://user@a/",
                                        "http://a b/",
                                        "http://a:x/",
                                        "http://a:65536/",
                                        "mailto:a",
                                        "/a#b",
                                        "http://a/#b",
                                        "/\xc3\xa4",
                                        "/a\x7f",
                                        "/a b",
                                        "/a\tb",
                                        "/%00",
                                        "/%zz",
                                        "http://a/%zz",
                                        "**",
                                        "",
                                        "x?http://a/"}) {
    CAPTURE(target);
    CHECK(Parsed({.target = target}).status() == 400);
  }
}

TEST_CASE("A slash that was encoded is flagged, in the path only") {
  CHECK(Parsed({.target = "/a%2fb"})->has_encoded_slash);
  CHECK_FALSE(Parsed({.target = "/a?b%2fc"})->has_encoded_slash);
}

}  // namespace uvhttpd::http
