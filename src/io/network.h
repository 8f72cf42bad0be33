// SPDX-License-Identifier: MIT
// io/network.h: whether an address is in a range of the configuration, and what counts as one
// client.
#pragma once

#include <span>

#include "config/network.h"
#include "io/socket.h"

namespace uvhttpd {

// Ranges of IPv4 and IPv6 have nothing in common, not even those of all addresses; a Unix socket is
// in none.
bool contains(const config::Network& network, const PeerAddress& address);
bool contains_any(std::span<const config::Network> networks, const PeerAddress& address);

// The client as limits count it, without a port: of IPv6 the network of 64 bits, which is what one
// subscriber has at least. All clients of Unix sockets are one.
PeerAddress counted_client(const PeerAddress& client);

}  // namespace uvhttpd
