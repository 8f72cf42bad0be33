// SPDX-License-Identifier: MIT
#include "handlers/file_cache.h"

namespace uvhttpd {
std::shared_ptr<CachedFile> FileCache::find(const void* owner, std::string_view path) {
  const auto found = index_.find(KeyView{owner, path});
  if (found == index_.end()) return nullptr;
  if (found->second != order_.begin()) order_.splice(order_.begin(), order_, found->second);
  return found->second->file;
}

void FileCache::store(const void* owner, std::string_view path, std::shared_ptr<CachedFile> file) {
  erase(owner, path);
  const std::size_t memory = file->memory() + path.size() * 2;
  if (memory > most_) return;
  while (memory_ + memory > most_) erase(std::prev(order_.end()));
  order_.push_front({owner, std::string(path), std::move(file), memory});
  index_.emplace(order_.front().key(), order_.begin());
  memory_ += memory;
}

void FileCache::update(const void* owner, std::string_view path,
                       const std::shared_ptr<CachedFile>& file) {
  const auto found = index_.find(KeyView{owner, path});
  if (found != index_.end() && found->second->file == file) store(owner, path, file);
}

void FileCache::erase(const void* owner, std::string_view path) {
  if (const auto found = index_.find(KeyView{owner, path}); found != index_.end()) {
    erase(found->second);
  }
}

void FileCache::erase(Order::iterator entry) {
  index_.erase(entry->key());
  memory_ -= entry->memory;
  order_.erase(entry);
}

}  // namespace uvhttpd
