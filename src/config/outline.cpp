// SPDX-License-Identifier: MIT
#include "config/outline.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "config/lexical.h"

namespace uvhttpd::config {
namespace {

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '-';
}

struct Key {
  std::string name;
  Span at;
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) { root_.kind = Mark::Kind::table; }

  Outline run() {
    Mark* table = &root_;
    while (skip_blank(), at_ < text_.size() && table != nullptr) {
      if (text_[at_] == '[') {
        table = header();
      } else if (!member(*table)) {
        break;
      }
      if (table != nullptr && !end_of_line()) break;
    }
    return {std::move(root_), std::move(large_integers_), fault_at_, std::move(fault_)};
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  Span since(std::size_t start) const { return {start, at_ - start}; }

  bool fail(Span at, std::string message) {
    if (fault_.empty()) {
      fault_at_ = at;
      fault_ = std::move(message);
    }
    return false;
  }
  bool fail_here(std::string message) { return fail({at_, 1}, std::move(message)); }

  void skip_spaces() {
    while (is_ows(peek())) ++at_;
  }
  void skip_comment() {
    if (peek() == '#') at_ = std::min(text_.find('\n', at_), text_.size());
  }
  // Spaces, comments and line ends.
  void skip_blank() {
    for (;;) {
      skip_spaces();
      skip_comment();
      if (peek() == '\r' && text_.substr(at_, 2) == "\r\n") ++at_;
      if (peek() != '\n') return;
      ++at_;
    }
  }
  bool end_of_line() {
    skip_spaces();
    skip_comment();
    if (at_ == text_.size() || peek() == '\n' || text_.substr(at_, 2) == "\r\n") return true;
    return fail_here("expected the end of the line");
  }

  std::optional<Key> key() {
    skip_spaces();
    const std::size_t start = at_;
    if (peek() == '"' || peek() == '\'') {
      const bool basic = peek() == '"';
      const StringEnd end = string_end(text_, at_);
      at_ = end.at;
      if (!end.closed || end.quotes == 3) {
        fail({start, 1}, "this quoted key is not closed on its line");
        return std::nullopt;
      }
      const std::string_view inside = text_.substr(start + 1, at_ - start - 2);
      return Key{basic ? unescaped(inside) : std::string(inside), since(start)};
    }
    while (is_bare(peek())) ++at_;
    if (at_ == start) {
      fail_here("expected a key");
      return std::nullopt;
    }
    return Key{std::string(text_.substr(start, at_ - start)), since(start)};
  }

  // a.b."c"; empty after a fault.
  std::vector<Key> keys() {
    std::vector<Key> keys;
    for (;;) {
      std::optional<Key> next = key();
      if (!next) return {};
      keys.push_back(*std::move(next));
      skip_spaces();
      if (peek() != '.') return keys;
      ++at_;
    }
  }

  // The member of that name, made if there is none.
  Mark& child(Mark& table, const Key& key) {
    const auto [entry, is_new] = table.names.try_emplace(key.name, table.children.size());
    if (is_new) {
      table.children.emplace_back();
      table.children.back().key = key.at;
      table.children.back().value = key.at;
    }
    return table.children[entry->second];
  }

  // The table below `from` that all but the last key lead to.
  Mark* descend(Mark& from, const std::vector<Key>& keys) {
    Mark* table = &from;
    for (std::size_t i = 0; i + 1 < keys.size(); ++i) {
      table = &child(*table, keys[i]);
      if (table->kind == Mark::Kind::array_of_tables) table = &table->children.back();
      if (table->kind == Mark::Kind::value || table->kind == Mark::Kind::array) {
        fail(keys[i].at, in_quotes(keys[i].name) + " is already a value");
        return nullptr;
      }
    }
    return table;
  }

  // `first` is where the key stands that came before.
  bool fail_duplicate(const Key& key, std::size_t first) {
    const auto line =
        1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(first), '\n');
    return fail(key.at, in_quotes(key.name) + " is already there in line " + std::to_string(line));
  }

  // [a.b] or [[a.b]]; gives the table that the lines below it belong to.
  Mark* header() {
    const std::size_t start = at_;
    const bool of_array = text_.substr(at_, 2) == "[[";
    at_ += of_array ? 2 : 1;
    const std::vector<Key> path = keys();
    if (path.empty()) return nullptr;
    const std::string_view close = of_array ? "]]" : "]";
    if (text_.substr(at_, close.size()) != close) {
      fail_here("expected `" + std::string(close) + "` at the end of the table's name");
      return nullptr;
    }
    at_ += close.size();
    Mark* parent = descend(root_, path);
    if (parent == nullptr) return nullptr;
    Mark& mark = child(*parent, path.back());
    const bool taken =
        of_array ? mark.kind != Mark::Kind::implied && mark.kind != Mark::Kind::array_of_tables
                 : mark.kind != Mark::Kind::implied;
    if (taken || (of_array && !mark.names.empty())) {
      fail_duplicate(path.back(), mark.key.start);
      return nullptr;
    }
    if (!of_array) {
      mark.kind = Mark::Kind::table;
      mark.key = path.back().at;
      mark.value = since(start);
      return &mark;
    }
    if (mark.children.empty()) mark.value = since(start);
    mark.kind = Mark::Kind::array_of_tables;
    Mark& element = mark.children.emplace_back();
    element.kind = Mark::Kind::table;
    element.key = path.back().at;
    element.value = since(start);
    return &element;
  }

  // key = value
  bool member(Mark& table) {
    const std::vector<Key> path = keys();
    if (path.empty()) return false;
    if (peek() != '=') return fail_here("expected `=` after the key");
    ++at_;
    Mark* parent = descend(table, path);
    if (parent == nullptr) return false;
    if (const auto before = parent->names.find(path.back().name); before != parent->names.end()) {
      return fail_duplicate(path.back(), parent->children[before->second].key.start);
    }
    Mark read;
    if (!value(read)) return false;
    Mark& mark = child(*parent, path.back());
    read.key = mark.key;
    mark = std::move(read);
    return true;
  }

  bool value(Mark& mark) {
    skip_spaces();
    const std::size_t start = at_;
    mark.kind = Mark::Kind::value;
    bool good = true;
    switch (peek()) {
      case '"':
      case '\'': good = string(); break;
      case '[': good = array(mark); break;
      case '{': good = inline_table(mark); break;
      default: good = scalar(mark);
    }
    mark.value = since(start);
    return good;
  }

  bool string() {
    const StringEnd end = string_end(text_, at_);
    if (!end.closed) {
      return fail({at_, end.quotes}, end.quotes == 3 ? "this string is never closed"
                                                     : "this string is not closed on its line");
    }
    at_ = end.at;
    return true;
  }

  // A number, a date, true or false: all up to what may follow a value.
  bool scalar(Mark& mark) {
    const std::size_t start = at_;
    at_ = std::min(text_.find_first_of(",]}#\r\n", at_), text_.size());
    while (at_ > start && is_ows(text_[at_ - 1])) --at_;
    if (at_ == start) return fail_here("expected a value");
    if (is_large_integer(text_.substr(start, at_ - start))) {
      mark.integer_too_large = true;
      large_integers_.push_back(since(start));
    }
    return true;
  }

  bool array(Mark& mark) {
    const std::size_t start = at_++;
    mark.kind = Mark::Kind::array;
    for (;;) {
      skip_blank();
      if (peek() == ']') break;
      if (at_ == text_.size()) return fail({start, 1}, "this array is never closed");
      if (!value(mark.children.emplace_back())) return false;
      skip_blank();
      if (peek() == ',') {
        ++at_;
      } else if (peek() != ']' && at_ < text_.size()) {
        return fail_here("expected `,` or `]` in the array");
      }
    }
    ++at_;
    return true;
  }

  bool inline_table(Mark& mark) {
    ++at_;
    mark.kind = Mark::Kind::implied;
    skip_spaces();
    if (peek() != '}') {
      for (;;) {
        if (!member(mark)) return false;
        skip_spaces();
        if (peek() != ',') break;
        ++at_;
      }
    }
    if (peek() != '}') return fail_here("expected `,` or `}` in the inline table");
    ++at_;
    mark.kind = Mark::Kind::value;  // closed: no header may add to it
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Mark root_;
  std::vector<Span> large_integers_;
  Span fault_at_;
  std::string fault_;
};

}  // namespace

Outline outline_of(std::string_view text) { return Scanner(text).run(); }

}  // namespace uvhttpd::config
