// SPDX-License-Identifier: MIT
// io/keyed_hash.h: hashes that nobody can compute or compare outside this process.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace uvhttpd {

// HMAC-SHA256 (RFC 2104) under a key made at random with the object. Immutable: threads may share
// it.
class KeyedHash {
 public:
  using Digest = std::array<std::uint8_t, 32>;
  KeyedHash();
  ~KeyedHash();  // wipes the key
  KeyedHash(const KeyedHash&) = delete;
  KeyedHash& operator=(const KeyedHash&) = delete;

  // Of the sequence of parts: where one ends and the next begins counts.
  Digest operator()(std::span<const std::string_view> parts) const;

 private:
  std::array<std::uint8_t, 32> key_;
};

}  // namespace uvhttpd
