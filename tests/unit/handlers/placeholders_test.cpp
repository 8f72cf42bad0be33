// SPDX-License-Identifier: MIT
// unit/handlers/placeholders_test.cpp: what stands for a placeholder, and what does not.
#include "handlers/placeholders.h"

#include <doctest/doctest.h>

#include "base/text.h"

namespace uvhttpd::tests {
namespace {

TEST_CASE("fill_placeholders fills what it knows and leaves the rest") {
  struct Row {
    std::string name;
    std::string text;
    std::string filled;
  };
  const Row rows[] = {
      {"nothing", "", ""},
      {"no placeholder", "plain", "plain"},
      {"each", "{path}|{query}|{host}|{scheme}", "a/<b>|x=1|example.org:80|http"},
      {"twice", "{path}{path}", "a/<b>a/<b>"},
      {"a JSON object", R"({"path": "{path}", "n": {}})", R"({"path": "a/<b>", "n": {}})"},
      {"an unknown name", "{Path} {other}", "{Path} {other}"},
      {"a brace before one", "{{path}}", "{a/<b>}"},
      {"an open brace", "{path", "{path"},
      {"a lonely brace at the end", "x{", "x{"},
  };
  const PlaceholderValues values{"a/<b>", "x=1", true, "example.org:80", "http"};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(fill_placeholders(row.text, values, [](std::string_view value) {
            return std::string(value);
          }) == row.filled);
  }
}

TEST_CASE("fill_placeholders escapes values and nothing else, and fills in only once") {
  const PlaceholderValues values{"{query}<i>", "&", true, "h", "http"};
  CHECK(fill_placeholders("<b>{path}</b>{query}", values, escape_for_html) ==
        "<b>{query}&lt;i&gt;</b>&amp;");
}

TEST_CASE("fields for an upstream have placeholders of their own") {
  const ForwardedValues values{"192.0.2.7", "example.org:80", "https", "http://127.0.0.1:9000",
                               "4f1c"};
  CHECK(fill_placeholders("{client}|{host}|{scheme}|{upstream}|{request_id}", values) ==
        "192.0.2.7|example.org:80|https|http://127.0.0.1:9000|4f1c");
  CHECK(fill_placeholders("for={client};x={path}{query}", values) ==
        "for=192.0.2.7;x={path}{query}");
  const PlaceholderValues others{"p", "q", true, "h", "http"};
  CHECK(fill_placeholders("{client} {request_id}", others, escape_for_html) ==
        "{client} {request_id}");
}

}  // namespace
}  // namespace uvhttpd::tests
