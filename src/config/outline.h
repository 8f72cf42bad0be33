// SPDX-License-Identifier: MIT
// config/outline.h: where the keys and values of a TOML text stand. toml11 says so only for some
// values, and differently in each release; this reads the shape of the text and no value.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/source.h"

namespace uvhttpd::config {

// A key and its value, or an element of an array.
struct Mark {
  Span key;    // as written, quotes included; of an element of an array: nowhere
  Span value;  // of a table with a header: the header
  std::map<std::string, std::size_t> names;  // of a table: index in children
  std::vector<Mark> children;                // members of a table or elements of an array
  enum class Kind { implied, table, array, array_of_tables, value } kind = Kind::implied;
  bool integer_too_large = false;  // an integer beyond 64 bits, which toml11 3.7 makes INT64_MAX
};

struct Outline {
  Mark root;
  std::vector<Span> large_integers;
  // The first place where the text is no TOML; message empty if there is none. The marks before
  // it are right.
  Span fault_at;
  std::string fault;
};

// `text` must not nest deeper than the stack allows: see depth_fault in config/lexical.h.
Outline outline_of(std::string_view text);

}  // namespace uvhttpd::config
