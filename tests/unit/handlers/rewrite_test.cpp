// SPDX-License-Identifier: MIT
// unit/handlers/rewrite_test.cpp: Location and Set-Cookie of an upstream as the client gets them.
#include "handlers/wire/rewrite.h"

#include <doctest/doctest.h>

namespace uvhttpd::wire {
namespace {

const std::string kAuthorities[] = {"app.example:9000", "[::1]:9000", "app.example:80"};

UpstreamView view_of(std::string_view prefix, std::string_view base) {
  return {kAuthorities, base, prefix, "https", "Shop.example"};
}

struct Row {
  const char* name;
  std::string value;
  std::string rewritten;
};

}  // namespace

TEST_CASE("a Location of the upstream becomes a path of ours") {
  const Row rows[] = {
      {"its URL", "http://app.example:9000/a?b#c", "/shop/a?b#c"},
      {"its URL without a path", "http://app.example:9000", "/shop/"},
      {"only a query", "http://app.example:9000?b", "/shop/?b"},
      {"the other scheme", "https://app.example:9000/a", "/shop/a"},
      {"in other case", "HTTP://APP.example:9000/A", "/shop/A"},
      {"the default port", "http://app.example/a", "/shop/a"},
      {"the default port of https, which is another", "https://app.example/a",
       "https://app.example/a"},
      {"an IPv6 address", "http://[::1]:9000/a", "/shop/a"},
      {"no scheme", "//app.example:9000/a", "/shop/a"},
      {"ours", "https://shop.example/a", "/shop/a"},
      {"ours with its port", "https://shop.example:443/a", "/shop/a"},
      {"ours, with the scheme on purpose", "http://shop.example/a", "http://shop.example/a"},
      {"a path", "/a", "/shop/a"},
      {"the root", "/", "/shop/"},
      {"a relative path", "a/b", "a/b"},
      {"a query", "?b", "?b"},
      {"nothing", "", ""},
      {"a URL in a query", "/login?to=http://other.example/",
       "/shop/login?to=http://other.example/"},
      {"slashes in a path", "/a//b", "/shop/a//b"},
      {"another server", "http://other.example/a", "http://other.example/a"},
      {"another port", "http://app.example:9001/a", "http://app.example:9001/a"},
      {"a user", "http://u@app.example:9000/a", "http://u@app.example:9000/a"},
      {"the name as a user", "http://app.example:9000@other.example/",
       "http://app.example:9000@other.example/"},
      {"a longer name", "http://app.example:9000.other.example/",
       "http://app.example:9000.other.example/"},
      {"another server without a scheme", "//other.example/a", "//other.example/a"},
      {"another server behind a backslash", "/\\other.example/a", "/\\other.example/a"},
      {"another scheme", "ftp://app.example:9000/a", "ftp://app.example:9000/a"},
      {"mail", "mailto:a@app.example", "mailto:a@app.example"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(rewrite_location(row.value, view_of("/shop", "")) == row.rewritten);
  }
}

TEST_CASE("the upstream's base is taken off a Location") {
  const Row rows[] = {
      {"its URL", "http://app.example:9000/base/a", "/a"},
      {"the base itself", "http://app.example:9000/base", "/"},
      {"the base and a query", "/base?b", "/?b"},
      {"a path", "/base/a", "/a"},
      {"outside", "/other/a", "/other/a"},
      {"a name that goes on", "/bases/a", "/bases/a"},
      {"the URL of what is outside", "http://app.example:9000/", "http://app.example:9000/"},
      {"a path that would name a server", "/base//other.example/",
       "https://Shop.example//other.example/"},
      {"a backslash that would name a server", "/base/\\other.example/",
       "https://Shop.example/\\other.example/"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(rewrite_location(row.value, view_of("", "/base")) == row.rewritten);
  }
  CHECK(rewrite_location("/base", view_of("/shop", "/base")) == "/shop");
  CHECK(rewrite_location("/base/a", view_of("/shop", "/base")) == "/shop/a");
  CHECK(rewrite_location("/base?b", view_of("/shop", "/base")) == "/shop?b");
}

TEST_CASE("a Location never names another server than the upstream did") {
  const Row rows[] = {
      {"two slashes", "http://app.example:9000//other.example/",
       "https://Shop.example//other.example/"},
      {"a backslash", "http://app.example:9000\\other.example/",
       "https://Shop.example/\\other.example/"},
      {"a slash and a backslash", "http://app.example:9000/\\other.example/",
       "https://Shop.example/\\other.example/"},
  };
  UpstreamView view = view_of("", "");
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(rewrite_location(row.value, view) == row.rewritten);
  }
  view.authority = {};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(rewrite_location(row.value, view) == row.value);
  }
}

TEST_CASE("a cookie of the upstream becomes one of ours") {
  const Row rows[] = {
      {"no attributes", "a=b", "a=b"},
      {"nothing", "", ""},
      {"the root", "a=b; Path=/", "a=b; Path=/shop"},
      {"a path", "a=b; path=/x; Secure", "a=b; path=/shop/x; Secure"},
      {"white space", "a=b ;Path = /x ;HttpOnly", "a=b ;Path =/shop/x;HttpOnly"},
      {"no path at all", "a=b; Path=; Path", "a=b; Path=; Path"},
      {"a path that is none", "a=b; Path=x", "a=b; Path=x"},
      {"a path twice", "a=b; Path=/x; Path=/y", "a=b; Path=/shop/x; Path=/shop/y"},
      {"its host", "a=b; Domain=app.example; Secure", "a=b; Secure"},
      {"its host with a dot", "a=b; domain=.APP.example", "a=b"},
      {"a host above", "a=b; Domain=example", "a=b; Domain=example"},
      {"another host", "a=b; Domain=xapp.example", "a=b; Domain=xapp.example"},
      {"an empty host", "a=b; Domain=", "a=b; Domain="},
      {"a value that looks like an attribute", "Path=/x", "Path=/x"},
      {"empty attributes", "a=b;;=;= ;", "a=b;;=;= ;"},
      {"dates", "a=b; Expires=Wed, 21 Oct 2015 07:28:00 GMT; Path=/x",
       "a=b; Expires=Wed, 21 Oct 2015 07:28:00 GMT; Path=/shop/x"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(rewrite_cookie(row.value, view_of("/shop", "")) == row.rewritten);
  }
}

TEST_CASE("a cookie that its name binds to the host stays as it is") {
  for (const std::string value :
       {"__Host-a=b; Path=/; Secure", "__host-a=b; Path=/; Domain=app.example",
        " __Host-Http-a=b; Path=/; HttpOnly", "__Host-"}) {
    CAPTURE(value);
    CHECK(rewrite_cookie(value, view_of("/shop", "")) == value);
  }
  CHECK(rewrite_cookie("__Secure-a=__Host-b; Path=/", view_of("/shop", "")) ==
        "__Secure-a=__Host-b; Path=/shop");
  CHECK(rewrite_cookie("__Host=b; Path=/", view_of("/shop", "")) == "__Host=b; Path=/shop");
}

TEST_CASE("a cookie for all of the upstream's base is one for all of ours") {
  const Row rows[] = {
      {"the base", "a=b; Path=/up/base", "a=b; Path=/"},
      {"with a slash", "a=b; Path=/up/base/", "a=b; Path=/"},
      {"above", "a=b; Path=/up", "a=b; Path=/"},
      {"the root", "a=b; Path=/", "a=b; Path=/"},
      {"below", "a=b; Path=/up/base/x", "a=b; Path=/x"},
      {"outside", "a=b; Path=/up/other", "a=b; Path=/up/other"},
      {"a part of the name", "a=b; Path=/up/ba", "a=b; Path=/up/ba"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(rewrite_cookie(row.value, view_of("", "/up/base")) == row.rewritten);
  }
  CHECK(rewrite_cookie("a=b; Path=/up/base", view_of("/shop", "/up/base")) == "a=b; Path=/shop");
}

}  // namespace uvhttpd::wire
