// SPDX-License-Identifier: MIT
// unit/base/sip_hash_test.cpp: SipHash-2-4 against the vectors of its authors.
#include "base/sip_hash.h"

#include <doctest/doctest.h>

#include <string>

namespace uvhttpd::tests {
namespace {

// The key 00 01 … 0f, and of the octets 00 01 02 … the first so many.
std::uint64_t hash_of_first(std::size_t count) {
  const SipHash hash({0x0706050403020100, 0x0f0e0d0c0b0a0908});
  std::string octets;
  for (std::size_t i = 0; i < count; ++i) octets += static_cast<char>(i);
  return hash(octets);
}

TEST_CASE("SipHash gives the values of its reference") {
  CHECK(hash_of_first(0) == 0x726fdb47dd0e0e31);
  CHECK(hash_of_first(1) == 0x74f839c593dc67fd);
  CHECK(hash_of_first(7) == 0xab0200f58b01d137);
  CHECK(hash_of_first(8) == 0x93f5f5799a932462);
  CHECK(hash_of_first(15) == 0xa129ca6149be45e5);
  CHECK(hash_of_first(63) == 0x958a324ceb064572);
}

TEST_CASE("Two random keys are different ones") {
  CHECK(SipHash::with_random_key()("a") != SipHash::with_random_key()("a"));
}

}  // namespace
}  // namespace uvhttpd::tests
