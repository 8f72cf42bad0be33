// SPDX-License-Identifier: MIT
#include "io/network.h"

#include <algorithm>

#include "base/assert.h"

namespace uvhttpd {

bool contains(const config::Network& network, const PeerAddress& address) {
  const PeerAddress::Kind kind =
      network.is_ipv6 ? PeerAddress::Kind::ipv6 : PeerAddress::Kind::ipv4;
  if (address.kind != kind) return false;
  ASSERT(network.bits <= (network.is_ipv6 ? 128U : 32U));
  const std::size_t whole = network.bits / 8;
  if (!std::equal(network.ip.begin(), network.ip.begin() + whole, address.ip.begin())) return false;
  const unsigned rest = network.bits % 8;
  if (rest == 0) return true;
  return (network.ip[whole] ^ address.ip[whole]) >> (8 - rest) == 0;
}

bool contains_any(std::span<const config::Network> networks, const PeerAddress& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const config::Network& network) { return contains(network, address); });
}

PeerAddress counted_client(const PeerAddress& client) {
  PeerAddress counted = client;
  counted.port = 0;
  if (client.kind == PeerAddress::Kind::ipv6)
    std::fill_n(counted.ip.begin() + 8, 8, std::uint8_t{0});
  return counted;
}

}  // namespace uvhttpd
