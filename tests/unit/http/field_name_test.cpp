// SPDX-License-Identifier: MIT
// unit/http/field_name_test.cpp: names of fields as numbers.
#include "http/field_name.h"

#include <doctest/doctest.h>

#include <iterator>
#include <string>

#include "base/text.h"

namespace uvhttpd::http {
namespace {

struct Named {
  FieldName number;
  std::string_view name;  // as the RFCs write it
};
constexpr Named kNamed[] = {
    {FieldName::accept, "Accept"},
    {FieldName::accept_encoding, "Accept-Encoding"},
    {FieldName::access_control_request_headers, "Access-Control-Request-Headers"},
    {FieldName::access_control_request_method, "Access-Control-Request-Method"},
    {FieldName::authorization, "Authorization"},
    {FieldName::connection, "Connection"},
    {FieldName::content_encoding, "Content-Encoding"},
    {FieldName::content_length, "Content-Length"},
    {FieldName::content_type, "Content-Type"},
    {FieldName::cookie, "Cookie"},
    {FieldName::date, "Date"},
    {FieldName::expect, "Expect"},
    {FieldName::forwarded, "Forwarded"},
    {FieldName::host, "Host"},
    {FieldName::if_match, "If-Match"},
    {FieldName::if_modified_since, "If-Modified-Since"},
    {FieldName::if_none_match, "If-None-Match"},
    {FieldName::if_range, "If-Range"},
    {FieldName::if_unmodified_since, "If-Unmodified-Since"},
    {FieldName::keep_alive, "Keep-Alive"},
    {FieldName::location, "Location"},
    {FieldName::max_forwards, "Max-Forwards"},
    {FieldName::origin, "Origin"},
    {FieldName::proxy, "Proxy"},
    {FieldName::proxy_authorization, "Proxy-Authorization"},
    {FieldName::proxy_connection, "Proxy-Connection"},
    {FieldName::range, "Range"},
    {FieldName::referer, "Referer"},
    {FieldName::server, "Server"},
    {FieldName::set_cookie, "Set-Cookie"},
    {FieldName::status, "Status"},
    {FieldName::te, "TE"},
    {FieldName::trailer, "Trailer"},
    {FieldName::transfer_encoding, "Transfer-Encoding"},
    {FieldName::upgrade, "Upgrade"},
    {FieldName::user_agent, "User-Agent"},
    {FieldName::via, "Via"},
    {FieldName::x_forwarded_for, "X-Forwarded-For"},
    {FieldName::x_forwarded_host, "X-Forwarded-Host"},
    {FieldName::x_forwarded_proto, "X-Forwarded-Proto"},
    {FieldName::x_real_ip, "X-Real-IP"},
};
static_assert(std::size(kNamed) + 1 == static_cast<std::size_t>(FieldName::count_),
              "every field name but `other` has a row");

}  // namespace

// The search goes by length, so a row out of that order could not be found.
TEST_CASE("Every FieldName is found by its name") {
  for (std::size_t i = 0; i < std::size(kNamed); ++i) {
    CAPTURE(kNamed[i].name);
    CHECK(static_cast<std::size_t>(kNamed[i].number) == i + 1);
    CHECK(field_name(kNamed[i].name) == kNamed[i].number);
  }
}

TEST_CASE("Field names are compared without case") {
  for (const Named& named : kNamed) {
    CAPTURE(named.name);
    std::string upper(named.name);
    for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    CHECK(field_name(upper) == named.number);
    CHECK(field_name(to_lower(named.name)) == named.number);
  }
}

TEST_CASE("A name that is nearly a known one is other") {
  for (const Named& named : kNamed) {
    CAPTURE(named.name);
    const std::string name(named.name);
    CHECK(field_name(name + "x") == FieldName::other);
    CHECK(field_name("x" + name) == FieldName::other);
    CHECK(field_name(name.substr(1)) == FieldName::other);
    CHECK(field_name(name.substr(0, name.size() - 1)) == FieldName::other);
    CHECK(field_name(name.substr(0, name.size() - 1) + "~") == FieldName::other);
    CHECK(field_name(name + std::string(1, '\0')) == FieldName::other);
  }
}

TEST_CASE("Names of any length that are not known are other") {
  for (std::size_t length = 0; length < 300; ++length) {
    CAPTURE(length);
    CHECK(field_name(std::string(length, 'x')) == FieldName::other);
  }
  CHECK(field_name("Content_Length") == FieldName::other);
}

}  // namespace uvhttpd::http
