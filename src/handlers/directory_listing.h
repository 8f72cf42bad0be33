// SPDX-License-Identifier: MIT
// handlers/directory_listing.h: answers with what is in a directory, read and written off the loop.
#pragma once

#include <string_view>

#include "config/config.h"
#include "handlers/file_tree.h"
#include "server/exchange.h"

namespace uvhttpd {

// One for all static routes of a worker.
class DirectoryListings {
 public:
  // Answers with the directory at `path` of the tree, as a page or as JSON by Accept, now or later.
  // 503 while kMostRunning are being made.
  void answer(Exchange& exchange, const FileTree& tree, const config::FileRules& rules,
              std::string_view path);

  static constexpr unsigned kMostRunning = 16;
  static constexpr std::size_t kMostEntries =
      100'000;  // of a directory; what is behind is left out

 private:
  class Run;
  unsigned running_ = 0;
};

}  // namespace uvhttpd
