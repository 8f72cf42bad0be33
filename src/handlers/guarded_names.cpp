// SPDX-License-Identifier: MIT
#include "handlers/guarded_names.h"

#include "base/text.h"

namespace uvhttpd {
namespace {

constexpr std::string_view kEndings[] = {"~",     ".bak", ".orig", ".rej",
                                         ".save", ".swp", ".swo",  ".swn"};

bool ends_with_ignoring_case(std::string_view name, std::string_view ending) {
  return name.size() >= ending.size() &&
         equals_ignoring_case(name.substr(name.size() - ending.size()), ending);
}

}  // namespace

bool is_backup_name(std::string_view name) {
  for (const std::string_view ending : kEndings) {
    if (ends_with_ignoring_case(name, ending)) return true;
  }
  return name.size() > 2 && name.starts_with('#') && name.ends_with('#');
}

}  // namespace uvhttpd
