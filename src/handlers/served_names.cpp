// SPDX-License-Identifier: MIT
#include "handlers/served_names.h"

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "config/programs.h"
#include "handlers/guarded_names.h"

namespace uvhttpd {
namespace {

constexpr std::string_view kCodedSuffixes[] = {".zst", ".br", ".gz"};

bool is_below(std::string_view path, std::string_view place) {
  return path.starts_with(place) && (path.size() == place.size() || path[place.size()] == '/');
}

// With links resolved, as far as it exists.
std::string real_path(const std::string& path) {
  std::error_code error;
  const std::string real = std::filesystem::weakly_canonical(path, error).string();
  return error ? path : real;
}

// As written and as they are. Only what lies below the root can be asked for there; where the root
// itself is the programs' directory, only their extensions tell them from files.
std::vector<std::string> places_below(const std::string& root,
                                      const std::vector<std::string>& places) {
  std::vector<std::string> below;
  const auto add = [&below](const std::string& place, const std::string& above) {
    const bool is_inside =
        place.size() > above.size() && is_below(place, above == "/" ? "" : above);
    if (is_inside) below.push_back(place);
  };
  for (const std::string& place : places) {
    add(place, root);
    add(real_path(place), real_path(root));
  }
  return below;
}

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

ServedNames::ServedNames(const config::FileRules& rules, const config::Site& site,
                         const std::string& root)
    : hidden_files_(rules.hidden_files), root_(root == "/" ? "" : root) {
  if (rules.source_files) return;
  program_extensions_ = config::program_extensions(site);
  program_places_ = places_below(root, config::program_places(site));
}

std::string ServedNames::refusal_of_any(std::string_view path) const {
  if (!hidden_files_ && has_hidden_segment(path)) {
    return "hidden_files: a name that begins with a dot";
  }
  if (program_places_.empty()) return {};
  return refusal_of_place(root_ + "/" + std::string(path));
}

std::string ServedNames::refusal_of_real(std::string_view absolute, bool is_directory) const {
  if (std::string why = refusal_of_place(absolute); !why.empty() || is_directory) return why;
  return refusal_of_source(absolute);
}

std::string ServedNames::refusal_of_place(std::string_view absolute) const {
  for (const std::string& place : program_places_) {
    if (is_below(absolute, place)) return "source_files: a route runs what is in " + place;
  }
  return {};
}

std::string ServedNames::refusal(std::string_view path) const {
  if (std::string why = refusal_of_any(path); !why.empty()) return why;
  if (!hidden_files_ && is_backup_name(path.substr(path.rfind('/') + 1))) {
    return "hidden_files: a backup that an editor left";
  }
  return refusal_of_source(path);
}

std::string ServedNames::refusal_of_source(std::string_view path) const {
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
