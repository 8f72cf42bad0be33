// SPDX-License-Identifier: MIT
// handlers/directory_listing.h: answers with what is in a directory, read and written off the loop.
#pragma once

#include <span>
#include <string_view>

#include "config/config.h"
#include "handlers/file_tree.h"
#include "server/exchange.h"

namespace uvhttpd {

// One for all static routes of a worker.
class DirectoryListings {
 public:
  // The tree and the rules outlive the exchange.
  struct Asked {
    const FileTree& tree;
    const config::FileRules& rules;
    std::span<const http::Coding> preference;
    std::string_view path;  // below the root
  };
  // Answers with the directory at `path` of the tree, as a page or as JSON by Accept, now or later.
  // 503 while kMostRunning are being made, and while clients have not taken kMostHeldBytes of those
  // that are.
  void answer(Exchange& exchange, const Asked& ask);

  static constexpr unsigned kMostRunning = 16;
  static constexpr std::size_t kMostHeldBytes = 64 << 20;
  static constexpr std::size_t kMostEntries =
      100'000;  // of a directory; what is behind is left out

 private:
  class Run;
  unsigned running_ = 0;
  std::size_t held_bytes_ = 0;
};

}  // namespace uvhttpd
