// SPDX-License-Identifier: MIT
// server/trusted_proxies.h: who asks, where the connection is a proxy's that is believed.
#pragma once

#include "base/arena.h"
#include "config/config.h"
#include "server/exchange.h"

namespace uvhttpd {

// Sets client, scheme and peer_is_trusted of a request that came through the listener, from what
// trusted proxies say in Forwarded (RFC 7239) or, where that says nothing, in X-Forwarded-For and
// X-Forwarded-Proto. Each proxy adds at the right: from there trusted addresses are passed over,
// and the first other one is the client. What is no address ends the walk, too: then the client is
// the last proxy known. A proxy must not let through, as a client sent it, the one of Forwarded and
// X-Forwarded-For that it does not write itself. False when Forwarded is malformed, and the request
// to be refused: a client's rubbish must not hide what a proxy has added behind it.
bool believe_proxies(Request& request, const config::Listener& listener, Arena& arena);

}  // namespace uvhttpd
