// SPDX-License-Identifier: MIT
// config/network.h: a range of addresses, "10.0.0.0/8" or "2001:db8::/32".
#pragma once

#include <array>
#include <cstdint>

namespace uvhttpd::config {

struct Network {
  bool is_ipv6 = false;
  std::array<std::uint8_t, 16> ip{};  // IPv4 in the first four octets; no bit set behind `bits`
  unsigned bits = 0;                  // of the prefix: 0 to 32, or to 128
  bool operator==(const Network&) const = default;
};

}  // namespace uvhttpd::config
