// SPDX-License-Identifier: MIT
// handlers/static_files.h: files of a directory, as RFC 9110 wants representations answered.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "config/config.h"
#include "handlers/file_cache.h"
#include "server/handler.h"
#include "server/runtime.h"

namespace uvhttpd {

class StaticFiles final : public Handler {
 public:
  // For a config::StaticHandler.
  static Result<BuiltHandler> build(const config::Route& route, const HandlerContext& context);

  struct Bounds {
    config::Bytes kept_bytes = 0;  // the largest file that is kept in memory
    std::string url_prefix = "/";  // of the paths that the root stands for
  };
  StaticFiles(const config::StaticHandler& rules, const config::Config& config, EventLoop& loop,
              Directory root, std::shared_ptr<FileCache> cache, Bounds bounds);
  void handle(Exchange& exchange) override;
  AnswerSource foresee(Exchange& exchange) override;

 private:
  // What a path came to: a file, the redirect a directory needs, or the status of its absence.
  struct Found {
    std::shared_ptr<CachedFile> file;
    bool needs_slash = false;
    http::Status status = 404;
    std::string why;  // for the log, when it is not plain absence
  };
  // Below the root.
  std::string_view path_of(const Exchange& exchange) const;
  Found find(std::string_view path);
  Found look_up(std::string_view path, const CachedFile* known);
  Found look_up_index(std::string_view directory, const CachedFile* known);
  Found describe(std::string_view path, OpenedFile opened, const CachedFile* known);
  void add_siblings(CachedFile& file, std::string_view path, const CachedFile* known);
  // nullptr when the file changes faster than it can be read.
  std::unique_ptr<Representation> represent(std::string_view path, std::string_view named_as,
                                            OpenedFile opened, http::Coding coding,
                                            const CachedFile* known);
  void add_fields(Representation& representation, std::string_view named_as,
                  http::Coding coding) const;
  void finish_fields(CachedFile& file) const;
  std::string content_type(std::string_view path) const;

  void answer(Exchange& exchange, std::shared_ptr<CachedFile> file);
  void answer_whole(Exchange& exchange, std::shared_ptr<const CachedFile> file,
                    const Representation& what);
  void answer_not_modified(Exchange& exchange, std::shared_ptr<const CachedFile> file,
                           const Representation& what);
  // False when no Range is to be honoured.
  bool answer_range(Exchange& exchange, const std::shared_ptr<const CachedFile>& file,
                    const Representation& what);
  // The octets from `offset` on; nullptr when the file is not what it was: then the exchange has been
  // answered with what is there now, or failed.
  BodySource* source_of(Exchange& exchange, const std::shared_ptr<const CachedFile>& file,
                        const Representation& what, std::uint64_t offset, std::uint64_t length);
  void redirect_to_directory(Exchange& exchange);

  const config::StaticHandler& rules_;
  const config::Config& config_;
  EventLoop& loop_;
  Directory root_;
  TimePoint root_checked_{};
  SymlinkPolicy symlinks_;
  const config::Bytes kept_bytes_;
  const std::string url_prefix_;
  bool looking_again_ = false;  // a file was found replaced, and its path is asked for once more
  std::shared_ptr<FileCache> cache_;
};

// Whether a segment begins with a dot: never to be served unless hidden files are allowed. The
// segment
// ".well-known" (RFC 8615) does not count.
bool has_hidden_segment(std::string_view path);

SymlinkPolicy symlink_policy(config::Symlinks rule);

}  // namespace uvhttpd
