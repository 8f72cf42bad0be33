// SPDX-License-Identifier: MIT
// unit/io/connect_test.cpp: addresses of servers, and connections that succeed, fail or wait.
#include "io/connect.h"

#include <doctest/doctest.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include <vector>

#include "io/fd_watcher.h"
#include "support/run_until.h"
#include "support/socket_pairs.h"
#include "support/temp_dir.h"

namespace uvhttpd::tests {
namespace {

SocketAddress ip(const std::string& literal, std::uint16_t port) {
  const Result<SocketAddress> address = SocketAddress::of_ip(literal, port);
  REQUIRE(address.has_value());
  return *address;
}

SocketAddress unix_path(const std::string& path) {
  const Result<SocketAddress> address = SocketAddress::of_unix(path);
  REQUIRE(address.has_value());
  return *address;
}

// What came of a connection, as somebody sees it who waits on a loop.
int outcome(EventLoop& loop, const UniqueFd& fd) {
  unsigned seen = ready::kNothing;
  FdWatcher watcher(
      loop, fd.get(), [](void* told, unsigned now) { *static_cast<unsigned*>(told) |= now; },
      &seen);
  watcher.watch(ready::kWritable);
  REQUIRE(run_until(loop, [&] { return seen != ready::kNothing; }));
  return connect_result(fd.get());
}

// A port that nobody listens on, and that nobody else is given meanwhile.
struct ClosedPort {
  ClosedPort() : holder(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const SocketAddress any = ip("127.0.0.1", 0);
    REQUIRE(::bind(holder.get(), reinterpret_cast<const sockaddr*>(&any.storage), any.length) == 0);
  }
  std::uint16_t port() const { return local_address(holder.get()).port; }
  UniqueFd holder;
};

TEST_CASE("SocketAddress reads back as it was written") {
  CHECK(ip("127.0.0.1", 9000).text() == "127.0.0.1:9000");
  CHECK(ip("::1", 80).text() == "[::1]:80");
  CHECK(ip("2001:DB8:0::1", 65535).text() == "[2001:db8::1]:65535");
  CHECK(unix_path("/run/x").text() == "unix:/run/x");
  CHECK(SocketAddress{}.text() == "-");
}

TEST_CASE("SocketAddress is equal only to the same kind, address and port") {
  const std::vector<SocketAddress> all = {
      ip("127.0.0.1", 1), ip("127.0.0.1", 2), ip("::1", 1),         ip("127.0.0.2", 1),
      unix_path("/a"),    unix_path("/ab"),   ip("::127.0.0.1", 1), SocketAddress{}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < all.size(); ++j) {
      CAPTURE(i);
      CAPTURE(j);
      CHECK((all[i] == all[j]) == (i == j));
    }
  }
  CHECK(ip("::1", 1) == ip("0:0::1", 1));
}

TEST_CASE("SocketAddress refuses what is no address") {
  for (const std::string literal : {"localhost", "", "256.1.1.1", "[::1]", "1.2.3", "::1%lo"}) {
    CAPTURE(literal);
    const Result<SocketAddress> address = SocketAddress::of_ip(literal, 80);
    REQUIRE_FALSE(address.has_value());
    CHECK(address.error().os_error == EINVAL);
  }
  CHECK_FALSE(SocketAddress::of_ip(std::string("127.0.0.1\0x", 11), 80).has_value());
}

TEST_CASE("SocketAddress refuses paths that no socket can have") {
  CHECK(SocketAddress::of_unix("/" + std::string(106, 'a')).has_value());
  const Result<SocketAddress> too_long = SocketAddress::of_unix("/" + std::string(107, 'a'));
  REQUIRE_FALSE(too_long.has_value());
  CHECK(too_long.error().os_error == ENAMETOOLONG);
  CHECK_FALSE(SocketAddress::of_unix("").has_value());
  CHECK_FALSE(SocketAddress::of_unix(std::string("\0abstract", 9)).has_value());
  CHECK_FALSE(SocketAddress::of_unix(std::string("/a\0b", 4)).has_value());
}

TEST_CASE("begin_connect reaches a server over TCP") {
  EventLoop loop;
  for (const std::string host : {"127.0.0.1", "::1"}) {
    CAPTURE(host);
    const Result<UniqueFd> listener = listen_ip(host, 0, false);
    REQUIRE(listener.has_value());
    const Result<UniqueFd> fd = begin_connect(ip(host, local_address(listener->get()).port));
    REQUIRE(fd.has_value());
    CHECK(outcome(loop, *fd) == 0);
    send_text(*fd, "hello");
    ::fcntl(listener->get(), F_SETFL, 0);
    const UniqueFd accepted(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
    CHECK(read_now(accepted) == "hello");
  }
}

TEST_CASE("begin_connect reaches a server over a Unix socket") {
  EventLoop loop;
  const TempDir directory;
  const Result<UniqueFd> listener = listen_unix(directory / "sock");
  REQUIRE(listener.has_value());
  const Result<UniqueFd> fd = begin_connect(unix_path(directory / "sock"));
  REQUIRE(fd.has_value());
  CHECK(outcome(loop, *fd) == 0);
  send_text(*fd, "hello");
  const UniqueFd accepted(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
  CHECK(read_now(accepted) == "hello");
}

TEST_CASE("begin_connect gives a non-blocking socket that children do not inherit, without delay") {
  const Result<UniqueFd> listener = listen_ip("127.0.0.1", 0, false);
  REQUIRE(listener.has_value());
  const Result<UniqueFd> fd = begin_connect(ip("127.0.0.1", local_address(listener->get()).port));
  REQUIRE(fd.has_value());
  CHECK((::fcntl(fd->get(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC) != 0);
  int no_delay = 0;
  socklen_t length = sizeof no_delay;
  REQUIRE(::getsockopt(fd->get(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &length) == 0);
  CHECK(no_delay != 0);
}

TEST_CASE("a connection that is refused says so, at once or when it is writable") {
  EventLoop loop;
  const ClosedPort closed;
  const Result<UniqueFd> fd = begin_connect(ip("127.0.0.1", closed.port()));
  if (fd) {
    CHECK(outcome(loop, *fd) == ECONNREFUSED);
  } else {
    CHECK(fd.error().os_error == ECONNREFUSED);
  }
}

TEST_CASE("begin_connect says what it could not connect to, and why") {
  const TempDir directory;
  const Result<UniqueFd> missing = begin_connect(unix_path(directory / "sock"));
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().os_error == ENOENT);
  CHECK(missing.error().message ==
        "connecting to unix:" + (directory / "sock") + ": No such file or directory");
  listen_unix(directory / "stale")->reset();
  const Result<UniqueFd> stale = begin_connect(unix_path(directory / "stale"));
  REQUIRE_FALSE(stale.has_value());
  CHECK(stale.error().os_error == ECONNREFUSED);
  const Result<UniqueFd> nothing = begin_connect(SocketAddress{});
  REQUIRE_FALSE(nothing.has_value());
  CHECK(nothing.error().message.starts_with("connecting to -: "));
}

TEST_CASE("begin_connect to a Unix socket whose backlog is full is EAGAIN") {
  const TempDir directory;
  const SocketAddress address = unix_path(directory / "sock");
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address.storage),
                 address.length) == 0);
  REQUIRE(::listen(listener.get(), 0) == 0);
  constexpr int kMoreThanTheBacklog = 4;
  std::vector<UniqueFd> waiting;
  int failure = 0;
  for (int i = 0; i < kMoreThanTheBacklog && failure == 0; ++i) {
    Result<UniqueFd> fd = begin_connect(address);
    if (fd) {
      waiting.push_back(*std::move(fd));
    } else {
      failure = fd.error().os_error;
    }
  }
  CHECK(failure == EAGAIN);
  CHECK_FALSE(waiting.empty());
}

TEST_CASE("connect_result of what is no socket is an errno") { CHECK(connect_result(-1) == EBADF); }

}  // namespace
}  // namespace uvhttpd::tests
