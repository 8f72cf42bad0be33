// SPDX-License-Identifier: MIT
// unit/http/forwarded_test.cpp: Forwarded, RFC 7239, and X-Forwarded-For.
#include "http/forwarded.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sample_request.h"

namespace uvhttpd::http {
namespace {

using Lines = std::vector<std::string>;

// Each hop as "node proto host" with "-" for what is empty, separated by commas.
std::string describe(std::span<const Hop> hops) {
  std::string text;
  const auto or_dash = [](std::string_view part) { return part.empty() ? "-" : part; };
  for (const Hop& hop : hops) {
    if (!text.empty()) text += ", ";
    text.append(or_dash(hop.node)).append(" ").append(or_dash(hop.proto));
    text.append(" ").append(or_dash(hop.host));
  }
  return text;
}

std::string hops_of(FieldName name, const Lines& lines) {
  std::vector<test::Line> fields;
  for (const std::string& line : lines) fields.push_back({name, line});
  const test::SampleRequest sample(Method::get, fields);
  Arena arena;
  if (name == FieldName::x_forwarded_for) {
    return describe(x_forwarded_for_hops(sample.head().fields, arena));
  }
  const auto hops = forwarded_hops(sample.head().fields, arena);
  return hops ? describe(*hops) : "malformed";
}

struct Row {
  std::string_view name;
  Lines lines;
  std::string_view hops;
};

const std::vector<Row> kForwarded = {
    {"no field", {}, ""},
    {"an empty field", {""}, ""},
    {"commas", {" ,, ,"}, ""},
    {"semicolons", {";;"}, ""},
    {"an IPv4 address", {"for=192.0.2.60"}, "192.0.2.60 - -"},
    {"all parameters",
     {"for=192.0.2.60;proto=http;by=203.0.113.43;host=example.org"},
     "192.0.2.60 http example.org"},
    {"names in another case", {"For=192.0.2.60;PROTO=https;hOst=a"}, "192.0.2.60 https a"},
    {"an IPv4 address with a port", {"for=\"192.0.2.60:4711\""}, "192.0.2.60 - -"},
    {"an IPv6 address", {"for=\"[2001:db8::17]\""}, "2001:db8::17 - -"},
    {"an IPv6 address with a port", {"for=\"[2001:db8:cafe::17]:4711\""}, "2001:db8:cafe::17 - -"},
    {"an IPv6 address that embeds one of IPv4",
     {"for=\"[::ffff:192.0.2.1]\""},
     "::ffff:192.0.2.1 - -"},
    {"an obfuscated port", {"for=\"192.0.2.60:_x\""}, "192.0.2.60 - -"},
    {"unknown", {"for=unknown;proto=https"}, "- https -"},
    {"an obfuscated name", {"for=_gazonk"}, "- - -"},
    {"an obfuscated name with a port", {"for=\"_gazonk:80\""}, "- - -"},
    {"no for", {"proto=https"}, "- https -"},
    {"parameters nobody knows", {"for=192.0.2.1;secret=x;secret=\"y;,\""}, "192.0.2.1 - -"},
    {"several elements",
     {"for=192.0.2.1;proto=https, for=\"[2001:db8::1]\",for=198.51.100.17"},
     "192.0.2.1 https -, 2001:db8::1 - -, 198.51.100.17 - -"},
    {"several lines",
     {"for=192.0.2.1", "for=192.0.2.2, for=192.0.2.3"},
     "192.0.2.1 - -, 192.0.2.2 - -, 192.0.2.3 - -"},
    {"empty elements and pairs",
     {", for=192.0.2.1;;proto=http; ,,for=192.0.2.2;,"},
     "192.0.2.1 http -, 192.0.2.2 - -"},
    {"white space around the semicolon",
     {"for=192.0.2.1 ;\tproto=http ; host=a"},
     "192.0.2.1 http a"},
    {"a host with a port", {"host=\"a.example:81\""}, "- - a.example:81"},
    {"a host that is an IPv6 address", {"host=\"[::1]:81\""}, "- - [::1]:81"},
    {"separators in a string", {"for=\"a,b;c=d\", for=192.0.2.1"}, "- - -, 192.0.2.1 - -"},
    {"escapes in a string", {"for=\"19\\2.0.2.1\";host=\"\\a\\.b\""}, "192.0.2.1 - a.b"},
    {"an escaped quote", {"for=\"\\\", for=192.0.2.9\""}, "- - -"},
    {"a host with octets that no host has", {"for=192.0.2.1;host=\"a/b\""}, "192.0.2.1 - -"},
    {"a proto that is no scheme", {"for=192.0.2.1;proto=\"http://\""}, "192.0.2.1 - -"},
    {"a name for an address", {"for=localhost"}, "- - -"},
    {"too few octets", {"for=192.0.2"}, "- - -"},
    {"an octet too large", {"for=192.0.2.256"}, "- - -"},
    {"IPv6 without brackets", {"for=\"2001:db8::17\""}, "- - -"},
    {"IPv4 in brackets", {"for=\"[192.0.2.1]\""}, "- - -"},
    {"a bracket that is not closed", {"for=\"[2001:db8::17\""}, "- - -"},
    {"text behind the bracket", {"for=\"[2001:db8::17]x\""}, "- - -"},
    {"a zone", {"for=\"[fe80::1%eth0]\""}, "- - -"},
    {"a port of six digits", {"for=\"192.0.2.60:123456\""}, "- - -"},
    {"no port behind the colon", {"for=\"192.0.2.60:\""}, "- - -"},
    {"a very long node", {"for=" + std::string(5000, '1')}, "- - -"},
    {"an empty string", {"for=\"\""}, "- - -"},
    // Malformed: nothing at all.
    {"a colon outside a string", {"for=192.0.2.1:80"}, "malformed"},
    {"a bracket outside a string", {"for=[::1]"}, "malformed"},
    {"a string that has no end", {"for=192.0.2.1, for=\"192.0.2.2"}, "malformed"},
    {"a string that ends in an escape", {"for=\"192.0.2.2\\"}, "malformed"},
    {"text behind a string", {"for=\"192.0.2.1\"x"}, "malformed"},
    {"a string behind a token", {"for=192.0.2.1\"x\""}, "malformed"},
    {"white space before the equals sign", {"for =192.0.2.1"}, "malformed"},
    {"white space behind the equals sign", {"for= 192.0.2.1"}, "malformed"},
    {"two pairs without a semicolon", {"for=192.0.2.1 proto=http"}, "malformed"},
    {"a name alone", {"for"}, "malformed"},
    {"an address alone", {"192.0.2.1"}, "malformed"},
    {"no value", {"for=;proto=http"}, "malformed"},
    {"no name", {"=192.0.2.1"}, "malformed"},
    {"a parameter twice", {"for=192.0.2.1;for=192.0.2.2"}, "malformed"},
    {"by twice", {"by=a;BY=b"}, "malformed"},
    {"one bad line of two", {"for=192.0.2.1", "for"}, "malformed"},
    {"a bad line and a good one", {"for=\"", "for=192.0.2.1"}, "malformed"},
};

const std::vector<Row> kXForwardedFor = {
    {"no field", {}, ""},
    {"an empty field", {""}, ""},
    {"one address", {"192.0.2.1"}, "192.0.2.1 - -"},
    {"several addresses",
     {"192.0.2.1, 2001:db8::1,\t198.51.100.1"},
     "192.0.2.1 - -, 2001:db8::1 - -, 198.51.100.1 - -"},
    {"several lines",
     {"192.0.2.1", "192.0.2.2, 192.0.2.3"},
     "192.0.2.1 - -, 192.0.2.2 - -, 192.0.2.3 - -"},
    {"a port", {"192.0.2.1:4711"}, "192.0.2.1 - -"},
    {"brackets", {"[2001:db8::1]"}, "2001:db8::1 - -"},
    {"brackets and a port", {"[2001:db8::1]:4711"}, "2001:db8::1 - -"},
    {"empty members", {", 192.0.2.1,, "}, "192.0.2.1 - -"},
    {"unknown", {"unknown, 192.0.2.1"}, "- - -, 192.0.2.1 - -"},
    {"rubbish of a client", {"\"<x>, 192.0.2.1"}, "- - -, 192.0.2.1 - -"},
    {"a port that is none", {"192.0.2.1:x"}, "- - -"},
    {"white space within", {"192.0.2.1 192.0.2.2"}, "- - -"},
    {"zeros before a number", {"192.0.2.01"}, "- - -"},
};

bool is_address(std::string_view text) {
  unsigned char octets[sizeof(in6_addr)];
  const std::string terminated(text);
  return inet_pton(AF_INET, terminated.c_str(), octets) == 1 ||
         inet_pton(AF_INET6, terminated.c_str(), octets) == 1;
}

Lines numbered_lines(std::string_view before, std::size_t count) {
  std::string line;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) line += ", ";
    line.append(before).append("10.0.0.").append(std::to_string(i));
  }
  return {line};
}

std::string numbered_hops(std::size_t first, std::size_t end) {
  std::string hops;
  for (std::size_t i = first; i < end; ++i) {
    if (i > first) hops += ", ";
    hops.append("10.0.0.").append(std::to_string(i)).append(" - -");
  }
  return hops;
}

}  // namespace

TEST_CASE("Forwarded gives its elements in order, and none when it is malformed") {
  for (const Row& row : kForwarded) {
    CAPTURE(row.name);
    CHECK(hops_of(FieldName::forwarded, row.lines) == row.hops);
  }
}

TEST_CASE("X-Forwarded-For gives a hop for each member, be it an address or not") {
  for (const Row& row : kXForwardedFor) {
    CAPTURE(row.name);
    CHECK(hops_of(FieldName::x_forwarded_for, row.lines) == row.hops);
  }
}

TEST_CASE("Of too many hops the last ones are given") {
  for (const std::size_t count : {1U, 99U, 100U, 101U, 150U, 200U, 250U}) {
    CAPTURE(count);
    const std::string hops = numbered_hops(count > kMaxHops ? count - kMaxHops : 0, count);
    CHECK(hops_of(FieldName::forwarded, numbered_lines("for=", count)) == hops);
    CHECK(hops_of(FieldName::x_forwarded_for, numbered_lines("", count)) == hops);
  }
}

TEST_CASE("An element of Forwarded is quoted where it has to be") {
  struct Written {
    Hop hop;
    std::string_view element;
  };
  const Written rows[] = {
      {{"192.0.2.1", "", ""}, "for=192.0.2.1"},
      {{"192.0.2.1", "https", "example.org"}, "for=192.0.2.1;host=example.org;proto=https"},
      {{"2001:db8::1", "", ""}, "for=\"[2001:db8::1]\""},
      {{"2001:db8::1", "http", "a:8080"}, "for=\"[2001:db8::1]\";host=\"a:8080\";proto=http"},
      {{"192.0.2.1", "", "[::1]:81"}, "for=192.0.2.1;host=\"[::1]:81\""},
      {{"", "http", "a"}, "for=unknown;host=a;proto=http"},
      {{"unix:/run/x", "", ""}, "for=unknown"},
      {{"192.0.2.1;x", "", ""}, "for=unknown"},
      {{"", "", "a\"\\b"}, "for=unknown;host=\"a\\\"\\\\b\""},
      {{"", "http", "a\r\nX: b"}, "for=unknown;proto=http"},
  };
  for (const Written& row : rows) {
    CAPTURE(row.element);
    Arena arena;
    CHECK(forwarded_element(row.hop, arena) == row.element);
  }
}

TEST_CASE("What forwarded_element writes is read again") {
  for (const Hop& hop : {Hop{"192.0.2.1", "https", "example.org:8443"},
                         Hop{"2001:db8::1", "http", "[2001:db8::2]"}, Hop{"", "", "a"}}) {
    Arena arena;
    const std::string_view element = forwarded_element(hop, arena);
    CHECK(hops_of(FieldName::forwarded, {std::string(element)}) == describe({&hop, 1}));
  }
}

TEST_CASE("Whatever Forwarded says, its nodes are addresses or empty") {
  test::OddValues values({"for=", "\"", "[", "]", "192.0.2.1", "2001:db8::1", ":80", ",", ";",
                          "proto=https", " ", "\\"});
  for (int i = 0; i < 5000; ++i) {
    const std::string line = values.next();
    CAPTURE(line);
    const test::SampleRequest sample(
        Method::get, {{FieldName::forwarded, line}, {FieldName::x_forwarded_for, line}});
    Arena arena;
    for (const auto& hops :
         {forwarded_hops(sample.head().fields, arena).value_or(std::span<const Hop>{}),
          x_forwarded_for_hops(sample.head().fields, arena)}) {
      for (const Hop& hop : hops) {
        REQUIRE((hop.node.empty() || is_address(hop.node)));
      }
    }
  }
}

}  // namespace uvhttpd::http
