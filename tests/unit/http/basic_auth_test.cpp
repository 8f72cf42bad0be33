// SPDX-License-Identifier: MIT
// unit/http/basic_auth_test.cpp: Basic authentication, RFC 7617 and RFC 9110 section 11.
#include "http/basic_auth.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sample_request.h"

namespace uvhttpd::http {

TEST_CASE("Basic credentials are a user and a password") {
  struct Row {
    std::string name;
    std::string_view field;
    std::string_view user;
    std::string_view password;
  };
  const Row rows[] = {
      {"the example of RFC 7617", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"},
      {"its example in UTF-8", "Basic dGVzdDoxMjPCow==", "test", "123\xc2\xa3"},
      {"Latin-1, as it is", "Basic dGVzdDoxMjOj", "test", "123\xa3"},
      {"the scheme in lower case", "basic YTpi", "a", "b"},
      {"the scheme in upper case", "BASIC YTpi", "a", "b"},
      {"several spaces", "Basic   YTpi", "a", "b"},
      {"a colon in the password", "Basic YTpiOmM6", "a", "b:c:"},
      {"an empty password", "Basic YTo=", "a", ""},
      {"an empty user", "Basic OmI=", "", "b"},
      {"a colon only", "Basic Og==", "", ""},
      {"both special signs of Base64", "Basic YTo+Pz8/fn4=", "a", ">???~~"},
      {"the other special sign", "Basic YTr7", "a", "\xfb"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto credentials = parse_basic_credentials(row.field);
    REQUIRE(credentials.has_value());
    CHECK(credentials->user == row.user);
    CHECK(credentials->password.view() == row.password);
  }
}

TEST_CASE("What is not Basic to the letter is no credentials") {
  struct Row {
    std::string name;
    std::string_view field;
  };
  const Row rows[] = {
      {"nothing", ""},
      {"only the scheme", "Basic"},
      {"the scheme and a space", "Basic "},
      {"another scheme", "Bearer YTpi"},
      {"a scheme that begins alike", "Basics YTpi"},
      {"a tab", "Basic\tYTpi"},
      {"no space", "BasicYTpi"},
      {"no padding", "Basic YTo"},
      {"too much padding", "Basic YTpi===="},
      {"only padding", "Basic ===="},
      {"padding in the middle", "Basic YT=pYTpi"},
      {"one sign too few of padding", "Basic Og="},
      {"bits where the padding is", "Basic YTp="},
      {"bits before two signs of padding", "Basic Oh=="},
      {"a space inside", "Basic YTpi YTpi"},
      {"something behind", "Basic YTpi, x=y"},
      {"the alphabet for URLs", "Basic YTr-"},
      {"a line end inside", "Basic YTpi\nYTpi"},
      {"parameters", "Basic user=\"a\""},
      {"no colon", "Basic YWI="},
      {"NUL in the user", "Basic YQA6Yg=="},
      {"NUL in the password", "Basic YTpiAA=="},
      {"a line feed in the user", "Basic YQpjOmI="},
      {"DEL in the password", "Basic YTp/"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK_FALSE(parse_basic_credentials(row.field).has_value());
  }
}

TEST_CASE("Credentials are those of the only Authorization field") {
  const auto credentials_in = [](const std::vector<test::Line>& lines) {
    return basic_credentials(test::SampleRequest(Method::get, lines).head().fields).has_value();
  };
  CHECK_FALSE(credentials_in({}));
  CHECK(credentials_in({{FieldName::authorization, "Basic YTpi"}}));
  CHECK_FALSE(credentials_in(
      {{FieldName::authorization, "Basic YTpi"}, {FieldName::authorization, "Basic YTpi"}}));
}

TEST_CASE("The realm of a challenge is a quoted string") {
  CHECK(basic_challenge("Staff only") == R"(Basic realm="Staff only", charset="UTF-8")");
  CHECK(basic_challenge(R"(a "b" \c)") == R"(Basic realm="a \"b\" \\c", charset="UTF-8")");
  CHECK(basic_challenge("Stra\xc3\x9f"
                        "e") ==
        "Basic realm=\"Stra\xc3\x9f"
        "e\", charset=\"UTF-8\"");
  CHECK(basic_challenge("a\r\nX: b") == R"(Basic realm="aX: b", charset="UTF-8")");
}

}  // namespace uvhttpd::http
