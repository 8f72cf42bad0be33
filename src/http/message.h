// SPDX-License-Identifier: MIT
// http/message.h: heads of messages as views of octets that somebody else owns.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/text.h"
#include "http/field_name.h"
#include "http/method.h"

namespace uvhttpd::http {

struct Field {
  FieldName known = FieldName::other;
  std::string_view name;   // as received
  std::string_view value;  // without surrounding white space
};

// The fields of one head in the order received. Lives as long as the head's octets.
class FieldList {
 public:
  FieldList() = default;
  explicit FieldList(std::span<const Field> fields) : fields_(fields) {
    for (const Field& field : fields) present_ |= bit_of(field.known);
  }

  bool has(FieldName name) const { return (present_ & bit_of(name)) != 0; }
  // The first field line of that name; nullptr when there is none. Not for FieldName::other.
  const Field* find(FieldName name) const {
    if (!has(name)) return nullptr;
    for (const Field& field : fields_) {
      if (field.known == name) return &field;
    }
    return nullptr;
  }
  std::optional<std::string_view> value(FieldName name) const {
    const Field* field = find(name);
    return field != nullptr ? std::optional(field->value) : std::nullopt;
  }
  // Of the first field line of that name, which may be one that FieldName does not know; "" when
  // there is none.
  std::string_view value_of(std::string_view name) const {
    for (const Field& field : fields_) {
      if (equals_ignoring_case(field.name, name)) return field.value;
    }
    return {};
  }
  // Calls use(value) for each field line of that name, in order.
  template <class Fn>
  void for_each(FieldName name, Fn&& use) const {
    if (!has(name)) return;
    for (const Field& field : fields_) {
      if (field.known == name) use(field.value);
    }
  }
  std::span<const Field> all() const { return fields_; }

 private:
  static constexpr std::uint64_t bit_of(FieldName name) {
    return std::uint64_t{1} << static_cast<unsigned>(name);
  }
  std::span<const Field> fields_;
  std::uint64_t present_ = 0;
};

struct RequestHead {
  Method method = Method::other;
  std::string_view method_text;
  std::string_view target;        // as received
  std::string_view version_text;  // "HTTP/1.1"
  int minor_version = 1;  // HTTP/1.x; a higher minor than 1 counts as 1 (RFC 9110 section 2.5)
  FieldList fields;
};

}  // namespace uvhttpd::http
