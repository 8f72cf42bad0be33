// SPDX-License-Identifier: MIT
// io/socket.h: addresses and listening sockets.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace uvhttpd {

// Who is at the other end, small enough to keep for each connection.
struct PeerAddress {
  enum class Kind : std::uint8_t { none, ipv4, ipv6, unix_socket };
  Kind kind = Kind::none;
  std::uint16_t port = 0;
  std::array<std::uint8_t, 16> ip{};  // IPv4 in the first four octets

  static PeerAddress from(const sockaddr_storage& address, socklen_t length);
  // IPv4 in the first four octets.
  static PeerAddress of_ipv4(const std::array<std::uint8_t, 16>& octets);
  static PeerAddress of_ipv6(const std::array<std::uint8_t, 16>& octets);
  // An address of IP as text() writes it, without brackets, port or zone; nullopt if it is none.
  static std::optional<PeerAddress> parse(std::string_view ip_text);
  // "127.0.0.1", "::1", "unix:"; an IPv4 address mapped into IPv6 reads as IPv4.
  std::string text() const;
  // 0.0.0.0 or ::, which a listening socket may be bound to and a connection never is.
  bool is_wildcard() const;
  bool operator==(const PeerAddress&) const = default;
};

// The address a listening or connected socket is bound to.
PeerAddress local_address(int fd);

// A bound, listening, non-blocking socket. `shared_port`: other sockets of this process will bind
// the same address (SO_REUSEPORT). An IPv6 address listens for IPv4 too (dual stack).
Result<UniqueFd> listen_ip(const std::string& host, std::uint16_t port, bool shared_port);
// Takes the place of a stale socket file, never of one that somebody listens on. `mode`: the
// permissions of the file; the directory decides, too, who may connect.
Result<UniqueFd> listen_unix(const std::string& path, unsigned mode = 0666);
// Gives the file of a socket other permissions. What is no socket is left alone, and an error.
Result<void> set_socket_mode(const std::string& path, unsigned mode);
// Closing the socket is going to reset the connection instead of ending the stream.
void reset_on_close(int fd);
// Whether nothing waits to be received of a connected socket, neither octets nor the end.
bool is_silent(int fd);
// Octets given to the socket that the peer has not acknowledged.
std::uint64_t queued_octets(int fd);
// Closing a listening TCP socket resets who takes itself for connected and has not been accepted.
// From now on connections are accepted as soon as they are made; those that are there already, with
// their first octets.
void accept_at_once(int fd);
// And from now on none is begun at a TCP socket: the kernel drops what would begin one, which the
// client sends again a second later, and is refused then if the socket is closed. Those that have
// begun are accepted as before. Without effect where the kernel cannot do it.
void ignore_newcomers(int fd);
// What accepted connections inherit; also for sockets passed in by the service manager.
void prepare_listening_socket(int fd);

}  // namespace uvhttpd
