// SPDX-License-Identifier: MIT
// config/document.h: a TOML text as a tree in which everything knows where it stands. toml11 ends
// here: no other file includes it, and none of its exceptions goes further.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/source.h"

namespace uvhttpd::config {

struct Node {
  enum class Kind { boolean, integer, real, string, time, array, table };
  Kind kind = Kind::table;
  bool boolean = false;
  std::int64_t integer = 0;
  bool integer_too_large = false;
  double real = 0;
  std::string text;
  std::vector<Node> children;  // elements of an array, members of a table in file order
  std::string name;            // of a member
  Span key;                    // of a member
  Span value;                  // of a table with a header: the header
};

// "a string", "an integer": for messages.
std::string_view description(const Node& node);

// The text as a tree, or nothing and at least one fault. Integers beyond 64 bits are faults that
// still give a tree.
std::optional<Node> parse_document(std::string_view text, const std::string& file, Faults& faults);

}  // namespace uvhttpd::config
