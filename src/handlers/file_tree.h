// SPDX-License-Identifier: MIT
// handlers/file_tree.h: the directory behind a static route: paths become files, with all that
// describes them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "config/config.h"
#include "handlers/absent_paths.h"
#include "handlers/file_cache.h"
#include "handlers/program_files.h"
#include "handlers/served_names.h"
#include "http/status.h"
#include "io/event_loop.h"
#include "server/media_types.h"

namespace uvhttpd {

class FileTree {
 public:
  // All outlive the tree.
  struct Surroundings {
    const config::Config& config;
    const config::Site& site;
    EventLoop& loop;
    std::shared_ptr<FileCache> cache;
    std::shared_ptr<ProgramFiles> programs;
    config::Bytes kept_bytes = 0;  // the largest file that is kept in memory
    std::string url_prefix = "/";  // of the paths that the root stands for
  };
  FileTree(const config::FileRules& rules, Directory root, Surroundings surroundings);
  FileTree(const FileTree&) = delete;
  FileTree& operator=(const FileTree&) = delete;

  struct Found {
    enum class Kind {
      file,
      directory,    // without an index; its path ends in a slash
      program,      // a directory whose index is the source of a program: to be run, not shown
      needs_slash,  // a directory whose path does not
      absent,
      refused,  // there or not, it is none of the client's business
      failed,
    };
    Kind kind = Kind::absent;
    std::shared_ptr<CachedFile> file = {};
    http::Status status = 404;  // unless it is a file
    std::string why = {};       // for the log, when it is not plain absence
    std::size_t index = 0;      // which of the names of indexes the program has
  };
  // `path` is relative, decoded and normal, as Request::matched is. From the cache, if that was
  // looked at lately.
  Found find(std::string_view path);
  // The same as find(), whatever the cache knows.
  Found find_again(std::string_view path);

  // What answers for the directory when the program that find() has found as its index does not:
  // the next index. `path` becomes that of its file, by which find() knows it, too.
  Found find_index_behind(const Found& program, std::string& path);

  // The file opened anew; only if it is the same still.
  Result<UniqueFd> open(const Representation& stored) const;
  // What `coding` is to be made of the file, described but not made; makes up no coding that
  // `makeable` does not have.
  const std::shared_ptr<Representation>& describe_made(CachedFile& file, http::Coding coding) const;
  // Of the path `asked`, has grown by what was made of it.
  void update(std::string_view asked, const std::shared_ptr<CachedFile>& file);

  const Directory& root() const { return root_; }
  SymlinkPolicy symlinks() const { return symlinks_; }
  const ServedNames& names() const { return names_; }
  // Whether a file of that name could be loaded by a page, and is none itself: an application that
  // asks for a script must not be given its own first page.
  bool may_be_part_of_a_page(std::string_view path) const;
  // The first value of `cache_control` whose pattern takes the path; "" when none does. Lives as
  // long as the tree.
  std::string_view cache_control(std::string_view path) const;

 private:
  Found look_up(std::string_view path, const std::shared_ptr<CachedFile>& known);
  Found look_up_page(std::string_view path, const std::shared_ptr<CachedFile>& known);
  Found look_up_index(std::string_view directory, const std::shared_ptr<CachedFile>& known);
  static Found as_index(Found file, std::size_t index);
  Found describe(std::string_view path, OpenedFile opened, const std::shared_ptr<CachedFile>& known,
                 bool is_other_name);
  // Which key of the configuration keeps the file from being served, and why; "" when none does.
  std::string refusal(std::string_view path, const OpenedFile& opened) const;
  // False when it cannot be told what is there.
  bool add_siblings(CachedFile& file, std::string_view path, const CachedFile* known);
  void add_makeable(CachedFile& file, std::string_view type);
  Result<std::shared_ptr<Representation>> represent(std::string_view path, OpenedFile opened,
                                                    http::Coding coding,
                                                    const CachedFile* known) const;
  Result<void> read_content(Representation& into, int fd) const;
  bool is_settled(const FileInfo& info) const;
  std::string entity_tag(const Representation& of, http::Coding coding) const;
  void finish_fields(const CachedFile& file, Representation& of, std::string_view named_as,
                     http::Coding coding, bool is_other_name) const;

  const config::FileRules& rules_;
  const Surroundings around_;
  const MediaTypes types_;
  Directory root_;
  TimePoint root_checked_{};
  const SymlinkPolicy symlinks_;
  unsigned names_generation_;  // of the programs, of which they were made
  ServedNames names_;
  AbsentPaths absent_;
};

}  // namespace uvhttpd
