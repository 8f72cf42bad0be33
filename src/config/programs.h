// SPDX-License-Identifier: MIT
// config/programs.h: which files of a site are programs to run, so that nobody sends their source.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace uvhttpd::config {

// The extensions of files that routes of the site run: ".php" of a route for "*.php" or
// "/dir/*.php", and those that have an interpreter. In lower case, each once.
std::vector<std::string> program_extensions(const Site& site);

// Where such routes have their programs: directories all of which they run, and single programs.
// Absolute, each once. A route that only runs some files of a directory has none.
std::vector<std::string> program_places(const Site& site);

}  // namespace uvhttpd::config
