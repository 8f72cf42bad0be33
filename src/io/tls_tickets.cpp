// SPDX-License-Identifier: MIT
#include "io/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>

#include "base/assert.h"

namespace uvhttpd {
namespace {

template <std::size_t size>
bool set_mac_key(EVP_MAC_CTX* mac, const std::array<unsigned char, size>& key) {
  char digest[] = "SHA256";
  OSSL_PARAM params[] = {
      ::OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
                                          const_cast<unsigned char*>(key.data()), key.size()),
      ::OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      ::OSSL_PARAM_construct_end()};
  return ::EVP_MAC_CTX_set_params(mac, params) == 1;
}

}  // namespace

TlsTickets::TlsTickets() { rotate_locked(Clock::now()); }

TlsTickets::~TlsTickets() { ::OPENSSL_cleanse(keys_.data(), sizeof keys_); }

void TlsTickets::rotate() {
  const std::lock_guard lock(mutex_);
  rotate_locked(Clock::now());
}

void TlsTickets::rotate_locked(Clock::time_point now) {
  std::copy_backward(keys_.begin(), keys_.end() - 1, keys_.end());
  ASSERT(::RAND_priv_bytes(reinterpret_cast<unsigned char*>(&keys_[0]), sizeof(Key)) == 1);
  count_ = std::min(count_ + 1, kKeys);
  made_ = now;
}

// A process that nobody talks to makes up for it: keys do not get older by lying idle.
void TlsTickets::rotate_when_due() {
  const Clock::time_point now = Clock::now();
  if (now - made_ < kPeriod) return;
  if (now - made_ >= kPeriod * kKeys) count_ = 0;
  rotate_locked(now);
}

bool TlsTickets::seal(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                      EVP_MAC_CTX* mac) {
  const std::lock_guard lock(mutex_);
  rotate_when_due();
  const Key& key = keys_[0];
  std::copy(key.name.begin(), key.name.end(), name);
  return ::RAND_bytes(iv, kIvBytes) == 1 &&
         ::EVP_EncryptInit_ex(cipher, ::EVP_aes_256_cbc(), nullptr, key.encryption.data(), iv) ==
             1 &&
         set_mac_key(mac, key.authentication);
}

TlsTickets::Opened TlsTickets::open(const unsigned char* name, const unsigned char* iv,
                                    EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  const std::lock_guard lock(mutex_);
  rotate_when_due();
  const auto end = keys_.begin() + count_;
  const auto key = std::find_if(keys_.begin(), end, [&](const Key& each) {
    return std::equal(each.name.begin(), each.name.end(), name);
  });
  if (key == end ||
      ::EVP_DecryptInit_ex(cipher, ::EVP_aes_256_cbc(), nullptr, key->encryption.data(), iv) != 1 ||
      !set_mac_key(mac, key->authentication)) {
    return Opened::unknown;
  }
  return key == keys_.begin() ? Opened::current : Opened::older;
}

}  // namespace uvhttpd
