// SPDX-License-Identifier: MIT
// support/socket_pairs.h: connected sockets, for tests of what watches and serves them.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/unique_fd.h"
#include "io/socket.h"

namespace uvhttpd::tests {

struct SocketPair {
  UniqueFd ours;    // non-blocking
  UniqueFd theirs;  // non-blocking
};

inline SocketPair unix_pair() {
  int fds[2] = {-1, -1};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// A connection to the address, which the kernel completes before anybody accepts it.
inline UniqueFd connect_to(const std::string& host, std::uint16_t port) {
  const bool is_v6 = host.find(':') != std::string::npos;
  sockaddr_in in4{};
  sockaddr_in6 in6{};
  in4.sin_family = AF_INET;
  in4.sin_port = in6.sin6_port = htons(port);
  in6.sin6_family = AF_INET6;
  REQUIRE(::inet_pton(is_v6 ? AF_INET6 : AF_INET, host.c_str(),
                      is_v6 ? static_cast<void*>(&in6.sin6_addr) : &in4.sin_addr) == 1);
  UniqueFd fd(::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int result = is_v6
                         ? ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&in6), sizeof in6)
                         : ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&in4), sizeof in4);
  REQUIRE(result == 0);
  ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  return fd;
}

inline void send_text(const UniqueFd& fd, std::string_view text) {
  REQUIRE(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(text.size()));
}

inline SocketPair tcp_pair() {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  UniqueFd theirs = connect_to("127.0.0.1", local_address(listener.get()).port);
  UniqueFd ours(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  REQUIRE(ours);
  return {std::move(ours), std::move(theirs)};
}

// What is there to be read now; "EOF" and the errno's number show as "<EOF>" and "<104>".
inline std::string read_now(const UniqueFd& fd) {
  std::string all;
  char bytes[65536];
  for (;;) {
    const ssize_t got = ::recv(fd.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (got > 0) {
      all.append(bytes, static_cast<std::size_t>(got));
      continue;
    }
    if (got == 0) return all + "<EOF>";
    return errno == EAGAIN ? all : all + "<" + std::to_string(errno) + ">";
  }
}

}  // namespace uvhttpd::tests
