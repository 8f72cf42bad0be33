// SPDX-License-Identifier: MIT
// handlers/wire/script_path.h: which script of a FastCGI or SCGI program a path asks for, told from
// the path alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/gateways.h"

namespace uvhttpd::wire {

struct ScriptPath {
  std::string script_name;
  std::string path_info;
  std::string file;  // below rules.root; empty: the program is all there is
  bool operator==(const ScriptPath&) const = default;
};

// What may answer, the likeliest first: the caller takes the first whose file is there, or that has
// none. Empty: nothing answers this path. Without rules.local_files nobody can look, and there is
// one at most. Names of scripts and directories that begin with a dot are not looked for; in
// PATH_INFO they may stand.
//
// `path` is normalised and `matched` is Request::matched, a suffix of it. script_name and path_info
// together are `path`, except for an index and for rules.script.
std::vector<ScriptPath> find_scripts(const config::ScriptRules& rules,
                                     const config::PathPattern& pattern, std::string_view path,
                                     std::string_view matched);

// Of a path without a slash at its end, under a pattern that takes the one with it, too: the
// scripts that would answer for it as a directory's path, the likeliest first. Empty also without
// rules.local_files.
std::vector<ScriptPath> find_indexes(const config::ScriptRules& rules,
                                     const config::PathPattern& pattern, std::string_view path,
                                     std::string_view matched);

}  // namespace uvhttpd::wire
