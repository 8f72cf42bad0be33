// SPDX-License-Identifier: MIT
// unit/http/method_test.cpp: names of methods.
#include "http/method.h"

#include <doctest/doctest.h>

#include <string>

namespace uvhttpd::http {

TEST_CASE("method_of knows the methods of RFC 9110 and PATCH") {
  CHECK(method_of("GET") == Method::get);
  CHECK(method_of("HEAD") == Method::head);
  CHECK(method_of("POST") == Method::post);
  CHECK(method_of("PUT") == Method::put);
  CHECK(method_of("DELETE") == Method::delete_);
  CHECK(method_of("OPTIONS") == Method::options);
  CHECK(method_of("PATCH") == Method::patch);
  CHECK(method_of("TRACE") == Method::trace);
  CHECK(method_of("CONNECT") == Method::connect);
}

TEST_CASE("method_of tells registered methods from unknown ones") {
  for (const std::string_view name : {"PROPFIND", "MKCOL", "LOCK", "SEARCH", "ACL", "REPORT",
                                      "PURGE", "NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE", "M-SEARCH"}) {
    CAPTURE(name);
    CHECK(method_of(name) == Method::registered);
  }
  for (const std::string_view name :
       {"", "G", "GETS", "GE", "BREW", "PROPFIN", "PROPFINDS", "QUERY", "SOURCE"}) {
    CAPTURE(name);
    CHECK(method_of(name) == Method::other);
  }
}

TEST_CASE("Methods are case-sensitive, RFC 9110 section 9.1") {
  for (const std::string_view name : {"get", "Get", "hEAD", "propfind"}) {
    CAPTURE(name);
    CHECK(method_of(name) == Method::other);
  }
}

}  // namespace uvhttpd::http
