// SPDX-License-Identifier: MIT
#include "handlers/wire/script_path.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace uvhttpd::wire {
namespace {

using Kind = config::PathPattern::Kind;

// Where the first segment ends that ends with `extension`; npos: none does.
std::size_t end_of_segment(std::string_view path, std::string_view extension) {
  std::size_t found = path.find(extension);
  while (found != std::string_view::npos) {
    const std::size_t end = found + extension.size();
    if (end == path.size() || path[end] == '/') return end;
    found = path.find(extension, found + 1);
  }
  return found;
}

bool has_hidden_segment(std::string_view path) {
  return path.starts_with('.') || path.find("/.") != std::string_view::npos;
}

// What SCRIPT_NAME is when the program is all there is: what the pattern has in front of its `*`.
std::size_t application_name_end(const config::PathPattern& pattern, std::string_view path) {
  std::size_t end = path.size();
  if (pattern.kind == Kind::extension) {
    const std::size_t begin = pattern.prefix.size();
    const std::size_t found = end_of_segment(path.substr(begin), pattern.extension);
    return found == std::string_view::npos ? end : begin + found;
  }
  if (pattern.kind == Kind::prefix) end = std::min(end, pattern.prefix.size());
  return end - (path.substr(0, end).ends_with('/') ? 1 : 0);
}

ScriptPath application(const config::PathPattern& pattern, std::string_view path) {
  const std::size_t end = application_name_end(pattern, path);
  return {std::string(path.substr(0, end)), std::string(path.substr(end)), {}};
}

// The path below the root, and what the URL has in front of it.
struct Lookup {
  std::string base;  // ends with "/", also for "/docs", which belongs to "/docs/*"
  std::string_view below;
};

Lookup lookup_of(bool own_root, std::string_view path, std::string_view matched) {
  const std::string_view below = own_root ? matched : path.substr(1);
  std::string base(path.substr(0, path.size() - below.size()));
  if (!base.ends_with('/')) base += '/';
  return {std::move(base), below};
}

ScriptPath front_controller(const std::string& script, const Lookup& lookup) {
  const std::string file = script.substr(script.starts_with('/') ? 1 : 0);
  return {lookup.base + file, "/" + std::string(lookup.below), file};
}

void add_indexes(const config::ScriptRules& rules, std::string_view path, const Lookup& lookup,
                 std::vector<ScriptPath>& scripts) {
  if (!path.ends_with('/') || has_hidden_segment(lookup.below)) return;
  // Where nobody can look, whatever has to answer all other paths answers a directory's, too.
  if (!rules.local_files && !rules.script.empty()) return;
  for (const std::string& index : rules.index) {
    scripts.push_back({std::string(path) + index, {}, std::string(lookup.below) + index});
  }
}

std::vector<ScriptPath> candidates(const config::ScriptRules& rules,
                                   const config::PathPattern& pattern, std::string_view path,
                                   std::string_view matched) {
  if (rules.root.empty() || rules.split.empty()) return {application(pattern, path)};
  std::vector<ScriptPath> scripts;
  const Lookup lookup = lookup_of(rules.own_root, path, matched);
  const std::size_t end = end_of_segment(lookup.below, rules.split);
  const bool names_script = end != std::string_view::npos;
  if (names_script) {
    const std::string_view file = lookup.below.substr(0, end);
    if (!has_hidden_segment(file)) {
      scripts.push_back({std::string(lookup.base).append(file),
                         std::string(lookup.below.substr(end)), std::string(file)});
    }
  } else {
    add_indexes(rules, path, lookup, scripts);
  }
  if (!rules.script.empty()) {
    scripts.push_back(front_controller(rules.script, lookup));
  } else if (!names_script && pattern.kind == Kind::prefix) {
    scripts.push_back(application(pattern, path));
  }
  return scripts;
}

}  // namespace

std::vector<ScriptPath> find_scripts(const config::ScriptRules& rules,
                                     const config::PathPattern& pattern, std::string_view path,
                                     std::string_view matched) {
  ASSERT(path.starts_with('/') && path.ends_with(matched));
  std::vector<ScriptPath> scripts = candidates(rules, pattern, path, matched);
  if (!rules.local_files && scripts.size() > 1) scripts.resize(1);
  return scripts;
}

std::vector<ScriptPath> find_indexes(const config::ScriptRules& rules,
                                     const config::PathPattern& pattern, std::string_view path,
                                     std::string_view matched) {
  const bool has_none = rules.root.empty() || rules.split.empty() || !rules.local_files;
  if (has_none || pattern.kind != Kind::prefix || path.ends_with('/')) return {};
  const std::string directory = std::string(path) + "/";
  const std::string below = matched.empty() ? "" : std::string(matched) + "/";
  const Lookup lookup = lookup_of(rules.own_root, directory, below);
  if (end_of_segment(lookup.below, rules.split) != std::string_view::npos) return {};
  std::vector<ScriptPath> scripts;
  add_indexes(rules, directory, lookup, scripts);
  return scripts;
}

}  // namespace uvhttpd::wire
