// SPDX-License-Identifier: MIT
// unit/http/status_test.cpp: reason phrases.
#include "http/status.h"

#include <doctest/doctest.h>

namespace uvhttpd::http {

TEST_CASE("reason_phrase gives the registered phrases of RFC 9110") {
  CHECK(reason_phrase(100) == "Continue");
  CHECK(reason_phrase(200) == "OK");
  CHECK(reason_phrase(404) == "Not Found");
  CHECK(reason_phrase(413) == "Content Too Large");
  CHECK(reason_phrase(422) == "Unprocessable Content");
  CHECK(reason_phrase(511) == "Network Authentication Required");
}

TEST_CASE("reason_phrase is never empty") {
  for (Status status = 0; status < 700; ++status) {
    CAPTURE(status);
    CHECK_FALSE(reason_phrase(status).empty());
  }
  CHECK(reason_phrase(299) == "Unknown");
  CHECK(reason_phrase(306) == "Unknown");
  CHECK(reason_phrase(418) == "Unknown");
}

}  // namespace uvhttpd::http
