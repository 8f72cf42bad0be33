// SPDX-License-Identifier: MIT
#include "base/sip_hash.h"

#include <sys/random.h>

#include <bit>
#include <cerrno>

#include "base/assert.h"

namespace uvhttpd {
namespace {

struct State {
  std::uint64_t a, b, c, d;

  void mix() {
    a += b;
    c += d;
    b = std::rotl(b, 13) ^ a;
    d = std::rotl(d, 16) ^ c;
    a = std::rotl(a, 32) + d;
    c += b;
    d = std::rotl(d, 21) ^ a;
    b = std::rotl(b, 17) ^ c;
    c = std::rotl(c, 32);
  }
  void take(std::uint64_t word) {
    d ^= word;
    mix();
    mix();
    a ^= word;
  }
};

std::uint64_t little_endian(const char* octets, std::size_t count) {
  std::uint64_t word = 0;
  for (std::size_t i = count; i > 0; --i) {
    word = word << 8 | static_cast<unsigned char>(octets[i - 1]);
  }
  return word;
}

}  // namespace

SipHash SipHash::with_random_key() {
  Key key;
  ssize_t got = -1;
  do {
    got = ::getrandom(key.data(), sizeof key, 0);
  } while (got < 0 && errno == EINTR);
  ASSERT(got == sizeof key);
  return SipHash(key);
}

std::uint64_t SipHash::operator()(std::string_view octets) const {
  State state{key_[0] ^ 0x736f6d6570736575, key_[1] ^ 0x646f72616e646f6d,
              key_[0] ^ 0x6c7967656e657261, key_[1] ^ 0x7465646279746573};
  const std::uint64_t length = octets.size();
  for (; octets.size() >= 8; octets.remove_prefix(8)) state.take(little_endian(octets.data(), 8));
  state.take(length << 56 | little_endian(octets.data(), octets.size()));
  state.c ^= 0xff;
  for (int i = 0; i < 4; ++i) state.mix();
  return state.a ^ state.b ^ state.c ^ state.d;
}

}  // namespace uvhttpd
