// SPDX-License-Identifier: MIT
// unit/server/addresses.h: clients and networks as tests write them.
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string_view>

#include "config/network.h"
#include "io/socket.h"

namespace uvhttpd::tests {

// "10.0.0.1", "2001:db8::1", or "unix:" for a client without an address.
inline PeerAddress address(std::string_view text, std::uint16_t port = 0) {
  PeerAddress peer;
  if (text == "unix:") {
    peer.kind = PeerAddress::Kind::unix_socket;
    return peer;
  }
  const std::optional<PeerAddress> parsed = PeerAddress::parse(text);
  // Not REQUIRE: tables call it before the tests begin.
  if (parsed) peer = *parsed;
  peer.port = port;
  return peer;
}

inline config::Network network(std::string_view text, unsigned bits) {
  const PeerAddress base = address(text);
  return {base.kind == PeerAddress::Kind::ipv6, base.ip, bits};
}

}  // namespace uvhttpd::tests
