// SPDX-License-Identifier: MIT
#include "config/diagnostics.h"

#include <algorithm>

#include "base/text.h"

namespace uvhttpd::config {
namespace {

constexpr std::size_t kMaxShownColumns = 120;
constexpr std::size_t kColumnsBefore = 50;  // kept left of the caret when a line is cut
constexpr std::size_t kNumberWidth = 4;     // of line numbers, so that most files line up

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// How an octet of the source line is shown. Tabs become one space; octets above 0x7f stay as they
// are where the line is UTF-8.
std::string shown(char c, bool is_text) {
  if (c == '\t') return " ";
  if (static_cast<unsigned char>(c) >= 0x80 && is_text) return std::string(1, c);
  if (c == '"' || c == '\\') return std::string(1, c);
  return escape_for_log(std::string_view(&c, 1));
}

struct Excerpt {
  std::string text;
  std::size_t caret = 0;  // columns before it
  std::size_t width = 0;  // columns it underlines
};

// The part of the line around the fault that fits on a screen.
Excerpt excerpt_of(const Diagnostic& diagnostic) {
  const std::string& line = diagnostic.source_line;
  const std::size_t start = std::min(diagnostic.column - 1 - diagnostic.source_start, line.size());
  const std::size_t end = std::min(start + diagnostic.length, line.size());

  std::size_t first =
      start > kColumnsBefore && line.size() > kMaxShownColumns ? start - kColumnsBefore : 0;
  while (first > 0 && is_continuation(line[first])) --first;
  const bool cut_front = first > 0 || diagnostic.source_start > 0;

  Excerpt excerpt;
  excerpt.text = cut_front ? "..." : "";
  std::size_t columns = excerpt.text.size();
  const bool is_text = is_utf8(line);
  for (std::size_t i = first; i < line.size(); ++i) {
    if (i == start) excerpt.caret = columns;
    const bool continues = is_text && is_continuation(line[i]);
    if (columns >= kMaxShownColumns && !continues) {
      excerpt.text += "...";
      break;
    }
    const std::string piece = shown(line[i], is_text);
    excerpt.text += piece;
    if (continues) continue;
    columns += piece.size();
    if (i >= start && i < end) excerpt.width += piece.size();
  }
  if (start == line.size()) excerpt.caret = columns;
  excerpt.width = std::max<std::size_t>(excerpt.width, 1);
  return excerpt;
}

const char* name_of(Diagnostic::Severity severity) {
  return severity == Diagnostic::Severity::error ? "error" : "warning";
}

}  // namespace

std::string render(const Diagnostic& diagnostic) {
  std::string out = diagnostic.file;
  if (diagnostic.line > 0) {
    out += ":" + std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.column);
  }
  out += std::string(": ") + name_of(diagnostic.severity) + ": " + diagnostic.message + "\n";
  std::string number = std::to_string(diagnostic.line);
  number.insert(0, number.size() < kNumberWidth ? kNumberWidth - number.size() : 0, ' ');
  const std::string margin(number.size(), ' ');
  if (diagnostic.line > 0) {
    const Excerpt excerpt = excerpt_of(diagnostic);
    out += number + " | " + excerpt.text + "\n";
    out += margin + " | " + std::string(excerpt.caret, ' ') + "^" +
           std::string(excerpt.width - 1, '~') + "\n";
  }
  if (!diagnostic.hint.empty()) out += margin + " = " + diagnostic.hint + "\n";
  return out;
}

std::string render_json(const std::vector<Diagnostic>& diagnostics) {
  const auto text = [](const char* name, std::string_view value) {
    return std::string("\"") + name + "\":\"" + escape_for_json(value) + "\"";
  };
  const auto number = [](const char* name, std::size_t value) {
    return std::string("\"") + name + "\":" + std::to_string(value);
  };
  std::string out = "[";
  for (const Diagnostic& diagnostic : diagnostics) {
    if (out.size() > 1) out += ",";
    out += "\n  {" + text("severity", name_of(diagnostic.severity)) + "," +
           text("file", diagnostic.file) + "," + number("line", diagnostic.line) + "," +
           number("column", diagnostic.column) + "," + number("length", diagnostic.length) + "," +
           text("message", diagnostic.message) + "," + text("hint", diagnostic.hint) + "," +
           text("source_line", diagnostic.source_line) + "}";
  }
  return out + (diagnostics.empty() ? "]\n" : "\n]\n");
}

}  // namespace uvhttpd::config
