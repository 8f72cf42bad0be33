// SPDX-License-Identifier: MIT
// io/network.h: whether an address is in a range of the configuration.
#pragma once

#include <span>

#include "config/network.h"
#include "io/socket.h"

namespace uvhttpd {

// Ranges of IPv4 and IPv6 have nothing in common, not even those of all addresses; a Unix socket is
// in none.
bool contains(const config::Network& network, const PeerAddress& address);
bool contains_any(std::span<const config::Network> networks, const PeerAddress& address);

}  // namespace uvhttpd
