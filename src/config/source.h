// SPDX-License-Identifier: MIT
// config/source.h: the text of a configuration file, and the faults found in it, by position.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/diagnostics.h"

namespace uvhttpd::config {

// Octets of the source text. A span that starts at kNowhere means the file as a whole.
struct Span {
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
  std::size_t start = kNowhere;
  std::size_t length = 0;
};

// Why a value cannot be taken, in words that go on after the name of its key: "must be 1 to 5".
struct Complaint {
  std::string message;
  std::string hint = {};
};
template <class T>
using Read = Result<T, Complaint>;

inline Unexpected<Complaint> complain(std::string message, std::string hint = {}) {
  return Unexpected(Complaint{std::move(message), std::move(hint)});
}

// Text from the file for use in a message: between backquotes, escaped, shortened.
std::string in_quotes(std::string_view text);

// Collects faults in any order and gives them back as diagnostics in file order.
class Faults {
 public:
  // `text` must outlive the object.
  Faults(std::string file, std::string_view text);

  void add(Span at, std::string message, std::string hint = {});
  void add(Span at, const std::string& what, Complaint complaint);
  // What is most likely not meant, but can be done.
  void warn(Span at, std::string message, std::string hint = {});
  bool has_errors() const;
  // A diagnostic without a message, for what is found wrong at that place later on.
  Diagnostic place(Span at) const;
  // The line of an offset, from 1; for hints that point at another place.
  std::size_t line_of(std::size_t offset) const;
  // Sorted by position; at most kMaxShown, the last of which then says so. Beside that many errors
  // there are no warnings.
  std::vector<Diagnostic> take();

  static constexpr std::size_t kMaxShown = 200;

 private:
  struct Fault {
    Span at;
    std::string message;
    std::string hint;
    Diagnostic::Severity severity;
  };

  std::string file_;
  std::string_view text_;
  std::vector<std::size_t> line_starts_;
  std::vector<Fault> faults_;
};

}  // namespace uvhttpd::config
