// SPDX-License-Identifier: MIT
#include "handlers/cgi_program.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "server/symlink_policy.h"

namespace uvhttpd {
namespace {

constexpr mode_t kAnyExecuteBit = S_IXUSR | S_IXGRP | S_IXOTH;

Unexpected<CgiRefusal> refuse(http::Status status, std::string reason = {}) {
  return Unexpected(CgiRefusal{status, std::move(reason)});
}

// Nothing that the client could learn from, but for a lack of rights or of means.
Unexpected<CgiRefusal> refuse(const Error& error) {
  switch (error.os_error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG: return refuse(404);
    case EACCES: return refuse(403, error.message);
    case EMFILE:
    case ENFILE:
    case ENOMEM: return refuse(503, error.message);
    case EXDEV:
      return refuse(404, error.message + " (a link leads out of the directory of programs)");
    default: return refuse(404, error.message);
  }
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view extension_of(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : name.substr(dot);
}

// Where the part of the path that names the program of a whole route ends.
std::size_t script_name_end(const config::PathPattern& pattern, std::string_view path) {
  using Kind = config::PathPattern::Kind;
  switch (pattern.kind) {
    case Kind::exact: return path.size();
    case Kind::prefix: return std::min(pattern.prefix.size() - 1, path.size());
    case Kind::extension: {
      const std::size_t found = path.find(pattern.extension + "/", pattern.prefix.size());
      return found == std::string_view::npos ? path.size() : found + pattern.extension.size();
    }
  }
  return path.size();
}

}  // namespace

Result<CgiPrograms> CgiPrograms::open(const config::PathPattern& pattern,
                                      const config::CgiHandler& handler,
                                      config::Symlinks symlinks) {
  // The operator has named the one program: its links may lead anywhere.
  const bool is_one = !handler.program.empty();
  const std::string root = is_one ? std::string(parent_of(handler.program)) : handler.root;
  TRY_ASSIGN(Directory directory, Directory::open(root.empty() ? "/" : root));
  return CgiPrograms(pattern, handler, is_one ? SymlinkPolicy::follow : symlink_policy(symlinks),
                     std::move(directory));
}

Result<CgiProgram, CgiRefusal> CgiPrograms::find(std::string_view path, std::string_view matched) {
  directory_.reopen_if_replaced();
  if (!handler_->program.empty()) return find_one_for_all(path);
  return find_below(path, handler_->own_root ? matched : path.substr(1));
}

Result<CgiProgram, CgiRefusal> CgiPrograms::find_one_for_all(std::string_view path) const {
  const std::string_view name =
      std::string_view(handler_->program).substr(handler_->program.rfind('/') + 1);
  Result<OpenedFile> file = directory_.locate_below(name, policy_);
  if (!file) return refuse(file.error());
  TRY_ASSIGN(CgiProgram program, prepare(name, file->info));
  const std::size_t end = script_name_end(*pattern_, path);
  program.script_name = path.substr(0, end);
  program.path_info = path.substr(end);
  return program;
}

// The first segment that is a file is the program, and what follows it PATH_INFO (RFC 3875
// section 4.1.5).
Result<CgiProgram, CgiRefusal> CgiPrograms::find_below(std::string_view path,
                                                       std::string_view lookup) const {
  std::size_t begin = 0;
  while (begin < lookup.size()) {
    const std::size_t end = std::min(lookup.find('/', begin), lookup.size());
    if (lookup[begin] == '.') return refuse(404);
    const std::string_view name = lookup.substr(0, end);
    Result<OpenedFile> file = directory_.locate_below(name, policy_);
    if (!file) return refuse(file.error());
    if (file->info.is_directory()) {
      begin = end + 1;
      continue;
    }
    const bool is_wanted = pattern_->kind != config::PathPattern::Kind::extension ||
                           name.ends_with(pattern_->extension);
    if (!file->info.is_regular() || !is_wanted) return refuse(404);
    TRY_ASSIGN(CgiProgram program, prepare(name, file->info));
    program.path_info = lookup.substr(end);
    program.script_name = path.substr(0, path.size() - program.path_info.size());
    return program;
  }
  return refuse(404);
}

Result<CgiProgram, CgiRefusal> CgiPrograms::prepare(std::string_view name,
                                                    const FileInfo& info) const {
  CgiProgram program;
  const std::string& root = directory_.path();
  program.filename = root;
  if (!root.ends_with('/')) program.filename += '/';
  program.filename += name;
  const auto interpreter = handler_->interpreter.find(std::string(extension_of(name)));
  if (interpreter != handler_->interpreter.end()) program.interpreter = interpreter->second;
  if (!info.is_regular()) return refuse(404, program.filename + ": not a regular file");
  if (program.interpreter.empty() && (info.mode & kAnyExecuteBit) == 0) {
    return refuse(403, program.filename + ": not executable, and no interpreter for its extension");
  }
  Result<OpenedFile> directory = directory_.locate_below(parent_of(name), policy_);
  if (!directory) return refuse(directory.error());
  program.directory = std::move(directory->fd);
  return program;
}

}  // namespace uvhttpd
