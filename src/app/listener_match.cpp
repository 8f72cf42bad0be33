// SPDX-License-Identifier: MIT
#include "app/listener_match.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cstring>

namespace uvhttpd {
namespace {

// An IP address in octets; family 0: the text is none.
struct Octets {
  int family = 0;
  unsigned char octets[16] = {};
  bool operator==(const Octets& other) const {
    return family == other.family && std::memcmp(octets, other.octets, sizeof octets) == 0;
  }
};

// `text` may be in brackets.
Octets read_ip(std::string text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  Octets read;
  for (const int family : {AF_INET, AF_INET6}) {
    if (::inet_pton(family, text.c_str(), read.octets) == 1) {
      read.family = family;
      return read;
    }
  }
  return {};
}

bool listens_on(const config::Listener& listener, const http::Url& url) {
  const Octets asked = read_ip(url.host);
  if (asked.family == 0) return true;
  // An IPv6 wildcard listens for IPv4 too.
  if (listener.host == "::") return true;
  if (listener.host == "0.0.0.0") return asked.family == AF_INET;
  return read_ip(listener.host) == asked;
}

}  // namespace

ListenerMatch match_listeners(const std::vector<config::Listener>& listeners,
                              const http::Url& url) {
  ListenerMatch match;
  bool has_port = false;
  bool has_port_otherwise = false;
  for (const config::Listener& listener : listeners) {
    if (listener.kind != config::Listener::Kind::ip || listener.port == 0) {
      if (listener.tls == url.is_https) match.possible.push_back(listener.address);
    } else if (listener.port == url.port) {
      if (listener.tls != url.is_https) {
        has_port_otherwise = true;
        const bool is_behind_proxy = !listener.tls && !listener.trusted_proxies.empty();
        if (listens_on(listener, url) && !is_behind_proxy && match.other_way.empty()) {
          match.other_way = listener.address;
        }
        continue;
      }
      has_port = true;
      if (listens_on(listener, url)) match.certain.push_back(listener.address);
    }
  }
  if (!match.certain.empty()) {
    match.other_way.clear();
    return match;
  }
  if (has_port) {
    match.why_none = fmt::format("no listener has the address {} with port {}", url.host, url.port);
  } else if (has_port_otherwise) {
    match.why_none = fmt::format(
        fmt::runtime(url.is_https ? "no listener with port {} has TLS"
                                  : "the listener with port {} has TLS and takes only https"),
        url.port);
  } else {
    match.why_none = fmt::format("no listener has port {}", url.port);
  }
  return match;
}

Result<RehearsedAnswer> ask_through(const ListenerMatch& match, Rehearsal& rehearsal,
                                    RehearsedRequest request, Duration patience) {
  if (!match.other_way.empty()) {
    if (request.url.is_https) {
      return Unexpected(Error{"no answer: the listener " + match.other_way + " has no TLS", 0});
    }
    request.is_plain_to_tls = true;
  }
  return rehearsal.ask(request, patience);
}

}  // namespace uvhttpd
