// SPDX-License-Identifier: MIT
#include "config/lexical.h"

#include <algorithm>
#include <cstdint>

#include "base/text.h"

namespace uvhttpd::config {
namespace {

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

}  // namespace

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
