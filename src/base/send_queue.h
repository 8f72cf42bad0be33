// SPDX-License-Identifier: MIT
// base/send_queue.h: what still has to reach the peer, in order: octets of its own, octets of
// others with what keeps them alive, and ranges of open files.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace uvhttpd {

class SendQueue {
 public:
  struct FileRange {
    int fd = -1;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
  };

  SendQueue() = default;
  SendQueue(const SendQueue&) = delete;
  SendQueue& operator=(const SendQueue&) = delete;

  bool empty() const { return bytes_ == 0; }
  std::uint64_t bytes() const { return bytes_; }

  // Copies. Cheaper than append_borrowed up to a few KiB.
  void append(std::string_view bytes);
  // Several, one behind the other; cheaper than each by itself.
  template <class... Views>
  void append(std::string_view first, Views... more) {
    const std::size_t total = (first.size() + ... + std::string_view(more).size());
    if (total == 0) return;
    char* at = reserve(total);
    const auto copy = [&at](std::string_view bytes) {
      if (bytes.empty()) return;
      std::memcpy(at, bytes.data(), bytes.size());
      at += bytes.size();
    };
    copy(first);
    (copy(std::string_view(more)), ...);
    commit(total);
  }
  // Room for up to `bytes` octets written in place, of which commit() takes over the first `used`.
  // Nothing else may be appended between the two.
  char* reserve(std::size_t bytes);
  void commit(std::size_t used);
  void append_borrowed(std::string_view bytes, std::shared_ptr<const void> keeper);
  // The file is sent from its descriptor; its position is neither used nor moved.
  void append_file(std::shared_ptr<const UniqueFd> file, std::uint64_t offset,
                   std::uint64_t length);
  // Takes everything out of `other`.
  void append_all(SendQueue& other);

  // For transports. The octets at the front, at most `limit` of them, up to the first file range;
  // returns how many elements of `out` were filled.
  std::size_t gather(std::span<iovec> out, std::size_t limit) const;
  // The file range at the front; fd is -1 when octets are at the front.
  FileRange front_file() const;
  // The first file range, behind the octets at the front; fd is -1 when there is none.
  FileRange first_file() const;
  // True when a file range follows the octets at the front.
  bool file_follows() const;
  void consume(std::uint64_t bytes);
  void clear();

 private:
  void compact();
  enum class Kind : std::uint8_t { owned, borrowed, file };
  struct Segment {
    Kind kind;
    std::uint64_t
        position;      // owned: offset in storage_; borrowed: unused; file: offset in the file
    const char* data;  // borrowed
    std::uint64_t size;
    int fd;
    std::shared_ptr<const void> keeper;
  };

  std::vector<Segment> segments_;
  std::size_t first_ = 0;  // segments before it are gone
  std::vector<char> storage_;
  std::size_t storage_end_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace uvhttpd
