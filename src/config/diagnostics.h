// SPDX-License-Identifier: MIT
// config/diagnostics.h: what is wrong with a configuration, and where.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace uvhttpd::config {

struct Diagnostic {
  enum class Severity { error, warning };
  Severity severity = Severity::error;
  std::string file;
  std::size_t line = 0;    // from 1; 0: the file as a whole
  std::size_t column = 0;  // from 1, in octets
  std::size_t length = 1;  // of what the caret underlines
  std::string message;
  std::string hint;              // "did you mean `workers`?", or empty
  std::string source_line;       // of a very long line, the part around the column
  std::size_t source_start = 0;  // octets of the line that come before that part
};

// "FILE:LINE:COLUMN: error: MESSAGE", the line, a caret below it, and the hint.
std::string render(const Diagnostic& diagnostic);
// A JSON array of objects.
std::string render_json(const std::vector<Diagnostic>& diagnostics);

}  // namespace uvhttpd::config
