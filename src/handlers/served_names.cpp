// SPDX-License-Identifier: MIT
#include "handlers/served_names.h"

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "handlers/guarded_names.h"

namespace uvhttpd {
namespace {

constexpr std::string_view kCodedSuffixes[] = {".zst", ".br", ".gz"};

// What may follow the extension of a source in the name of a copy that somebody has put aside:
// "x.php.old", "x.php-bak", "x.php_", "x.php.1".
bool is_left_over(std::string_view rest) {
  constexpr std::string_view kWords[] = {"bak",  "old",  "orig", "save", "tmp",
                                         "temp", "dist", "copy", "new",  "rej"};
  if (rest.empty() || rest == "~" || rest == "_") return true;
  if (std::string_view(".-_").find(rest.front()) == std::string_view::npos) return false;
  rest.remove_prefix(1);
  while (!rest.empty() && is_digit(rest.back())) rest.remove_suffix(1);
  return rest.empty() || std::find(std::begin(kWords), std::end(kWords), rest) != std::end(kWords);
}

bool is_below(std::string_view path, std::string_view place) {
  return path.starts_with(place) && (path.size() == place.size() || path[place.size()] == '/');
}

// As written and as they are. Only what lies below the root can be asked for there; where the root
// itself is the programs' directory, only their extensions tell them from files.
std::vector<std::string> places_below(const std::string& root,
                                      const std::vector<ProgramFiles::Place>& places) {
  std::vector<std::string> below;
  const auto add = [&below](const std::string& place, const std::string& above) {
    const bool is_inside =
        place.size() > above.size() && is_below(place, above == "/" ? "" : above);
    if (is_inside) below.push_back(place);
  };
  const std::string real_root = places.empty() ? root : real_path(root);
  for (const ProgramFiles::Place& place : places) {
    add(place.written, root);
    add(place.real, real_root);
  }
  return below;
}

}  // namespace

ServedNames::ServedNames(const config::FileRules& rules, const ProgramFiles& programs,
                         const std::string& root)
    : hidden_files_(rules.hidden_files), root_(root == "/" ? "" : root) {
  if (rules.source_files) return;
  for (const config::ProgramType& type : programs.types()) {
    const bool is_shared =
        !type.root.empty() && (is_below(root, type.root) || is_below(type.root, root));
    if (is_shared) program_extensions_.push_back(type.extension);
  }
  program_places_ = places_below(root, programs.places());
}

std::string ServedNames::refusal_of_any(std::string_view path) const {
  if (!hidden_files_ && has_hidden_segment(path)) {
    return "hidden_files: a name that begins with a dot";
  }
  if (program_places_.empty()) return {};
  return refusal_of_place(root_ + "/" + std::string(path));
}

std::string ServedNames::refusal_of_real(std::string_view absolute, bool is_directory) const {
  // What the kernel adds to the path of a file that was removed since.
  constexpr std::string_view kRemoved = " (deleted)";
  if (absolute.ends_with(kRemoved)) {
    const std::string_view before = absolute.substr(0, absolute.size() - kRemoved.size());
    if (std::string why = refusal_of_real(before, is_directory); !why.empty()) return why;
  }
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
  for (bool is_coded = true; is_coded;) {
    is_coded = false;
    for (const std::string_view suffix : kCodedSuffixes) {
      if (!name.ends_with(suffix)) continue;
      name.resize(name.size() - suffix.size());
      is_coded = true;
    }
  }
  const std::string_view file = std::string_view(name).substr(name.rfind('/') + 1);
  for (const std::string& extension : program_extensions_) {
    for (std::size_t at = file.find(extension); at != std::string_view::npos;
         at = file.find(extension, at + 1)) {
      if (!is_left_over(file.substr(at + extension.size()))) continue;
      return "source_files: a route runs files of type " + extension;
    }
  }
  return {};
}

}  // namespace uvhttpd
