// SPDX-License-Identifier: MIT
// base/result.h: expected failures as values, in the shape of C++23's std::expected.
#pragma once

#include <string>
#include <system_error>
#include <utility>
#include <variant>

#include "base/assert.h"

namespace uvhttpd {

// What went wrong, as a sentence for a person, with the errno it came from (0: none).
struct Error {
  std::string message;
  int os_error = 0;

  // "opening /srv/www: No such file or directory"
  static Error from_errno(int code, const std::string& doing) {
    return {doing + ": " + std::generic_category().message(code), code};
  }
  // The same error with what was being done in front.
  Error with_context(const std::string& doing) && {
    return {doing + ": " + std::move(message), os_error};
  }
};

template <class E>
class Unexpected {
 public:
  explicit Unexpected(E error) : error_(std::move(error)) {}
  E&& take() && { return std::move(error_); }

 private:
  E error_;
};
template <class E>
Unexpected(E) -> Unexpected<E>;

// Either a T or the error that prevented it. Reading the absent side is a bug and asserts.
template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Unexpected<E> error) : state_(std::in_place_index<1>, std::move(error).take()) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return checked(std::get_if<0>(&state_)); }
  const T& value() const& { return checked(std::get_if<0>(&state_)); }
  T&& value() && { return std::move(checked(std::get_if<0>(&state_))); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  E& error() & { return checked(std::get_if<1>(&state_)); }
  const E& error() const& { return checked(std::get_if<1>(&state_)); }
  E&& error() && { return std::move(checked(std::get_if<1>(&state_))); }

 private:
  template <class U>
  static U& checked(U* pointer) {
    ASSERT(pointer != nullptr);
    return *pointer;
  }
  std::variant<T, E> state_;
};

template <class E>
class [[nodiscard]] Result<void, E> {
 public:
  Result() = default;
  Result(Unexpected<E> error) : state_(std::in_place_index<1>, std::move(error).take()) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  E& error() & { return checked(std::get_if<1>(&state_)); }
  const E& error() const& { return checked(std::get_if<1>(&state_)); }
  E&& error() && { return std::move(checked(std::get_if<1>(&state_))); }

 private:
  template <class U>
  static U& checked(U* pointer) {
    ASSERT(pointer != nullptr);
    return *pointer;
  }
  std::variant<std::monostate, E> state_;
};

}  // namespace uvhttpd

#define UVHTTPD_JOIN_INNER(a, b) a##b
#define UVHTTPD_JOIN(a, b) UVHTTPD_JOIN_INNER(a, b)

// TRY(expression): returns its error from the calling function, if it is one.
#define TRY(expression)                                            \
  do {                                                             \
    if (auto try_result = (expression); !try_result) {             \
      return ::uvhttpd::Unexpected(std::move(try_result).error()); \
    }                                                              \
  } while (false)

// TRY_ASSIGN(auto file, open(path)): declares the value, or returns the error.
#define TRY_ASSIGN(declaration, expression) \
  TRY_ASSIGN_AS(UVHTTPD_JOIN(try_result_, __LINE__), declaration, expression)
#define TRY_ASSIGN_AS(result, declaration, expression)                  \
  auto result = (expression);                                           \
  if (!result) return ::uvhttpd::Unexpected(std::move(result).error()); \
  declaration = *std::move(result)
