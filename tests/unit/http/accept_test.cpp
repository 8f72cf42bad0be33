// SPDX-License-Identifier: MIT
// unit/http/accept_test.cpp: Accept, RFC 9110 section 12.5.1.
#include "http/accept.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sample_request.h"

namespace uvhttpd::http {
namespace {

MediaPreference preference(const std::vector<std::string_view>& lines,
                           std::string_view type = "text/html") {
  std::vector<test::Line> fields;
  for (const std::string_view line : lines) fields.push_back({FieldName::accept, line});
  return media_preference(test::SampleRequest(Method::get, fields).head().fields, type);
}

}  // namespace

TEST_CASE("Without Accept every type is acceptable") {
  CHECK(preference({}) == MediaPreference{1000, 0});
}

TEST_CASE("The most precise range that matches says how much a type is wanted") {
  struct Row {
    std::string name;
    std::string_view line;
    MediaPreference html;
  };
  const Row rows[] = {
      {"nothing", "", {0, 0}},
      {"any type", "*/*", {1000, 1}},
      {"any text", "text/*;q=0.5", {500, 2}},
      {"the type itself", "text/html", {1000, 3}},
      {"any case", "TEXT/Html;Q=0.25", {250, 3}},
      {"another type", "text/plain", {0, 0}},
      {"another type of the same beginning", "text/html5, text/htm", {0, 0}},
      {"other types of one kind", "application/*", {0, 0}},
      {"precise after general", "*/*;q=0.9, text/*;q=0.8, text/html;q=0.1", {100, 3}},
      {"precise before general", "text/html;q=0.1, text/*;q=0.8, */*;q=0.9", {100, 3}},
      {"refused by name", "*/*, text/html;q=0", {0, 3}},
      {"twice", "text/html;q=0.2, text/html;q=0.4, text/html;q=0.3", {400, 3}},
      {"the charset it has", "text/html;charset=utf-8", {1000, 3}},
      {"the charset in quotes", "text/html; charset=\"UTF-8\" ;q=0.5", {500, 3}},
      {"a charset it has not", "text/html;charset=latin1", {0, 0}},
      {"a parameter it has not", "text/html;level=1, */*;q=0.1", {100, 1}},
      {"q before a parameter", "text/html;q=0.3;charset=utf-8", {300, 3}},
      {"a comma in quotes", "text/plain;x=\"a,text/html,b\", */*;q=0.1", {100, 1}},
      {"an escaped quote", "text/plain;x=\"\\\",text/html,\", */*;q=0.1", {100, 1}},
      {"white space and empty members", " ,\ttext/html ; q=0.7 ;,, ", {700, 3}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const MediaPreference found = preference({row.line});
    CHECK(found.quality == row.html.quality);
    CHECK(found.precision == row.html.precision);
  }
}

TEST_CASE("Several lines of Accept are one list") {
  CHECK(preference({"*/*;q=0.9", "text/html;q=0.1"}) == MediaPreference{100, 3});
  CHECK(preference({"text/html;q=0.1", "*/*;q=0.9"}) == MediaPreference{100, 3});
}

TEST_CASE("A malformed range is ignored, and its neighbours are not") {
  for (const std::string_view member :
       {"text", "text/", "/html", "text html", "text/html;q=2", "text/html;q=0.1234",
        "text/html;q=", "text/html;q", "text/html;charset", "text/html;=utf-8",
        "text/html;charset=", "text/html;charset=\"", "text/html/x", "te xt/html", "\"text/html\"",
        "*", "*/html", ";q=1"}) {
    CAPTURE(member);
    CHECK(preference({member}).quality == 0);
    if (member.find('"') != member.rfind('"') || member.find('"') == std::string_view::npos) {
      CHECK(preference({std::string(member) + ", text/*;q=0.7"}) == MediaPreference{700, 2});
    }
    CHECK(preference({"text/*;q=0.7," + std::string(member)}) == MediaPreference{700, 2});
  }
}

TEST_CASE("Of equal qualities the more precise one is preferred") {
  const std::vector<std::string_view> lines = {"application/json, */*"};
  CHECK(preference(lines, "application/json") > preference(lines, "text/html"));
}

TEST_CASE("Odd values of Accept give a preference within its bounds") {
  test::OddValues odd({"text/html", "*/*", ";", ",", "q=", "0.5", "\"", "\\", " ", "=", "a", "/"});
  for (int i = 0; i < 5'000; ++i) {
    const std::string value = odd.next();
    CAPTURE(value);
    const MediaPreference found = preference({value});
    REQUIRE(found.quality <= 1000);
    REQUIRE(found.precision <= 3);
  }
}

}  // namespace uvhttpd::http
