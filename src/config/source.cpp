// SPDX-License-Identifier: MIT
#include "config/source.h"

#include <algorithm>

#include "base/text.h"

namespace uvhttpd::config {
namespace {

constexpr std::size_t kMaxQuoted = 200;
// Of a longer line only this much on either side of the fault is kept.
constexpr std::size_t kMaxContext = 512;

}  // namespace

std::string in_quotes(std::string_view text) {
  std::string out = "`" + escape_for_log(text.substr(0, kMaxQuoted));
  if (text.size() > kMaxQuoted) out += "...";
  return out + "`";
}

Faults::Faults(std::string file, std::string_view text)
    : file_(std::move(file)), text_(text), line_starts_{0} {
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_starts_.push_back(i + 1);
  }
}

void Faults::add(Span at, std::string message, std::string hint) {
  faults_.push_back({at, std::move(message), std::move(hint), Diagnostic::Severity::error});
}

void Faults::add(Span at, const std::string& what, Complaint complaint) {
  add(at, what + " " + std::move(complaint.message), std::move(complaint.hint));
}

void Faults::warn(Span at, std::string message, std::string hint) {
  faults_.push_back({at, std::move(message), std::move(hint), Diagnostic::Severity::warning});
}

bool Faults::has_errors() const {
  return std::any_of(faults_.begin(), faults_.end(), [](const Fault& fault) {
    return fault.severity == Diagnostic::Severity::error;
  });
}

std::size_t Faults::line_of(std::size_t offset) const {
  const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  return static_cast<std::size_t>(next - line_starts_.begin());
}

std::vector<Diagnostic> Faults::take() {
  // kNowhere plus one is zero, so that what concerns the whole file comes first.
  std::stable_sort(faults_.begin(), faults_.end(),
                   [](const Fault& a, const Fault& b) { return a.at.start + 1 < b.at.start + 1; });
  const bool with_errors = has_errors();
  if (with_errors && faults_.size() > kMaxShown) {
    std::erase_if(faults_, [](const Fault& fault) {
      return fault.severity == Diagnostic::Severity::warning;
    });
  }
  const std::size_t found = faults_.size();
  if (found > kMaxShown) faults_.resize(kMaxShown - 1);
  std::vector<Diagnostic> diagnostics;
  for (Fault& fault : faults_) {
    Diagnostic& diagnostic = diagnostics.emplace_back(place(fault.at));
    diagnostic.severity = fault.severity;
    diagnostic.message = std::move(fault.message);
    diagnostic.hint = std::move(fault.hint);
  }
  if (found > kMaxShown) {
    diagnostics.push_back(place(Span{}));
    diagnostics.back().severity =
        with_errors ? Diagnostic::Severity::error : Diagnostic::Severity::warning;
    diagnostics.back().message = "and " + std::to_string(found - kMaxShown + 1) +
                                 (with_errors ? " more errors" : " more warnings");
  }
  faults_.clear();
  return diagnostics;
}

Diagnostic Faults::place(Span at) const {
  Diagnostic diagnostic;
  diagnostic.file = file_;
  if (at.start == Span::kNowhere) return diagnostic;

  const std::size_t start = std::min(at.start, text_.size());
  diagnostic.line = line_of(start);
  const std::size_t line_start = line_starts_[diagnostic.line - 1];
  std::string_view line = text_.substr(line_start);
  line = line.substr(0, line.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);

  const std::size_t before = start - line_start;
  diagnostic.column = before + 1;
  const std::size_t rest = before < line.size() ? line.size() - before : 0;
  diagnostic.length = std::max<std::size_t>(1, std::min(at.length, rest));
  diagnostic.source_start = before > kMaxContext ? before - kMaxContext : 0;
  diagnostic.source_line =
      line.substr(std::min(diagnostic.source_start, line.size()), 2 * kMaxContext);
  return diagnostic;
}

}  // namespace uvhttpd::config
