// SPDX-License-Identifier: MIT
// handlers/file_source.h: response bodies from memory and from open files.
#pragma once

#include <algorithm>
#include <memory>
#include <string_view>

#include "base/unique_fd.h"
#include "server/handler.h"

namespace uvhttpd {

// Octets that `keeper` keeps alive.
class MemorySource final : public BodySource {
 public:
  MemorySource(std::string_view bytes, std::shared_ptr<const void> keeper)
      : bytes_(bytes), keeper_(std::move(keeper)) {}

  PullResult pull(SendQueue& out, std::size_t) override {
    // Small ones leave in one piece with the head; copying them is cheaper than a second piece.
    if (bytes_.size() <= kCopyBelow) {
      out.append(bytes_);
    } else {
      out.append_borrowed(bytes_, keeper_);
    }
    return PullResult::end;
  }

 private:
  static constexpr std::size_t kCopyBelow = 4096;
  std::string_view bytes_;
  std::shared_ptr<const void> keeper_;
};

// A range of a file, sent by the kernel from its descriptor.
class FileSource final : public BodySource {
 public:
  FileSource(std::shared_ptr<const UniqueFd> file, std::uint64_t offset, std::uint64_t length)
      : file_(std::move(file)), offset_(offset), left_(length) {}

  PullResult pull(SendQueue& out, std::size_t budget) override {
    const std::uint64_t piece = std::min<std::uint64_t>(left_, budget);
    out.append_file(file_, offset_, piece);
    offset_ += piece;
    left_ -= piece;
    return left_ == 0 ? PullResult::end : PullResult::more;
  }

 private:
  std::shared_ptr<const UniqueFd> file_;
  std::uint64_t offset_;
  std::uint64_t left_;
};

}  // namespace uvhttpd
