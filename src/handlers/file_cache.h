// SPDX-License-Identifier: MIT
// handlers/file_cache.h: what is known of recently asked files, with the content of the small ones.
#pragma once

#include <array>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "http/conditional.h"
#include "http/negotiate.h"
#include "http/response_encoder.h"

namespace uvhttpd {

// One content coding of a file, ready to be answered with.
struct Representation {
  std::string path;  // below the root
  FileInfo info;
  std::shared_ptr<const std::string> content;  // absent: too large to keep, sent from the file
  std::string etag;
  std::optional<std::int64_t> last_modified;
  // The fields of a 200, and the same as lines. The values are in `texts`.
  std::vector<http::ResponseField> fields;
  std::string prepared;
  std::list<std::string> texts;

  http::Validators validators() const { return {etag, last_modified}; }
};

// What a path stands for. Immutable once in the cache, but for the time of the last look.
struct CachedFile {
  std::array<std::unique_ptr<Representation>, http::kCodings> representations;  // by http::Coding
  unsigned available = 0;  // a bit for each coding that is there
  TimePoint checked{};

  const Representation& in(http::Coding coding) const {
    return *representations[static_cast<std::size_t>(coding)];
  }
  std::size_t memory() const;
};

// Bounded by the memory of contents and keys; the file not asked for longest goes first. One
// worker's.
class FileCache {
 public:
  explicit FileCache(std::size_t bytes) : most_(bytes) {}

  // `owner` tells the paths of different roots apart.
  std::shared_ptr<CachedFile> find(const void* owner, std::string_view path);
  void store(const void* owner, std::string_view path, std::shared_ptr<CachedFile> file);
  void erase(const void* owner, std::string_view path);
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
