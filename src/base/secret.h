// SPDX-License-Identifier: MIT
// base/secret.h: octets that are wiped when they are no longer needed: a password.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "base/assert.h"

namespace uvhttpd {

// One place in memory, of which moving hands over the ownership: no copies stay behind.
class Secret {
 public:
  Secret() = default;
  // So many octets, all NUL, for someone to write.
  explicit Secret(std::size_t bytes) : octets_(new char[bytes + 1]()), size_(bytes), room_(bytes) {}
  explicit Secret(std::string_view octets) : Secret(octets.size()) {
    if (!octets.empty()) std::memcpy(octets_.get(), octets.data(), octets.size());
  }
  Secret(Secret&& other) noexcept
      : octets_(std::move(other.octets_)),
        size_(std::exchange(other.size_, 0)),
        room_(std::exchange(other.room_, 0)) {}
  Secret& operator=(Secret&& other) noexcept {
    if (this == &other) return *this;
    wipe();
    octets_ = std::move(other.octets_);
    size_ = std::exchange(other.size_, 0);
    room_ = std::exchange(other.room_, 0);
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }

  std::string_view view() const { return {c_str(), size_}; }
  // With a NUL behind it.
  const char* c_str() const { return octets_ ? octets_.get() : ""; }
  // The octets, to be written; nullptr when there are none.
  char* data() { return octets_.get(); }
  std::size_t size() const { return size_; }
  // Only its first octets are left.
  void shorten(std::size_t bytes) {
    ASSERT(bytes <= size_);
    if (!octets_) return;
    ::explicit_bzero(octets_.get() + bytes, room_ - bytes);
    size_ = bytes;
  }

 private:
  void wipe() {
    if (octets_) ::explicit_bzero(octets_.get(), room_);
  }

  std::unique_ptr<char[]> octets_;
  std::size_t size_ = 0;
  std::size_t room_ = 0;
};

}  // namespace uvhttpd
