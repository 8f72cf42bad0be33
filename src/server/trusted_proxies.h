// SPDX-License-Identifier: MIT
// server/trusted_proxies.h: who asks, where the connection is a proxy's that is believed.
#pragma once

#include <string_view>

#include "base/arena.h"
#include "config/config.h"
#include "server/exchange.h"

namespace uvhttpd {

// Sets client, scheme and peer_is_trusted of a request that came through the listener, from what
// trusted proxies say in Forwarded (RFC 7239) or in X-Forwarded-For and X-Forwarded-Proto. Each
// proxy adds at the right: from there trusted addresses are passed over, and the first other one is
// the client. What is no address ends the walk, too: then the client is the last proxy known. Why
// the request is to be refused, or "": a client's rubbish in Forwarded must not hide what a proxy
// has added behind it; and where the two fields name different clients one of them is most likely
// the client's own word, which a proxy that writes the other has let through.
std::string_view believe_proxies(Request& request, const config::Listener& listener, Arena& arena);

}  // namespace uvhttpd
