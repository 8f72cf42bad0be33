// SPDX-License-Identifier: MIT
// config/addresses.cpp: where to listen, under which names, and networks of peers.
#include <arpa/inet.h>

#include <algorithm>

#include "base/text.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

// sizeof(sockaddr_un::sun_path) less the NUL at the end.
constexpr std::size_t kMaxSocketPath = 107;
constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxLabel = 63;

// The address in the form the system writes it; nullopt if it is none.
std::optional<std::string> ip_address(int family, std::string_view text) {
  unsigned char octets[sizeof(in6_addr)];
  char written[INET6_ADDRSTRLEN];
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) return std::nullopt;
  if (inet_pton(family, terminated.c_str(), octets) != 1) return std::nullopt;
  if (inet_ntop(family, octets, written, sizeof written) == nullptr) return std::nullopt;
  return std::string(written);
}

bool is_alphanumeric(char c) {
  return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

// A host name as in RFC 1123 section 2.1; underscores are in use all the same.
bool is_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxName) return false;
  for (;;) {
    const std::size_t end = std::min(name.find('.'), name.size());
    const std::string_view label = name.substr(0, end);
    if (label.empty() || label.size() > kMaxLabel) return false;
    if (label.front() == '-' || label.back() == '-') return false;
    const auto fits = [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; };
    if (!std::all_of(label.begin(), label.end(), fits)) return false;
    if (end == name.size()) return true;
    name.remove_prefix(end + 1);
  }
}

Read<Listener> parse_unix(Listener listener, std::string_view path, const std::string& directory) {
  Read<std::string> absolute = parse_socket_path(path, directory);
  if (!absolute) return Unexpected(std::move(absolute).error());
  listener.kind = Listener::Kind::unix_socket;
  listener.path = *std::move(absolute);
  return listener;
}

Read<Listener> parse_systemd(Listener listener, std::string_view name) {
  const auto fits = [](char c) { return c > 0x20 && c < 0x7f && c != ':'; };
  if (name.empty() || name.size() > 255 || !std::all_of(name.begin(), name.end(), fits)) {
    return complain("must name a socket after `systemd:`, as in FileDescriptorName=",
                    "\"systemd:http\"");
  }
  listener.kind = Listener::Kind::systemd;
  listener.path = name;
  return listener;
}

// The network that `network` would be without the bits behind its prefix.
Network without_host_bits(Network network) {
  for (unsigned i = 0; i < network.ip.size(); ++i) {
    const unsigned kept = network.bits > 8 * i ? std::min(network.bits - 8 * i, 8U) : 0;
    network.ip[i] = static_cast<std::uint8_t>(network.ip[i] & (0xff00U >> kept));
  }
  return network;
}

// The IPv4 network that "::ffff:10.0.0.0/104" stands for (RFC 4291 section 2.5.5.2).
std::optional<Network> mapped_ipv4(const Network& network) {
  constexpr unsigned kMappedBits = 96;
  if (!network.is_ipv6 || network.bits < kMappedBits) return std::nullopt;
  const bool zeros = std::all_of(network.ip.begin(), network.ip.begin() + 10,
                                 [](std::uint8_t octet) { return octet == 0; });
  if (!zeros || network.ip[10] != 0xff || network.ip[11] != 0xff) return std::nullopt;
  Network inner;
  std::copy(network.ip.begin() + 12, network.ip.end(), inner.ip.begin());
  inner.bits = network.bits - kMappedBits;
  return inner;
}

}  // namespace

Read<std::string> parse_socket_path(std::string_view text, const std::string& directory) {
  if (text.empty() || text.find('\0') != std::string_view::npos) {
    return complain("must name a path after `unix:`", "\"unix:/run/uvhttpd/http.sock\"");
  }
  std::string path = absolute_path(directory, text);
  if (path.size() <= kMaxSocketPath) return path;
  return complain("has a path longer than the " + std::to_string(kMaxSocketPath) +
                  " octets that a socket may have");
}

Read<Network> parse_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  Network network;
  network.is_ipv6 = address.find(':') != std::string::npos;
  const unsigned all_bits = network.is_ipv6 ? 128 : 32;
  const bool is_address =
      address.find('\0') == std::string::npos &&
      inet_pton(network.is_ipv6 ? AF_INET6 : AF_INET, address.c_str(), network.ip.data()) == 1;
  if (!is_address) {
    return complain("has something that is no address or network: " + in_quotes(text),
                    "\"10.0.0.0/8\", \"2001:db8::/32\", or one address without brackets");
  }
  network.bits = all_bits;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto bits = parse_decimal(digits);
    if (!bits || *bits > all_bits || digits.size() > 3) {
      return complain("has a prefix that is not 0 to " + std::to_string(all_bits) + ": " +
                      in_quotes(digits));
    }
    network.bits = static_cast<unsigned>(*bits);
  }
  if (const auto inner = mapped_ipv4(network)) {
    return complain("has an IPv4 address in the form of IPv6: " + in_quotes(text),
                    "\"" + format_network(without_host_bits(*inner)) + "\"");
  }
  const Network meant = without_host_bits(network);
  if (meant == network) return network;
  return complain("has a network with bits behind its prefix: " + in_quotes(text),
                  "did you mean \"" + format_network(meant) + "\"?");
}

std::string format_network(const Network& network) {
  char written[INET6_ADDRSTRLEN];
  inet_ntop(network.is_ipv6 ? AF_INET6 : AF_INET, network.ip.data(), written, sizeof written);
  const bool is_one_address = network.bits == (network.is_ipv6 ? 128U : 32U);
  return std::string(written) + (is_one_address ? "" : "/" + std::to_string(network.bits));
}

Read<Listener> parse_address(std::string_view text, const std::string& directory) {
  constexpr const char* kForms =
      "\"127.0.0.1:8080\", \"[::1]:8080\", \"unix:/path\" or \"systemd:NAME\"";
  Listener listener;
  listener.address = text;
  if (text.starts_with("unix:")) return parse_unix(std::move(listener), text.substr(5), directory);
  if (text.starts_with("systemd:")) return parse_systemd(std::move(listener), text.substr(8));

  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return complain("has no port: " + in_quotes(text), kForms);
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = ip_address(bracketed ? AF_INET6 : AF_INET, host);
  if (!address) {
    if (host.empty()) {
      return complain("has no address before its port: " + in_quotes(text),
                      "\"0.0.0.0:80\" for every IPv4 address, \"[::]:80\" for IPv6 as well");
    }
    if (!bracketed && ip_address(AF_INET6, text)) {
      return complain("is an IPv6 address without a port: " + in_quotes(text), "\"[::1]:8080\"");
    }
    return complain("is no IP address and port: " + in_quotes(text), kForms);
  }
  const auto port = parse_decimal(digits);
  if (!port || *port > 65535 || digits.size() > 5) {
    return complain("has a port that is not 0 to 65535: " + in_quotes(digits));
  }
  listener.host = *address;
  listener.port = static_cast<std::uint16_t>(*port);
  return listener;
}

std::string identity_of(const Listener& listener) {
  switch (listener.kind) {
    case Listener::Kind::unix_socket: return "unix:" + listener.path;
    case Listener::Kind::systemd: return "systemd:" + listener.path;
    case Listener::Kind::ip: break;
  }
  if (listener.port == 0) return "";
  return listener.host + " " + std::to_string(listener.port);
}

Read<std::string> parse_host(std::string_view text) {
  std::string host = to_lower(text);
  if (host.ends_with('.')) host.pop_back();
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const auto ipv6 = ip_address(AF_INET6, bracketed ? host.substr(1, host.size() - 2) : host);
  if (ipv6) return "[" + *ipv6 + "]";
  if (is_name(std::string_view(host).substr(host.starts_with("*.") ? 2 : 0))) return host;

  const std::string message = "has something that is no host name: " + in_quotes(text);
  if (host == "*") return complain(message, "leave `hosts` out for the default site");
  if (host.find("://") != std::string::npos)
    return complain(message, "only the name, without the scheme");
  if (host.find('/') != std::string::npos)
    return complain(message, "only the name, without a path");
  if (host.find(':') != std::string::npos)
    return complain(message, "only the name, without a port");
  if (host.find('*') != std::string::npos) {
    return complain(message, "`*` may only stand for everything before a name: \"*.example.org\"");
  }
  const bool ascii = std::all_of(host.begin(), host.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  return complain(message, ascii ? "" : "write its ASCII form, which begins with xn--");
}

}  // namespace uvhttpd::config
