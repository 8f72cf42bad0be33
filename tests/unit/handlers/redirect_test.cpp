// SPDX-License-Identifier: MIT
// unit/handlers/redirect_test.cpp: where redirects lead.
#include "handlers/redirect.h"

#include <doctest/doctest.h>

#include "unit/handlers/built_handlers.h"

namespace uvhttpd::tests {
namespace {

TEST_CASE("expand_redirect fills the placeholders and takes the query along") {
  struct Row {
    std::string name;
    std::string to;
    std::string query;  // "-": none
    std::string location;
  };
  const Row rows[] = {
      {"nothing to fill", "/new", "-", "/new"},
      {"path", "/new/{path}", "-", "/new/a/b%20c"},
      {"everything", "{scheme}://{host}/{path}", "-", "http://example.org:8080/a/b%20c"},
      {"the query goes along", "/new/{path}", "x=1&y", "/new/a/b%20c?x=1&y"},
      {"an empty query too", "/new", "", "/new?"},
      {"unless the target has one", "/new?own=1", "x=1", "/new?own=1"},
      {"or says where it goes", "/new?q=2&{query}", "x=1", "/new?q=2&x=1"},
      {"no query where one would go", "/new?{query}", "-", "/new"},
      {"an unknown name stays", "/{other}/{path}", "-", "/{other}/a/b%20c"},
      {"an open brace stays", "/{path", "-", "/{path"},
      {"twice", "/{path}/{path}", "-", "/a/b%20c/a/b%20c"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    PlaceholderValues values{"a/b%20c", row.query, row.query != "-", "example.org:8080", "http"};
    if (!values.has_query) values.query = {};
    CHECK(expand_redirect(row.to, values) == row.location);
  }
}

std::string redirect(std::string_view path, std::string_view to, std::string_view more = "") {
  return "[[site.route]]\npath = \"" + std::string(path) + "\"\nhandler = \"redirect\"\nto = \"" +
         std::string(to) + "\"\n" + std::string(more) + "\n";
}

TEST_CASE("Redirect answers with the status and the place") {
  TestServer server("[[site]]\n" + redirect("/old/*", "/new/{path}") +
                        redirect("/form", "/other", "status = 307") +
                        redirect("/*", "https://{host}/{path}", "status = 308"),
                    {}, build_real);
  SUBCASE("the path below the route and the query") {
    const Answer answer = ask(server, "/old/a%20b/c?x=%41");
    CHECK(answer.status == 301);
    CHECK(answer.field("Location") == "/new/a%20b/c?x=%41");
    CHECK(answer.is_whole);
  }
  SUBCASE("another method") {
    const Answer answer = ask(server, "/form", "Content-Length: 0\r\n", "POST");
    CHECK(answer.status == 307);
    CHECK(answer.field("Location") == "/other");
  }
  SUBCASE("another scheme") {
    const Answer answer = ask(server, "/x");
    CHECK(answer.status == 308);
    CHECK(answer.field("Location") == "https://example.org/x");
  }
  SUBCASE("HEAD") {
    CHECK(ask(server, "/x", "", "HEAD").field("Location") == "https://example.org/x");
  }
}

TEST_CASE("Redirect never leads to a host that the path names") {
  TestServer server("[[site]]\n" + redirect("/*", "/{path}", "status = 302"), {}, build_real);
  for (const std::string target : {"//evil.example/a", "/%2fevil.example/a", "/.//evil.example/a",
                                   "/x/..//evil.example/a", "/%5cevil.example/a"}) {
    CAPTURE(target);
    const std::string location = ask(server, target).field("Location");
    REQUIRE(location.size() > 1);
    CHECK(location[0] == '/');
    CHECK(location[1] != '/');
    CHECK(location[1] != '\\');
  }
}

TEST_CASE("Redirect never lets a line end into Location") {
  TestServer server("[[site]]\n" + redirect("/*", "/{path}"), {}, build_real);
  const Answer answer = ask(server, "/a%0d%0aSet-Cookie:%20x");
  CHECK(answer.field("Location") == "/a%0D%0ASet-Cookie:%20x");
  CHECK_FALSE(answer.has("Set-Cookie"));
}

}  // namespace
}  // namespace uvhttpd::tests
