// SPDX-License-Identifier: MIT
// io/connect.h: addresses of servers, and connections to them that nobody waits for.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace uvhttpd {

// What a stream socket connects to.
struct SocketAddress {
  sockaddr_storage storage{};  // all octets behind the address are zero
  socklen_t length = 0;

  // An address written in numbers, without brackets. EINVAL when it is none.
  static Result<SocketAddress> of_ip(const std::string& literal, std::uint16_t port);
  // EINVAL for what is no path, ENAMETOOLONG for one that no socket can have.
  static Result<SocketAddress> of_unix(const std::string& path);

  // "127.0.0.1:9000", "[::1]:9000", "unix:/run/x"; "-" of one that was never filled in.
  std::string text() const;
  bool operator==(const SocketAddress& other) const;
};

// A non-blocking socket whose connection is made or under way: connect_result() tells once the
// socket is writable or gone. EAGAIN: the backlog of a Unix socket is full, which is no error of a
// connection under way but one that was not begun.
Result<UniqueFd> begin_connect(const SocketAddress& address);

// An errno of begin_connect() that says nothing of who was to be connected to: a queue is full, or
// this process has no descriptors or memory left.
bool is_lack_of_room(int error);

// 0 when the connection was made, else the errno it failed with, which is told only once.
int connect_result(int fd);

}  // namespace uvhttpd
