// SPDX-License-Identifier: MIT
#include "base/send_queue.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace uvhttpd {

void SendQueue::append(std::string_view bytes) {
  if (bytes.empty()) return;
  std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
  commit(bytes.size());
}

char* SendQueue::reserve(std::size_t bytes) {
  if (storage_end_ + bytes > storage_.size()) compact();
  const std::size_t wanted = storage_end_ + bytes;
  if (wanted > storage_.size()) storage_.resize(std::max(wanted, storage_.size() * 2));
  return storage_.data() + storage_end_;
}

// Moves the owned octets that are left to the front: a queue that never runs quite empty must not
// grow with what has gone through it.
void SendQueue::compact() {
  std::size_t begin = storage_end_;
  for (std::size_t i = first_; i < segments_.size(); ++i) {
    if (segments_[i].kind != Kind::owned) continue;
    begin = static_cast<std::size_t>(segments_[i].position);
    break;
  }
  if (begin == 0) return;
  std::memmove(storage_.data(), storage_.data() + begin, storage_end_ - begin);
  storage_end_ -= begin;
  for (std::size_t i = first_; i < segments_.size(); ++i) {
    if (segments_[i].kind == Kind::owned) segments_[i].position -= begin;
  }
  segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(first_));
  first_ = 0;
}

void SendQueue::commit(std::size_t used) {
  ASSERT(storage_end_ + used <= storage_.size());
  if (used == 0) return;
  if (first_ < segments_.size() && segments_.back().kind == Kind::owned) {
    segments_.back().size += used;
  } else {
    segments_.push_back({Kind::owned, storage_end_, nullptr, used, -1, nullptr});
  }
  storage_end_ += used;
  bytes_ += used;
}

void SendQueue::append_borrowed(std::string_view bytes, std::shared_ptr<const void> keeper) {
  if (bytes.empty()) return;
  segments_.push_back({Kind::borrowed, 0, bytes.data(), bytes.size(), -1, std::move(keeper)});
  bytes_ += bytes.size();
}

void SendQueue::append_file(std::shared_ptr<const UniqueFd> file, std::uint64_t offset,
                            std::uint64_t length) {
  if (length == 0) return;
  const int fd = file->get();
  bytes_ += length;
  if (first_ < segments_.size()) {
    // A file that goes on is sent in one piece, not in two with a small one between.
    Segment& last = segments_.back();
    if (last.kind == Kind::file && last.fd == fd && last.position + last.size == offset) {
      last.size += length;
      return;
    }
  }
  segments_.push_back({Kind::file, offset, nullptr, length, fd, std::move(file)});
}

void SendQueue::append_all(SendQueue& other) {
  for (std::size_t i = other.first_; i < other.segments_.size(); ++i) {
    Segment& segment = other.segments_[i];
    if (segment.kind == Kind::owned) {
      append({other.storage_.data() + segment.position, segment.size});
    } else {
      bytes_ += segment.size;
      segments_.push_back(std::move(segment));
    }
  }
  other.clear();
}

std::size_t SendQueue::gather(std::span<iovec> out, std::size_t limit) const {
  std::size_t filled = 0;
  for (std::size_t i = first_; i < segments_.size() && filled < out.size() && limit > 0; ++i) {
    const Segment& segment = segments_[i];
    if (segment.kind == Kind::file) break;
    const char* data =
        segment.kind == Kind::owned ? storage_.data() + segment.position : segment.data;
    const std::size_t size = std::min<std::uint64_t>(segment.size, limit);
    out[filled++] = {const_cast<char*>(data), size};
    limit -= size;
  }
  return filled;
}

SendQueue::FileRange SendQueue::front_file() const {
  if (first_ == segments_.size() || segments_[first_].kind != Kind::file) return {};
  const Segment& segment = segments_[first_];
  return {segment.fd, segment.position, segment.size};
}

SendQueue::FileRange SendQueue::first_file() const {
  for (std::size_t i = first_; i < segments_.size(); ++i) {
    const Segment& segment = segments_[i];
    if (segment.kind == Kind::file) return {segment.fd, segment.position, segment.size};
  }
  return {};
}

bool SendQueue::file_follows() const {
  for (std::size_t i = first_; i < segments_.size(); ++i) {
    if (segments_[i].kind == Kind::file) return i != first_;
  }
  return false;
}

void SendQueue::consume(std::uint64_t bytes) {
  ASSERT(bytes <= bytes_);
  bytes_ -= bytes;
  if (bytes_ == 0) return clear();
  while (bytes > 0) {
    Segment& segment = segments_[first_];
    const std::uint64_t part = std::min(bytes, segment.size);
    segment.size -= part;
    segment.position += part;
    if (segment.kind == Kind::borrowed) segment.data += part;
    bytes -= part;
    if (segment.size == 0) {
      segment.keeper.reset();
      ++first_;
    }
  }
}

void SendQueue::clear() {
  segments_.clear();
  first_ = 0;
  storage_end_ = 0;
  bytes_ = 0;
  if (storage_.size() > (256 << 10)) storage_ = {};
}

}  // namespace uvhttpd
