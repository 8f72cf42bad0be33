// SPDX-License-Identifier: MIT
// config/toml_writer.h: writes keys and values as TOML, in lines short enough to be read again.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"

namespace uvhttpd::config {

// Values as TOML. What would be a long line goes over several.
std::string toml_text(std::string_view value);
std::string toml_text(const std::vector<std::string>& list);
inline std::string toml_text(const std::string& value) {
  return toml_text(std::string_view(value));
}
inline std::string toml_text(const char* value) { return toml_text(std::string_view(value)); }
inline std::string toml_text(bool value) { return value ? "true" : "false"; }
inline std::string toml_text(std::uint64_t value) { return std::to_string(value); }
inline std::string toml_text(unsigned value) { return std::to_string(value); }
std::string toml_text(milliseconds value);
std::string toml_size(Bytes bytes);

// A key with its value or, where that is empty, with a table.
struct TomlMember {
  std::string key;  // as TOML
  std::string value;
  std::vector<TomlMember> table = {};
};
using TomlTable = std::vector<TomlMember>;

// The table of pairs, whether of a map or of a vector.
template <class Pairs>
TomlTable toml_table(const Pairs& pairs) {
  TomlTable table;
  for (const auto& [name, value] : pairs) table.push_back({toml_text(name), toml_text(value)});
  return table;
}

class TomlWriter {
 public:
  void header(const std::string& name) { out_ += (out_.empty() ? "" : "\n") + name + "\n"; }
  template <class T>
  void line(const std::string& key, const T& value) {
    raw(key, toml_text(value));
  }
  // `value` is TOML.
  void raw(const std::string& key, const std::string& value) { out_ += key + " = " + value + "\n"; }
  // In one line, or in one for each member where that would be long.
  void table(const std::string& key, const TomlTable& members);

  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

}  // namespace uvhttpd::config
