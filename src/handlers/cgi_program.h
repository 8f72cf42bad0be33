// SPDX-License-Identifier: MIT
// handlers/cgi_program.h: which program answers a path, found segment by segment on the disk.
#pragma once

#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "config/config.h"
#include "http/status.h"

namespace uvhttpd {

struct CgiProgram {
  std::string filename;     // absolute
  std::string interpreter;  // absolute; empty: the program is executed itself
  std::string script_name;  // this and path_info together are the request's path
  std::string path_info;
  UniqueFd directory;  // that the program is in
};

// Why nothing is run. `reason` is for the log; empty when there is nothing to tell.
struct CgiRefusal {
  http::Status status = 404;
  std::string reason;
};

class CgiPrograms {
 public:
  // `pattern`, `handler` and `symlinks` are the route's; `pattern` and `handler` outlive this. The
  // error is that the directory cannot be opened.
  static Result<CgiPrograms> open(const config::PathPattern& pattern,
                                  const config::CgiHandler& handler, config::Symlinks symlinks);

  // `path` is normalised; `matched` is Request::matched, a suffix of it.
  Result<CgiProgram, CgiRefusal> find(std::string_view path, std::string_view matched);

 private:
  CgiPrograms(const config::PathPattern& pattern, const config::CgiHandler& handler,
              SymlinkPolicy policy, Directory directory)
      : pattern_(&pattern), handler_(&handler), policy_(policy), directory_(std::move(directory)) {}
  Result<CgiProgram, CgiRefusal> find_one_for_all(std::string_view path) const;
  Result<CgiProgram, CgiRefusal> find_below(std::string_view path, std::string_view lookup) const;
  // `name` is below directory_.
  Result<CgiProgram, CgiRefusal> prepare(std::string_view name, const FileInfo& info) const;

  const config::PathPattern* pattern_;
  const config::CgiHandler* handler_;
  SymlinkPolicy policy_;
  Directory directory_;  // the root, or the directory of the one program
};

}  // namespace uvhttpd
