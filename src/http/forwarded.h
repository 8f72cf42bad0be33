// SPDX-License-Identifier: MIT
// http/forwarded.h: what proxies say of the client they speak for: Forwarded (RFC 7239) and
// X-Forwarded-For.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"

namespace uvhttpd::http {

constexpr std::size_t kMaxHops = 100;

// One proxy's word on whom it got the request from. Nothing of it is true just because it is there.
struct Hop {
  std::string_view node;   // an IP address without port and brackets; empty when it is no address:
                           // unknown, obfuscated, or rubbish
  std::string_view proto;  // a URI scheme as received; may be empty
  std::string_view host;   // a Host field's value, of octets that may stand in one; may be empty
};

// The elements of all Forwarded lines in order: the last one is the word of the nearest proxy. Of
// more than kMaxHops the last ones are given, for the first may be a client's invention. nullopt
// when a line is malformed, for then where its elements end is anybody's guess; white space around
// ";", which RFC 7239 section 4 does not have, is taken. They live as long as the arena and the
// fields do.
std::optional<std::span<const Hop>> forwarded_hops(const FieldList& fields, Arena& arena);

// The same for X-Forwarded-For; only the nodes are set. A member that is no address, with a port or
// brackets or without, is a hop all the same: what a client invents must not hide what a proxy puts
// behind it.
std::span<const Hop> x_forwarded_for_hops(const FieldList& fields, Arena& arena);

// An element of a Forwarded field: `for=192.0.2.1;host="a:81";proto=https`, quoted where that is
// needed. A node that is no address is `unknown`; an empty host or proto is left out, and so is one
// that no quoted string can hold. It lives as long as the arena.
std::string_view forwarded_element(const Hop& hop, Arena& arena);

}  // namespace uvhttpd::http
