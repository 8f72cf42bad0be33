// SPDX-License-Identifier: MIT
// handlers/file_cache.h: what is known of recently asked files, with the content of the small ones.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "handlers/representation.h"

namespace uvhttpd {

// Bounded by the memory of contents and keys; the file not asked for longest goes first. One
// worker's.
class FileCache {
 public:
  explicit FileCache(std::size_t bytes) : most_(bytes) {}

  // `owner` tells the paths of different roots apart.
  std::shared_ptr<CachedFile> find(const void* owner, std::string_view path);
  void store(const void* owner, std::string_view path, std::shared_ptr<CachedFile> file);
  void erase(const void* owner, std::string_view path);
  // The file has grown by what was made of it. No effect when it is not, or no longer, stored.
  void update(const void* owner, std::string_view path, const std::shared_ptr<CachedFile>& file);
  std::size_t memory() const { return memory_; }

 private:
  struct KeyView {
    const void* owner;
    std::string_view path;
    bool operator==(const KeyView&) const = default;
  };
  struct Entry {
    const void* owner;
    std::string path;
    std::shared_ptr<CachedFile> file;
    std::size_t memory;
    KeyView key() const { return {owner, path}; }
  };
  struct Hash {
    std::size_t operator()(const KeyView& key) const {
      return std::hash<std::string_view>{}(key.path) ^ std::hash<const void*>{}(key.owner);
    }
  };
  using Order = std::list<Entry>;  // asked for last first
  void erase(Order::iterator entry);

  std::size_t most_;
  std::size_t memory_ = 0;
  Order order_;
  std::unordered_map<KeyView, Order::iterator, Hash> index_;  // keys are views into order_
};

}  // namespace uvhttpd
