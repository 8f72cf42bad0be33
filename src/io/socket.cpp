// SPDX-License-Identifier: MIT
#include "io/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace uvhttpd {
namespace {

constexpr int kBacklog = 4096;
constexpr int kDeferAcceptSeconds = 1;
// Of an IPv4 address within IPv6, RFC 4291 section 2.5.5.2.
constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

void set_option(int fd, int level, int option, int value) {
  // Refused by sockets of another family, where it means nothing.
  (void)::setsockopt(fd, level, option, &value, sizeof value);
}

char* write_decimal(char* at, std::uint8_t value) {
  const auto digit = [](int of) { return static_cast<char>('0' + of % 10); };
  if (value >= 100) *at++ = digit(value / 100);
  if (value >= 10) *at++ = digit(value / 10);
  *at++ = digit(value);
  return at;
}

// Each forwarded request says it, and inet_ntop goes through printf.
std::string ipv4_text(const std::array<std::uint8_t, 16>& octets) {
  std::array<char, INET_ADDRSTRLEN> text;
  char* end = text.data();
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0) *end++ = '.';
    end = write_decimal(end, octets[i]);
  }
  return {text.data(), end};
}

bool somebody_listens(const sockaddr_un& address) {
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return probe && (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address),
                             sizeof address) == 0 ||
                   errno == EAGAIN);
}

}  // namespace

PeerAddress PeerAddress::from(const sockaddr_storage& address, socklen_t) {
  PeerAddress peer;
  std::array<std::uint8_t, 16> octets{};
  if (address.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    std::memcpy(octets.data(), &in.sin_addr, 4);
    peer = of_ipv4(octets);
    peer.port = ntohs(in.sin_port);
  } else if (address.ss_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address, sizeof in);
    std::memcpy(octets.data(), &in.sin6_addr, 16);
    peer = of_ipv6(octets);
    peer.port = ntohs(in.sin6_port);
  } else if (address.ss_family == AF_UNIX) {
    peer.kind = Kind::unix_socket;
  }
  return peer;
}

PeerAddress PeerAddress::of_ipv4(const std::array<std::uint8_t, 16>& octets) {
  PeerAddress peer;
  peer.kind = Kind::ipv4;
  std::copy_n(octets.begin(), 4, peer.ip.begin());
  return peer;
}

PeerAddress PeerAddress::of_ipv6(const std::array<std::uint8_t, 16>& octets) {
  PeerAddress peer;
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), octets.begin())) {
    peer.kind = Kind::ipv4;
    std::copy_n(octets.begin() + kMappedPrefix.size(), 4, peer.ip.begin());
  } else {
    peer.kind = Kind::ipv6;
    peer.ip = octets;
  }
  return peer;
}

std::optional<PeerAddress> PeerAddress::parse(std::string_view ip_text) {
  char terminated[INET6_ADDRSTRLEN] = "";
  if (ip_text.size() >= sizeof terminated || ip_text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::copy(ip_text.begin(), ip_text.end(), terminated);
  std::array<std::uint8_t, 16> octets{};
  if (::inet_pton(AF_INET, terminated, octets.data()) == 1) return of_ipv4(octets);
  if (::inet_pton(AF_INET6, terminated, octets.data()) == 1) return of_ipv6(octets);
  return std::nullopt;
}

std::string PeerAddress::text() const {
  char buffer[INET6_ADDRSTRLEN] = "";
  switch (kind) {
    case Kind::ipv4: return ipv4_text(ip);
    case Kind::ipv6: ::inet_ntop(AF_INET6, ip.data(), buffer, sizeof buffer); return buffer;
    case Kind::unix_socket: return "unix:";
    case Kind::none: break;
  }
  return "-";
}

bool PeerAddress::is_wildcard() const {
  return (kind == Kind::ipv4 || kind == Kind::ipv6) && ip == decltype(ip){};
}

PeerAddress local_address(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  return PeerAddress::from(address, length);
}

void accept_at_once(int fd) { set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 0); }

void ignore_newcomers(int fd) {
  constexpr std::uint32_t kFlagsAt = 13;  // in the header, RFC 9293 section 3.1
  constexpr std::uint32_t kSyn = 0x02;
  constexpr std::uint32_t kDrop = 0;
  constexpr std::uint32_t kKeep = 0xffffffff;
  std::array<sock_filter, 4> program{
      sock_filter BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlagsAt),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kSyn, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, kDrop),
      sock_filter BPF_STMT(BPF_RET | BPF_K, kKeep),
  };
  const sock_fprog filter{program.size(), program.data()};
  (void)::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

void prepare_listening_socket(int fd) {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  // Accepted sockets inherit these, so they cost nothing for each connection.
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  // A connection is accepted with its request already there, and often answered in the same turn.
  set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, kDeferAcceptSeconds);
}

Result<UniqueFd> listen_ip(const std::string& host, std::uint16_t port, bool shared_port) {
  sockaddr_storage address{};
  socklen_t length = 0;
  sockaddr_in in4{};
  sockaddr_in6 in6{};
  if (::inet_pton(AF_INET, host.c_str(), &in4.sin_addr) == 1) {
    in4.sin_family = AF_INET;
    in4.sin_port = htons(port);
    std::memcpy(&address, &in4, sizeof in4);
    length = sizeof in4;
  } else if (::inet_pton(AF_INET6, host.c_str(), &in6.sin6_addr) == 1) {
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    std::memcpy(&address, &in6, sizeof in6);
    length = sizeof in6;
  } else {
    return Unexpected(Error{"listening on " + host + ": not an IP address", EINVAL});
  }
  const std::string name =
      (address.ss_family == AF_INET6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
  UniqueFd fd(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Unexpected(Error::from_errno(errno, "listening on " + name));
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (shared_port) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (address.ss_family == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    return Unexpected(Error::from_errno(errno, "listening on " + name));
  }
  prepare_listening_socket(fd.get());
  return fd;
}

// Who may write to the directory may have put something else in the place of the socket.
Result<void> set_socket_mode(const std::string& path, unsigned mode) {
  const UniqueFd there(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!there || ::fstat(there.get(), &status) != 0) {
    return Unexpected(Error::from_errno(errno, "permissions of unix:" + path));
  }
  if (!S_ISSOCK(status.st_mode)) {
    return Unexpected(Error{"permissions of unix:" + path + ": it is no socket", ENOTSOCK});
  }
  const std::string name = "/proc/self/fd/" + std::to_string(there.get());
  if (::chmod(name.c_str(), mode) == 0) return {};
  return Unexpected(Error::from_errno(errno, "permissions of unix:" + path));
}

Result<UniqueFd> listen_unix(const std::string& path, unsigned mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Unexpected(Error{"listening on unix:" + path + ": the path is too long", ENAMETOOLONG});
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Unexpected(Error::from_errno(errno, "listening on unix:" + path));
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) {
    if (somebody_listens(address)) {
      return Unexpected(Error::from_errno(EADDRINUSE, "listening on unix:" + path));
    }
    ::unlink(path.c_str());
  }
  // The file is born with these permissions, less those of the umask: at no time with more.
  ::fchmod(fd.get(), mode);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    return Unexpected(Error::from_errno(errno, "listening on unix:" + path));
  }
  // Without those that the umask took, fewer may connect than were meant to, and nobody else.
  (void)set_socket_mode(path, mode);
  prepare_listening_socket(fd.get());
  return fd;
}

void reset_on_close(int fd) {
  const linger at_once{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

bool is_silent(int fd) {
  char octet = 0;
  return ::recv(fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

std::uint64_t queued_octets(int fd) {
  int queued = 0;
  return ::ioctl(fd, SIOCOUTQ, &queued) == 0 ? static_cast<std::uint64_t>(queued) : 0;
}

}  // namespace uvhttpd
