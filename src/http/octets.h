// SPDX-License-Identifier: MIT
// http/octets.h: which octets may stand where, as one table.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace uvhttpd::http {

namespace octet_class {
constexpr std::uint8_t kToken = 1;  // tchar, RFC 9110 section 5.6.2
constexpr std::uint8_t kValue = 2;  // of a field value: no control octet but HTAB, section 5.5
constexpr std::uint8_t kRegName =
    4;  // of a host name or of its percent-encoding, RFC 3986 section 3.2.2
constexpr std::uint8_t kPath = 8;     // pchar or "/", without "%", RFC 3986 section 3.3
constexpr std::uint8_t kTarget = 16;  // what we take in a request target: visible ASCII but "#"
}  // namespace octet_class

constexpr std::array<std::uint8_t, 256> make_octet_classes() {
  std::array<std::uint8_t, 256> classes{};
  const auto add = [&classes](std::string_view octets, unsigned bits) {
    for (const char c : octets) {
      auto& entry = classes[static_cast<unsigned char>(c)];
      entry = static_cast<std::uint8_t>(entry | bits);
    }
  };
  using namespace octet_class;
  add("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", kToken | kRegName | kPath);
  add("!#$%&'*+-.^_`|~", kToken);
  add("-._~!$&'()*+,;=%", kRegName);
  add("-._~!$&'()*+,;=:@/", kPath);
  for (unsigned c = 0; c < 256; ++c) {
    unsigned bits = classes[c];
    if ((c >= 0x20 && c != 0x7f) || c == '\t') bits |= kValue;
    if (c > 0x20 && c < 0x7f && c != '#') bits |= kTarget;
    classes[c] = static_cast<std::uint8_t>(bits);
  }
  return classes;
}
inline constexpr std::array<std::uint8_t, 256> kOctetClasses = make_octet_classes();

constexpr bool is_of(std::uint8_t octet_class, char c) {
  return (kOctetClasses[static_cast<unsigned char>(c)] & octet_class) != 0;
}
constexpr bool all_are_of(std::uint8_t octet_class, std::string_view text) {
  for (const char c : text) {
    if (!is_of(octet_class, c)) return false;
  }
  return true;
}
constexpr bool is_token_octet(char c) { return is_of(octet_class::kToken, c); }

}  // namespace uvhttpd::http
