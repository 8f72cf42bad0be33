// SPDX-License-Identifier: MIT
// unit/base/secret_test.cpp: passwords that have one place in memory.
#include "base/secret.h"

#include <doctest/doctest.h>

#include <string>

namespace uvhttpd {

TEST_CASE("A Secret that is moved stays where it is, and leaves nothing behind") {
  Secret first(std::string_view("open sesame"));
  const char* place = first.c_str();
  Secret second(std::move(first));
  CHECK(second.c_str() == place);
  CHECK(second.view() == "open sesame");
  CHECK(first.view().empty());  // NOLINT: what is left of it is the point
  Secret third;
  third = std::move(second);
  CHECK(third.c_str() == place);
  CHECK(third.view() == "open sesame");
}

TEST_CASE("What a Secret is shortened by is wiped") {
  Secret secret(std::string_view("abcdef"));
  secret.shorten(2);
  CHECK(secret.view() == "ab");
  CHECK(std::string_view(secret.c_str(), 6) == std::string_view("ab\0\0\0\0", 6));
}

TEST_CASE("An empty Secret is an empty text") {
  CHECK(Secret().view().empty());
  CHECK(std::string(Secret().c_str()).empty());
  CHECK(Secret(std::string_view()).view().empty());
}

}  // namespace uvhttpd
