// SPDX-License-Identifier: MIT
// unit/server/passwords.h: hashes that cost little to check, and a password file of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace uvhttpd::tests {

// `htpasswd -nbB -C 4`: of "secret" and of "word".
constexpr std::string_view kHashOfSecret =
    "$2y$04$RIBAdpd792vSPnTS3ENp/eAvSeSgLkW6TQuT.bdabuLfEJcyAUBA2";
constexpr std::string_view kHashOfWord =
    "$2y$04$iW16Sr0.swp.ObWiq5iEa.I9HzlQbZRc7yQyXZqrqbo0aby1TN9pq";

inline std::string line_for(std::string_view user, std::string_view hash) {
  return std::string(user).append(":").append(hash).append("\n");
}

// alice has "secret", bob "word".
inline std::string alice_and_bob() {
  return line_for("alice", kHashOfSecret) + line_for("bob", kHashOfWord);
}

// The field line that a client with these sends (RFC 7617 section 2).
inline std::string authorization(std::string_view user, std::string_view password) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string octets = std::string(user).append(":").append(password);
  std::string line = "Authorization: Basic ";
  for (std::size_t i = 0; i < octets.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = i; j < i + 3; ++j) {
      bits = bits << 8 | (j < octets.size() ? static_cast<unsigned char>(octets[j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      line += i + j <= octets.size() ? kDigits[bits >> (18 - 6 * j) & 63] : '=';
    }
  }
  return line + "\r\n";
}

}  // namespace uvhttpd::tests
