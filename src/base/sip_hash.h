// SPDX-License-Identifier: MIT
// base/sip_hash.h: a hash of octets that somebody else chooses: who does not know its key cannot
// choose what collides.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace uvhttpd {

// SipHash-2-4 (Aumasson and Bernstein, 2012). For tables in memory; its values are no secrets, and
// no signatures.
class SipHash {
 public:
  using Key = std::array<std::uint64_t, 2>;

  explicit SipHash(const Key& key) : key_(key) {}
  // With a key of the kernel's, that nobody knows.
  static SipHash with_random_key();

  std::uint64_t operator()(std::string_view octets) const;

 private:
  Key key_;
};

}  // namespace uvhttpd
