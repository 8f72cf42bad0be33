// SPDX-License-Identifier: MIT
#include "config/outline.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace uvhttpd::config {
namespace {

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '-';
}

// The end of the string that opens at `start`; the end of the line or text if it is not closed.
struct StringEnd {
  std::size_t at = 0;  // behind the closing quotes
  bool closed = false;
  std::size_t quotes = 1;  // 1 or 3
};
StringEnd string_end(std::string_view text, std::size_t start) {
  const char quote = text[start];
  const std::string triple(3, quote);
  const bool multi_line = text.substr(start, 3) == triple;
  std::size_t i = start + (multi_line ? 3 : 1);
  for (; i < text.size(); ++i) {
    if (!multi_line && text[i] == '\n') {
      break;
    } else if (text[i] == '\\' && quote == '"' && text.substr(i + 1, 1) != "\n") {
      ++i;
    } else if (!multi_line && text[i] == quote) {
      return {i + 1, true, 1};
    } else if (multi_line && text.substr(i, 3) == triple) {
      i += 3;
      // Up to two quotes may stand right before the closing ones.
      for (int extra = 0; extra < 2 && i < text.size() && text[i] == quote; ++extra) ++i;
      return {i, true, 3};
    }
  }
  return {std::min(i, text.size()), false, multi_line ? std::size_t{3} : std::size_t{1}};
}

void append_utf8(std::string& out, unsigned code) {
  const auto put = [&](unsigned octet) { out.push_back(static_cast<char>(octet)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | (code >> 6));
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | ((code >> 18) & 7));
    put(0x80 | ((code >> 12) & 0x3f));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

// The name that the inside of a quoted key stands for.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    const char kind = text[++i];
    constexpr std::string_view kNames = "btnfre";
    constexpr std::string_view kOctets = "\b\t\n\f\r\x1b";
    if (const std::size_t known = kNames.find(kind); known != std::string_view::npos) {
      out.push_back(kOctets[known]);
    } else if (kind == 'u' || kind == 'U') {
      unsigned code = 0;
      for (std::size_t digits = kind == 'u' ? 4 : 8; digits > 0 && i + 1 < text.size(); --digits) {
        const int digit = hex_value(text[i + 1]);
        if (digit < 0) break;
        code = code << 4 | static_cast<unsigned>(digit);
        ++i;
      }
      append_utf8(out, code);
    } else {
      out.push_back(kind);
    }
  }
  return out;
}

// Whether a token is written as an integer that does not fit 64 bits.
bool is_large_integer(std::string_view token) {
  if (token.empty()) return false;
  const bool negative = token[0] == '-';
  if (negative || token[0] == '+') token.remove_prefix(1);
  unsigned base = 10;
  if (token.size() > 2 && token[0] == '0') {
    base = token[1] == 'x' ? 16 : token[1] == 'o' ? 8 : token[1] == 'b' ? 2 : 10;
    if (base != 10) token.remove_prefix(2);
  }
  const std::uint64_t most = static_cast<std::uint64_t>(INT64_MAX) + (negative ? 1 : 0);
  std::uint64_t value = 0;
  bool large = false;
  for (const char c : token) {
    if (c == '_') continue;
    const int digit = hex_value(c);
    if (digit < 0 || static_cast<unsigned>(digit) >= base) return false;
    const auto added = static_cast<std::uint64_t>(digit);
    large = large || value > (most - added) / base;
    if (!large) value = value * base + added;
  }
  return large;
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

Span depth_fault(std::string_view text, std::size_t max_depth) {
  std::size_t depth = 0;
  std::size_t dots = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      i = std::max(i + 1, string_end(text, i).at) - 1;
    } else if (c == '#') {
      i = std::min(text.find('\n', i), text.size());
      dots = 0;
    } else if (c == '.') {
      ++dots;
    } else if (c == '[' || c == '{') {
      ++depth;
      dots = 0;
    } else if (c == ']' || c == '}') {
      depth -= depth > 0 ? 1 : 0;
      dots = 0;
    } else if (c == '=' || c == ',' || c == '\n') {
      dots = 0;
    }
    if (depth > max_depth || dots >= max_depth) return {i, 1};
  }
  return {};
}

Span line_fault(std::string_view text, std::size_t max_bytes) {
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    if (end - start > max_bytes) return {start + max_bytes, 1};
    start = end + 1;
  }
  return {};
}

Span encoding_fault(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned first = at(i);
    if (first > 0 && first < 0x80) {
      ++i;
      continue;
    }
    const std::size_t more = first < 0xc2   ? 0
                             : first < 0xe0 ? 1
                             : first < 0xf0 ? 2
                             : first < 0xf5 ? 3
                                            : 0;
    if (more == 0) return {i, 1};
    // What RFC 3629 section 4 says of the second octet: no overlong form, surrogate or code beyond
    // U+10FFFF.
    const unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at(i + 1) < low || at(i + 1) > high) return {i, 1};
    for (std::size_t next = 2; next <= more; ++next) {
      if ((at(i + next) & 0xc0) != 0x80) return {i, 1};
    }
    i += 1 + more;
  }
  return {};
}

}  // namespace uvhttpd::config
