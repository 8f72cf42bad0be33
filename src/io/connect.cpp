// SPDX-License-Identifier: MIT
#include "io/connect.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/passing.h"

namespace uvhttpd {
namespace {

template <class T>
SocketAddress address_from(const T& filled) {
  SocketAddress address;
  std::memcpy(&address.storage, &filled, sizeof filled);
  address.length = sizeof filled;
  return address;
}

}  // namespace

Result<SocketAddress> SocketAddress::of_ip(const std::string& literal, std::uint16_t port) {
  if (literal.find('\0') == std::string::npos) {
    sockaddr_in in4{};
    if (::inet_pton(AF_INET, literal.c_str(), &in4.sin_addr) == 1) {
      in4.sin_family = AF_INET;
      in4.sin_port = htons(port);
      return address_from(in4);
    }
    sockaddr_in6 in6{};
    if (::inet_pton(AF_INET6, literal.c_str(), &in6.sin6_addr) == 1) {
      in6.sin6_family = AF_INET6;
      in6.sin6_port = htons(port);
      return address_from(in6);
    }
  }
  return Unexpected(Error{literal + ": not an IP address", EINVAL});
}

Result<SocketAddress> SocketAddress::of_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.find('\0') != std::string::npos) {
    return Unexpected(Error{"unix:" + path + ": not a path", EINVAL});
  }
  if (path.size() >= sizeof address.sun_path) {
    return Unexpected(Error{"unix:" + path + ": the path is too long", ENAMETOOLONG});
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address_from(address);
}

std::string SocketAddress::text() const {
  char written[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &storage, sizeof in);
    ::inet_ntop(AF_INET, &in.sin_addr, written, sizeof written);
    return std::string(written) + ":" + std::to_string(ntohs(in.sin_port));
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &storage, sizeof in);
    ::inet_ntop(AF_INET6, &in.sin6_addr, written, sizeof written);
    return "[" + std::string(written) + "]:" + std::to_string(ntohs(in.sin6_port));
  }
  if (storage.ss_family == AF_UNIX) {
    sockaddr_un un{};
    std::memcpy(&un, &storage, sizeof un);
    return "unix:" + std::string(un.sun_path, ::strnlen(un.sun_path, sizeof un.sun_path));
  }
  return "-";
}

bool SocketAddress::operator==(const SocketAddress& other) const {
  return length == other.length && std::memcmp(&storage, &other.storage, length) == 0;
}

Result<UniqueFd> begin_connect(const SocketAddress& address) {
  const int family = address.storage.ss_family;
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Unexpected(Error::from_errno(errno, "connecting to " + address.text()));
  if (family != AF_UNIX) {
    const int yes = 1;
    (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  }
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) !=
          0 &&
      errno != EINPROGRESS) {
    return Unexpected(Error::from_errno(errno, "connecting to " + address.text()));
  }
  return fd;
}

bool is_lack_of_room(int error) { return error == EAGAIN || is_lack_of_resources(error); }

int connect_result(int fd) {
  int failure = 0;
  socklen_t length = sizeof failure;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &length) == 0 ? failure : errno;
}

}  // namespace uvhttpd
