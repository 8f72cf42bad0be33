// SPDX-License-Identifier: MIT
#include "io/keyed_hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <string>

#include "base/assert.h"

namespace uvhttpd {
namespace {

constexpr int kLengthBytes = 8;

void append_length(std::string& message, std::uint64_t length) {
  for (int i = 0; i < kLengthBytes; ++i) {
    message.push_back(static_cast<char>(length >> (8 * i) & 0xff));
  }
}

}  // namespace

KeyedHash::KeyedHash() {
  ASSERT(::RAND_priv_bytes(key_.data(), static_cast<int>(key_.size())) == 1);
}

KeyedHash::~KeyedHash() { ::OPENSSL_cleanse(key_.data(), key_.size()); }

KeyedHash::Digest KeyedHash::operator()(std::span<const std::string_view> parts) const {
  std::size_t size = 0;
  for (const std::string_view part : parts) size += kLengthBytes + part.size();
  // Parts may be secrets: reserved at once, no copy stays behind, and this one is wiped.
  std::string message;
  message.reserve(size);
  for (const std::string_view part : parts) {
    append_length(message, part.size());
    message += part;
  }
  Digest digest;
  unsigned length = 0;
  const unsigned char* made = ::HMAC(::EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
                                     reinterpret_cast<const unsigned char*>(message.data()),
                                     message.size(), digest.data(), &length);
  ::OPENSSL_cleanse(message.data(), message.size());
  ASSERT(made != nullptr && length == digest.size());
  return digest;
}

}  // namespace uvhttpd
