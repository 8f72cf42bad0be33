// SPDX-License-Identifier: MIT
// handlers/directory_listing.h: answers with what is in a directory, read and written off the loop.
#pragma once

#include <span>
#include <string_view>

#include "base/intrusive_list.h"
#include "config/config.h"
#include "handlers/file_tree.h"
#include "io/background.h"
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
  explicit DirectoryListings(EventLoop& loop);
  ~DirectoryListings();
  DirectoryListings(const DirectoryListings&) = delete;
  DirectoryListings& operator=(const DirectoryListings&) = delete;

  // Answers with the directory at `path` of the tree, as a page or as JSON by Accept, now or later.
  // They are made one after the other, so that they leave the threads of the pool to others. 503
  // while kMostWaiting wait, and while clients have not taken kMostHeldBytes of those that are
  // made.
  void answer(Exchange& exchange, const Asked& ask);

  static constexpr unsigned kMostWaiting = 64;
  static constexpr std::size_t kMostHeldBytes = 64 << 20;
  static constexpr std::size_t kMostEntries =
      100'000;  // of a directory; what is behind is left out

 private:
  class Run;
  void begin_next();
  void on_made();

  IntrusiveList<Run> waiting_;
  unsigned waiting_count_ = 0;
  Run* running_ = nullptr;  // absent when its client has gone
  BackgroundTask task_;
  std::size_t held_bytes_ = 0;
};

}  // namespace uvhttpd
