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

// Where such routes have their programs, apart from the site's root: their own directories, and
// single programs. Absolute, each once.
std::vector<std::string> program_places(const Site& site);

}  // namespace uvhttpd::config
