// SPDX-License-Identifier: MIT
// config/table_reader.h: takes a table of the file apart, key by key, and knows in the end which of
// its keys nobody asked for.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/config.h"
#include "config/document.h"
#include "config/source.h"

namespace uvhttpd::config {

// What a key's value may be. Each gives the value, or a complaint that goes on after the key's
// name.
Read<bool> as_boolean(const Node& node);
Read<std::string> as_text(const Node& node);

struct Range {
  std::uint64_t least = 0;
  std::uint64_t most = 0;
};
Read<std::uint64_t> as_count(const Node& node, Range range);
Read<Bytes> as_size(const Node& node, Range range);

struct DurationRange {
  milliseconds least{1};
  milliseconds most = std::chrono::hours(24);
};
Read<milliseconds> as_duration(const Node& node, DurationRange range = {});

template <class T>
struct Choice {
  std::string_view name;
  T value;
};
template <class T, std::size_t N>
Read<T> as_choice(const Node& node, const std::array<Choice<T>, N>& choices) {
  Read<std::string> text = as_text(node);
  if (!text) return Unexpected(std::move(text).error());
  std::vector<std::string_view> names;
  std::string list;
  for (const Choice<T>& choice : choices) {
    if (choice.name == *text) return choice.value;
    names.push_back(choice.name);
    list += (list.empty() ? "" : ", ") + ("\"" + std::string(choice.name)) + "\"";
  }
  const auto meant = nearest(*text, names);
  return complain("must be one of " + list + ", not " + in_quotes(*text),
                  meant ? "did you mean \"" + std::string(*meant) + "\"?" : "");
}

using TextParser = std::function<Read<std::string>(std::string_view)>;

class TableReader {
 public:
  // `name` is what messages call the table: "[server]". `table` must be a table and, like `faults`,
  // outlive the reader.
  TableReader(const Node& table, std::string name, Faults& faults);

  // The value of a key, which is thereby a known one; null if absent, or already faulted.
  const Node* find(std::string_view key);
  bool has(std::string_view key) const;
  // Where the key's value stands; the table itself if the key is absent.
  Span span_of(std::string_view key) const;
  // That the key stands in; 0 if it is absent.
  std::size_t line_of(std::string_view key) const;

  // Each reads into `into` if the key is there and its value good, and reports what is not. True if
  // the key is there, good or not.
  template <class T, class Parse>
  bool read(std::string_view key, T& into, const Parse& parse) {
    const Node* node = find(key);
    if (node == nullptr) return false;
    auto value = parse(*node);
    if (value) {
      into = static_cast<T>(*std::move(value));
    } else {
      complain_about(*node, key, std::move(value).error());
    }
    return true;
  }
  bool read_text(std::string_view key, std::string& into, const TextParser& parse);
  bool read_list(std::string_view key, std::vector<std::string>& into, const TextParser& parse);

  // Calls for each member of the table that is the value of `key`, in file order; false if absent.
  bool each_member(std::string_view key, const std::function<void(const Node& member)>& use);
  // Calls for each table of an array of tables; `form` is how one is written: "[[site]]".
  void each_table(std::string_view key, const std::string& form,
                  const std::function<void(const Node& table)>& use);
  // The table that is the value of `key`; null if there is none.
  const Node* find_table(std::string_view key);

  // To be called when everything has been asked for. `other` may say what an unknown key is good
  // for; its answer then stands as the message.
  using Explain = std::function<std::string(std::string_view key)>;
  void report_unknown(const Explain& other = {});

  void complain_about(const Node& node, std::string_view key, Complaint complaint);
  Faults& faults() { return faults_; }
  const Node& table() const { return table_; }

 private:
  const Node& table_;
  std::string name_;
  Faults& faults_;
  std::vector<std::string_view> known_;
};

}  // namespace uvhttpd::config
