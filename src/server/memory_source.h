// SPDX-License-Identifier: MIT
// server/memory_source.h: response bodies that are in memory already.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

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

}  // namespace uvhttpd
