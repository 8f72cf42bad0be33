// SPDX-License-Identifier: MIT
// io/tls_tickets.h: the keys of session tickets, by which peers resume without a full handshake
// (RFC 5077, RFC 8446 section 4.6.1).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;

namespace uvhttpd {

// One for the process: kept while configurations change, shared by all threads. The keys are made
// at random and never leave it. A new one is made each `kPeriod`; two older ones are still
// accepted.
class TlsTickets {
 public:
  static constexpr std::chrono::hours kPeriod{12};
  static constexpr std::size_t kNameBytes = 16;
  static constexpr std::size_t kIvBytes = 16;

  TlsTickets();
  ~TlsTickets();  // wipes the keys
  TlsTickets(const TlsTickets&) = delete;
  TlsTickets& operator=(const TlsTickets&) = delete;

  // Replaces the current key before its time.
  void rotate();

  // For the library's callback: sets up both contexts to encrypt a ticket with the current key,
  // whose name and a new initialisation vector are written; false on failure.
  bool seal(unsigned char* name, unsigned char* iv, evp_cipher_ctx_st* cipher, evp_mac_ctx_st* mac);
  enum class Opened { unknown, current, older };
  // The same to decrypt one; `unknown` when the key is gone or was never there.
  Opened open(const unsigned char* name, const unsigned char* iv, evp_cipher_ctx_st* cipher,
              evp_mac_ctx_st* mac);

 private:
  using Clock = std::chrono::steady_clock;
  struct Key {
    std::array<unsigned char, kNameBytes> name;
    std::array<unsigned char, 32> encryption;
    std::array<unsigned char, 32> authentication;
  };
  static constexpr std::size_t kKeys = 3;

  void rotate_locked(Clock::time_point now);
  void rotate_when_due();

  std::mutex mutex_;
  std::array<Key, kKeys> keys_;  // the newest first
  std::size_t count_ = 0;
  Clock::time_point made_;
};

}  // namespace uvhttpd
