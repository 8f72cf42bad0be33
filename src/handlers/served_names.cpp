// SPDX-License-Identifier: MIT
#include "handlers/served_names.h"

#include <algorithm>

#include "base/text.h"
#include "config/programs.h"
#include "handlers/guarded_names.h"

namespace uvhttpd {
namespace {

constexpr std::string_view kCodedSuffixes[] = {".zst", ".br", ".gz"};

}  // namespace

bool has_hidden_segment(std::string_view path) {
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    if (segment.starts_with('.') && segment != ".well-known") return true;
    at = end + 1;
  }
  return false;
}

ServedNames::ServedNames(const config::FileRules& rules, const config::Site& site)
    : hidden_files_(rules.hidden_files),
      program_extensions_(rules.source_files ? std::vector<std::string>{}
                                             : config::program_extensions(site)) {}

std::string ServedNames::refusal_of_any(std::string_view path) const {
  if (hidden_files_ || !has_hidden_segment(path)) return {};
  return "hidden_files: a name that begins with a dot";
}

std::string ServedNames::refusal(std::string_view path) const {
  if (std::string why = refusal_of_any(path); !why.empty()) return why;
  if (!hidden_files_ && is_backup_name(path.substr(path.rfind('/') + 1))) {
    return "hidden_files: a backup that an editor left";
  }
  if (program_extensions_.empty()) return {};
  std::string name = to_lower(path);
  // A compressed source is one too.
  for (const std::string_view suffix : kCodedSuffixes) {
    if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
  }
  for (const std::string& extension : program_extensions_) {
    if (name.ends_with(extension)) return "source_files: a route runs files of type " + extension;
  }
  return {};
}

}  // namespace uvhttpd
