// SPDX-License-Identifier: MIT
// io/proxy_protocol.h: the PROXY protocol, versions 1 and 2: what a proxy says in front of a stream
// about the connection behind it (haproxy.org, doc/proxy-protocol.txt).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "io/socket.h"

namespace uvhttpd {

// With its CRLF, section 2.1.
constexpr std::size_t kMaxProxyLineBytes = 107;
// Version 2 with what may follow the addresses, which proxies use for a name, a certificate's
// subject, an identifier: the protocol allows 64 KiB, senders keep within a packet.
constexpr std::size_t kMaxProxyHeaderBytes = 4096;

struct ProxyHeader {
  enum class State : std::uint8_t { need_more, done, fault };
  State state = State::need_more;
  // The rest is of a header that is done.
  std::size_t size = 0;   // octets of the header; the stream begins behind them
  bool is_tls = false;    // the client speaks TLS with the proxy (PP2_TYPE_SSL, section 2.2.5)
  bool is_local = false;  // LOCAL, UNKNOWN or UNSPEC: the socket's own addresses are the right ones
  PeerAddress client{};   // none if local; a Unix socket has no path here
  PeerAddress server{};   // what the client connected to; of the same kind as `client`, but for
                          // IPv4 addresses mapped into IPv6, which read as IPv4
  bool operator==(const ProxyHeader&) const = default;
};

// Reads the header at the front of what has come so far. Anything but need_more is final: more
// octets do not change it. What begins no header is a fault from its first wrong octet; one that
// speaks of datagrams is a fault, too.
ProxyHeader parse_proxy_header(std::string_view bytes);

// A header of version 1 or 2. Unless both addresses are of IP, it says UNKNOWN or LOCAL.
std::string encode_proxy_header(unsigned version, const PeerAddress& client,
                                const PeerAddress& server);

}  // namespace uvhttpd
