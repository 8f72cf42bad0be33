// SPDX-License-Identifier: MIT
// handlers/served_names.h: which names the files of a site must not have to be given away.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "handlers/program_files.h"

namespace uvhttpd {

// Copies are independent: one may go along to another thread.
class ServedNames {
 public:
  // `root` is the directory that paths are below, absolute. The places of programs are compared as
  // they are when links are resolved, too: when `programs` has another generation, a new object is
  // due.
  ServedNames(const config::FileRules& rules, const ProgramFiles& programs,
              const std::string& root);

  // The key of the configuration that refuses a file of that path, and why; "" when none does.
  std::string refusal(std::string_view path) const;
  // The same for a path of which is not known yet what it is, or whether it is anything.
  std::string refusal_of_any(std::string_view path) const;
  // The same for what an open file is, whatever links led to it.
  std::string refusal_of_real(std::string_view absolute, bool is_directory) const;
  // False when refusal_of_real never refuses.
  bool guards_programs() const { return !program_places_.empty() || !program_extensions_.empty(); }

 private:
  std::string refusal_of_source(std::string_view path) const;
  std::string refusal_of_place(std::string_view absolute) const;

  bool hidden_files_;
  std::string root_;
  std::vector<std::string> program_extensions_;  // ".php": of files that routes run
  std::vector<std::string> program_places_;      // absolute paths of what they run, below the root
};

}  // namespace uvhttpd
