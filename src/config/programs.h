// SPDX-License-Identifier: MIT
// config/programs.h: which files of a site are programs to run, so that nobody sends their source.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace uvhttpd::config {

// Files that a route runs for their extension.
struct ProgramType {
  std::string extension;  // ".php", in lower case
  std::string root;       // below which the route finds them; absolute
  bool operator==(const ProgramType&) const = default;
};
// Of the routes for "*.php" or "/dir/*.php", of those that have an interpreter, and what ends the
// names of scripts that FastCGI or SCGI runs; each once.
std::vector<ProgramType> program_types(const Site& site);

// Where such routes have their programs: directories all of which they run, and single programs,
// such as the `script` that answers for others. Absolute, each once. A route that only runs some
// files of a directory has no directory.
std::vector<std::string> program_places(const Site& site);

}  // namespace uvhttpd::config
