// SPDX-License-Identifier: MIT
// base/recv_buffer.h: received octets that are not yet parsed, always contiguous.
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "base/assert.h"

namespace uvhttpd {

// One of these serves all connections of a worker: a connection that must wait with octets unparsed
// takes them along in an allocation of its own size (`stash`), so idle connections hold nothing.
class RecvBuffer {
 public:
  explicit RecvBuffer(std::size_t capacity)
      : bytes_(std::make_unique_for_overwrite<char[]>(capacity)), capacity_(capacity) {}
  RecvBuffer(const RecvBuffer&) = delete;
  RecvBuffer& operator=(const RecvBuffer&) = delete;

  std::string_view unread() const { return {bytes_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  std::size_t size() const { return end_ - begin_; }

  // Room behind the unread octets; moves them to the front when that makes more of it.
  std::span<char> room() {
    if (begin_ != 0) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, size());
      end_ -= begin_;
      begin_ = 0;
    }
    return {bytes_.get() + end_, capacity_ - end_};
  }
  void commit(std::size_t bytes) {
    ASSERT(bytes <= capacity_ - end_);
    end_ += bytes;
  }
  void consume(std::size_t bytes) {
    ASSERT(bytes <= size());
    begin_ += bytes;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  void clear() { begin_ = end_ = 0; }
  void assign(std::string_view bytes) {
    ASSERT(bytes.size() <= capacity_);
    if (!bytes.empty()) std::memcpy(bytes_.get(), bytes.data(), bytes.size());
    begin_ = 0;
    end_ = bytes.size();
  }
  std::size_t capacity() const { return capacity_; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace uvhttpd
