// SPDX-License-Identifier: MIT
// handlers/static_files.h: files of a directory, as RFC 9110 wants representations answered.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "handlers/directory_listing.h"
#include "handlers/file_source.h"
#include "handlers/file_tree.h"
#include "handlers/variant_maker.h"
#include "http/range.h"
#include "server/handler.h"
#include "server/runtime.h"

namespace uvhttpd {

// Answers of one worker that are coded while they are sent.
struct StreamCount {
  unsigned running = 0;
};

class StaticFiles final : public Handler {
 public:
  // For a config::StaticHandler.
  static Result<BuiltHandler> build(const config::Route& route, const HandlerContext& context);

  StaticFiles(const config::StaticHandler& rules, const HandlerContext& context, Directory root,
              FileTree::Surroundings surroundings);
  void handle(Exchange& exchange) override;
  AnswerSource foresee(Exchange& exchange) override;
  std::string_view path_instead(Exchange& exchange) override;

 private:
  // What an exchange is answered with.
  struct Asked {
    std::string_view path;  // that the tree knows the file by; lives as long as the exchange
    std::shared_ptr<CachedFile> file = {};
    bool is_fallback = false;
    bool by_accept = false;         // another Accept would have got another answer
    bool is_second_look = false;    // the file had been replaced
    bool is_making_allowed = true;  // of a variant that is not there
  };
  class Pending;  // an exchange that waits for a variant

  std::string_view path_of(const Exchange& exchange) const;
  void resolve(Exchange& exchange, Asked asked);
  // What the path stands for, or else the fallback: then `asked` is about that.
  FileTree::Found seek(Exchange& exchange, Asked& asked);
  // Of a directory whose index is a program: that, if a route runs it for this request; else what
  // is the index then, and `asked` is about its file.
  FileTree::Found choose_index(Exchange& exchange, Asked& asked, FileTree::Found program);
  std::string_view url_of_index(Exchange& exchange, const FileTree::Found& program) const;
  void answer_absence(Exchange& exchange, const FileTree::Found& found, const Asked& asked);

  void answer(Exchange& exchange, const Asked& asked);
  const std::shared_ptr<Representation>& choose(const Exchange& exchange, const Asked& asked) const;
  // Answers when the variant is there.
  void wait_for(Exchange& exchange, const Asked& asked, http::Coding coding);
  void answer_whole(Exchange& exchange, const Asked& asked,
                    const std::shared_ptr<Representation>& what);
  void answer_streamed(Exchange& exchange, const Asked& asked, const Representation& what);
  void answer_not_modified(Exchange& exchange, const Asked& asked, const Representation& what);
  // False when no Range is to be honoured.
  bool answer_ranges(Exchange& exchange, const Asked& asked,
                     const std::shared_ptr<Representation>& what);
  bool answer_ranges_plain(Exchange& exchange, const Asked& asked);
  void answer_unsatisfiable(Exchange& exchange, const Asked& asked, const Representation& what);
  void answer_one_range(Exchange& exchange, const Asked& asked,
                        const std::shared_ptr<Representation>& what, const http::ByteRange& range);
  void answer_parts(Exchange& exchange, const Asked& asked,
                    const std::shared_ptr<Representation>& what,
                    std::span<const http::ByteRange> ranges);
  // The octets from `offset` on; nullptr when the exchange has been answered otherwise.
  BodySource* source_of(Exchange& exchange, const Asked& asked,
                        const std::shared_ptr<Representation>& what, std::uint64_t offset,
                        std::uint64_t length);
  // nullptr when the file is not what it was: then the exchange has been answered with what is
  // there now, or failed.
  std::shared_ptr<const StableFile> open(Exchange& exchange, const Asked& asked,
                                         const Representation& what);

  const config::StaticHandler& rules_;
  EventLoop& loop_;
  FileTree tree_;
  std::shared_ptr<VariantMaker> variants_;
  std::shared_ptr<DirectoryListings> listings_;
  const std::vector<http::Coding> preference_;
  std::shared_ptr<StreamCount> streams_;
};

}  // namespace uvhttpd
