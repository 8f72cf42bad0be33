// SPDX-License-Identifier: MIT
#include "io/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "base/assert.h"
#include "base/text.h"

namespace uvhttpd {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kLineStart = "PROXY ";
constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t kFixedBytes = 16;  // of version 2, in front of the addresses

// Section 2.2: the high half of the 13th octet is the version, the low half the command.
constexpr unsigned kVersion2Local = 0x20;
constexpr unsigned kVersion2Proxy = 0x21;
// The high half of the 14th octet is the family, the low half the protocol.
constexpr unsigned kInet = 1;
constexpr unsigned kInet6 = 2;
constexpr unsigned kUnix = 3;
constexpr unsigned kStream = 1;
// Section 2.2.5: what may follow the addresses, each with its type and length in front.
constexpr std::size_t kTypeAndLength = 3;
constexpr unsigned kTypeTls = 0x20;
constexpr unsigned kClientUsesTls = 0x01;

using State = ProxyHeader::State;

bool is_ip(const PeerAddress& address) {
  return address.kind == PeerAddress::Kind::ipv4 || address.kind == PeerAddress::Kind::ipv6;
}

bool both_ipv4(const PeerAddress& client, const PeerAddress& server) {
  return client.kind == PeerAddress::Kind::ipv4 && server.kind == PeerAddress::Kind::ipv4;
}

// Takes the next word off the front, and the one space behind it.
std::string_view take_word(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

std::optional<PeerAddress> address_of(std::string_view text, bool is_ipv6) {
  // Only IPv6 is written with colons.
  if ((text.find(':') != std::string_view::npos) != is_ipv6) return std::nullopt;
  return PeerAddress::parse(text);
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  const std::optional<std::uint64_t> port = parse_decimal(text);
  if (!port || *port > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*port);
}

// `rest` is what follows "PROXY TCP4 " or "PROXY TCP6 " in a line.
bool read_addresses(std::string_view rest, bool is_ipv6, ProxyHeader& header) {
  if (std::count(rest.begin(), rest.end(), ' ') != 3) return false;
  const std::optional<PeerAddress> client = address_of(take_word(rest), is_ipv6);
  const std::optional<PeerAddress> server = address_of(take_word(rest), is_ipv6);
  const std::optional<std::uint16_t> client_port = port_of(take_word(rest));
  const std::optional<std::uint16_t> server_port = port_of(take_word(rest));
  if (!client || !server || !client_port || !server_port) return false;
  header.client = *client;
  header.server = *server;
  header.client.port = *client_port;
  header.server.port = *server_port;
  return true;
}

ProxyHeader parse_line(std::string_view bytes) {
  const std::size_t line_end = bytes.substr(0, kMaxProxyLineBytes).find('\n');
  if (line_end == std::string_view::npos) {
    return {bytes.size() < kMaxProxyLineBytes ? State::need_more : State::fault};
  }
  // The line and its LF; the only CR is in front of that.
  if (bytes.find('\r') != line_end - 1) return {State::fault};
  std::string_view rest = bytes.substr(0, line_end - 1);
  rest.remove_prefix(kLineStart.size());
  ProxyHeader header{State::done, line_end + 1};
  const std::string_view protocol = take_word(rest);
  if (protocol == "UNKNOWN") {
    header.is_local = true;
    return header;
  }
  const bool is_ipv6 = protocol == "TCP6";
  if (!is_ipv6 && protocol != "TCP4") return {State::fault};
  if (!read_addresses(rest, is_ipv6, header)) return {State::fault};
  return header;
}

unsigned octet_at(std::string_view bytes, std::size_t position) {
  return static_cast<unsigned char>(bytes[position]);
}

std::uint16_t number_at(std::string_view bytes, std::size_t position) {
  return static_cast<std::uint16_t>(octet_at(bytes, position) << 8 | octet_at(bytes, position + 1));
}

PeerAddress ip_at(std::string_view bytes, std::size_t octets) {
  std::array<std::uint8_t, 16> ip{};
  std::memcpy(ip.data(), bytes.data(), octets);
  return octets == 4 ? PeerAddress::of_ipv4(ip) : PeerAddress::of_ipv6(ip);
}

// How long the addresses of a family are, both together with their ports.
std::size_t address_bytes(unsigned family) {
  switch (family) {
    case kInet: return 2 * 4 + 2 * 2;
    case kInet6: return 2 * 16 + 2 * 2;
    case kUnix: return 2 * 108;
    default: return 0;
  }
}

// What does not add up is not believed, and no reason to refuse the addresses.
bool says_tls(std::string_view rest) {
  while (rest.size() >= kTypeAndLength) {
    const unsigned type = octet_at(rest, 0);
    const std::size_t length = number_at(rest, 1);
    rest.remove_prefix(kTypeAndLength);
    if (length > rest.size()) return false;
    if (type == kTypeTls) return length > 0 && (octet_at(rest, 0) & kClientUsesTls) != 0;
    rest.remove_prefix(length);
  }
  return false;
}

ProxyHeader parse_binary(std::string_view bytes) {
  if (bytes.size() < kSignature.size() + 1) return {State::need_more};
  const unsigned command = octet_at(bytes, 12);
  if (command != kVersion2Local && command != kVersion2Proxy) return {State::fault};
  if (bytes.size() < kFixedBytes) return {State::need_more};
  const std::size_t length = number_at(bytes, 14);
  if (length > kMaxProxyHeaderBytes - kFixedBytes) return {State::fault};
  ProxyHeader header{State::done, kFixedBytes + length};
  const unsigned family = octet_at(bytes, 13) >> 4;
  const unsigned protocol = octet_at(bytes, 13) & 0xf;
  if (command == kVersion2Local) {
    // Whatever else it says is to be ignored.
    header.is_local = true;
  } else {
    if (family > kUnix || protocol > kStream || length < address_bytes(family)) {
      return {State::fault};
    }
    header.is_local = family == 0 || protocol == 0;
  }
  if (bytes.size() < header.size) return {State::need_more};
  if (header.is_local) return header;
  header.is_tls =
      says_tls(bytes.substr(0, header.size).substr(kFixedBytes + address_bytes(family)));
  if (family == kUnix) {
    header.client.kind = header.server.kind = PeerAddress::Kind::unix_socket;
    return header;
  }
  const std::size_t octets = family == kInet ? 4 : 16;
  const std::string_view block = bytes.substr(kFixedBytes);
  header.client = ip_at(block, octets);
  header.server = ip_at(block.substr(octets), octets);
  header.client.port = number_at(block, 2 * octets);
  header.server.port = number_at(block, 2 * octets + 2);
  return header;
}

// The 16 octets of an address of either kind in IPv6.
std::array<std::uint8_t, 16> as_ipv6(const PeerAddress& address) {
  if (address.kind == PeerAddress::Kind::ipv6) return address.ip;
  std::array<std::uint8_t, 16> mapped{};
  mapped[10] = mapped[11] = 0xff;
  std::copy_n(address.ip.begin(), 4, mapped.begin() + 12);
  return mapped;
}

// In hexadecimal throughout, as section 2.1 wants it: what inet_ntop writes of a mapped address
// ends in decimal.
std::string ipv6_text(const PeerAddress& address) {
  if (address.kind == PeerAddress::Kind::ipv6) return address.text();
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text = "::ffff:";
  for (std::size_t i = 0; i < 4; ++i) {
    if (i == 2) text += ':';
    text += kDigits[address.ip[i] >> 4];
    text += kDigits[address.ip[i] & 0xf];
  }
  return text;
}

std::string encode_line(const PeerAddress& client, const PeerAddress& server) {
  if (!is_ip(client) || !is_ip(server)) return "PROXY UNKNOWN\r\n";
  const std::string ports =
      " " + std::to_string(client.port) + " " + std::to_string(server.port) + "\r\n";
  if (both_ipv4(client, server)) return "PROXY TCP4 " + client.text() + " " + server.text() + ports;
  return "PROXY TCP6 " + ipv6_text(client) + " " + ipv6_text(server) + ports;
}

void append_number(std::string& out, std::size_t number) {
  out += static_cast<char>(number >> 8 & 0xff);
  out += static_cast<char>(number & 0xff);
}

void append_octets(std::string& out, const std::array<std::uint8_t, 16>& octets,
                   std::size_t count) {
  out.append(reinterpret_cast<const char*>(octets.data()), count);
}

std::string encode_binary(const PeerAddress& client, const PeerAddress& server) {
  std::string out(kSignature);
  if (!is_ip(client) || !is_ip(server)) {
    out += static_cast<char>(kVersion2Local);
    out.append(3, '\0');
    return out;
  }
  const unsigned family = both_ipv4(client, server) ? kInet : kInet6;
  out += static_cast<char>(kVersion2Proxy);
  out += static_cast<char>(family << 4 | kStream);
  append_number(out, address_bytes(family));
  for (const PeerAddress* address : {&client, &server}) {
    if (family == kInet) {
      append_octets(out, address->ip, 4);
    } else {
      append_octets(out, as_ipv6(*address), 16);
    }
  }
  append_number(out, client.port);
  append_number(out, server.port);
  return out;
}

}  // namespace

ProxyHeader parse_proxy_header(std::string_view bytes) {
  // The first octet tells the two apart.
  const bool is_binary = bytes.starts_with(kSignature.front());
  const std::string_view start = is_binary ? kSignature : kLineStart;
  const std::size_t compared = std::min(bytes.size(), start.size());
  if (bytes.substr(0, compared) != start.substr(0, compared)) return {State::fault};
  if (compared < start.size()) return {State::need_more};
  return is_binary ? parse_binary(bytes) : parse_line(bytes);
}

std::string encode_proxy_header(unsigned version, const PeerAddress& client,
                                const PeerAddress& server) {
  ASSERT(version == 1 || version == 2);
  return version == 1 ? encode_line(client, server) : encode_binary(client, server);
}

}  // namespace uvhttpd
