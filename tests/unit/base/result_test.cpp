// SPDX-License-Identifier: MIT
// unit/base/result_test.cpp: values or errors, and how errors travel upwards.
#include "base/result.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <memory>
#include <string>

namespace uvhttpd {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Unexpected(Error{"odd", EINVAL});
  return number / 2;
}

Result<void> check_even(int number) {
  TRY(half(number));
  return {};
}

Result<std::string> quarter(int number) {
  TRY_ASSIGN(const int once, half(number));
  TRY_ASSIGN(const int twice, half(once));
  return std::to_string(twice);
}

Result<std::unique_ptr<int>> owned(bool is_there) {
  if (!is_there) return Unexpected(Error{"none"});
  return std::make_unique<int>(7);
}

Result<int> value_of_owned(bool is_there) {
  TRY_ASSIGN(const std::unique_ptr<int> pointer, owned(is_there));
  return *pointer;
}

}  // namespace

TEST_CASE("A result holds a value or an error") {
  Result<int> good = half(4);
  REQUIRE(good.has_value());
  CHECK(static_cast<bool>(good));
  CHECK(*good == 2);
  good.value() = 3;
  CHECK(*std::as_const(good) == 3);

  const Result<int> bad = half(3);
  CHECK_FALSE(bad.has_value());
  CHECK(bad.error().message == "odd");
  CHECK(bad.error().os_error == EINVAL);
}

TEST_CASE("A result of nothing holds success or an error") {
  CHECK(check_even(2).has_value());
  const Result<void> bad = check_even(1);
  CHECK_FALSE(bad.has_value());
  CHECK(bad.error().message == "odd");
}

TEST_CASE("TRY and TRY_ASSIGN hand the first error on") {
  CHECK(*quarter(8) == "2");
  CHECK(quarter(3).error().message == "odd");
  CHECK(quarter(6).error().message == "odd");
}

TEST_CASE("A value that only moves is moved out") {
  CHECK(*value_of_owned(true) == 7);
  CHECK(value_of_owned(false).error().message == "none");
  const std::unique_ptr<int> taken = *owned(true);
  CHECK(*taken == 7);
  CHECK(*owned(true).value() == 7);
}

TEST_CASE("The error may have a type of its own, even the value's") {
  const Result<int, int> good(1);
  const Result<int, int> bad(Unexpected(2));
  CHECK(*good == 1);
  CHECK(bad.error() == 2);
}

TEST_CASE("An error says what was being done") {
  const Error error = Error::from_errno(ENOENT, "opening /srv/www");
  CHECK(error.message == "opening /srv/www: No such file or directory");
  CHECK(error.os_error == ENOENT);
  Error copy = error;
  const Error further = std::move(copy).with_context("site example");
  CHECK(further.message == "site example: opening /srv/www: No such file or directory");
  CHECK(further.os_error == ENOENT);
}

}  // namespace uvhttpd
