// SPDX-License-Identifier: MIT
#include "config/toml_writer.h"

#include "base/text.h"
#include "config/load.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

// Of a value; a key and what is around it come on top.
constexpr std::size_t kMaxWritten = kMaxLineBytes / 4;
constexpr std::size_t kPiece = 1000;  // of a string that goes over several lines

void append_escaped(std::string& out, char c) {
  constexpr char kHex[] = "0123456789ABCDEF";
  if (c == '"' || c == '\\') {
    out += {'\\', c};
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\t') {
    out += "\\t";
  } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
    out += {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
  } else {
    out.push_back(c);
  }
}

// A multi-line string whose lines end in `\`, which takes the spaces that follow with it.
std::string in_pieces(std::string_view value) {
  std::string out = "\"\"\"";
  std::size_t line = 0;
  for (const char c : value) {
    const bool continues = (static_cast<unsigned char>(c) & 0xc0) == 0x80;
    const bool cuts = out.size() - line >= kPiece && !continues;
    if (cuts) {
      out += "\\\n";
      line = out.size();
    }
    if (cuts && c == ' ') {
      out += "\\u0020";
    } else {
      append_escaped(out, c);
    }
  }
  return out + "\"\"\"";
}

std::string inline_table(const TomlTable& members) {
  std::string out;
  for (const TomlMember& member : members) {
    out += (out.empty() ? " " : ", ") + member.key + " = " +
           (member.value.empty() ? inline_table(member.table) : member.value);
  }
  return "{" + out + (out.empty() ? "}" : " }");
}

}  // namespace

std::string toml_text(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) append_escaped(out, c);
  return out.size() > kMaxWritten ? in_pieces(value) : out + "\"";
}

std::string toml_text(const std::vector<std::string>& list) {
  std::string in_line;
  std::string in_lines;
  for (const std::string& element : list) {
    const std::string written = toml_text(element);
    in_line += (in_line.empty() ? "" : ", ") + written;
    in_lines += "  " + written + ",\n";
  }
  return in_line.size() > kMaxWritten ? "[\n" + in_lines + "]" : "[" + in_line + "]";
}

std::string toml_text(milliseconds value) { return toml_text(format_duration(value)); }

std::string toml_size(Bytes bytes) {
  const std::string written = format_size(bytes);
  return is_digit(written.back()) ? written : toml_text(written);
}

void TomlWriter::table(const std::string& key, const TomlTable& members) {
  const std::string in_line = inline_table(members);
  if (in_line.size() <= kMaxWritten) return raw(key, in_line);
  for (const TomlMember& member : members) {
    const std::string dotted = key + "." + member.key;
    if (member.value.empty()) {
      table(dotted, member.table);
    } else {
      raw(dotted, member.value);
    }
  }
}

}  // namespace uvhttpd::config
