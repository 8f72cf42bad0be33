// SPDX-License-Identifier: MIT
// unit/io/socket_test.cpp: addresses, and sockets that listen on them.
#include "io/socket.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>

#include "support/socket_pairs.h"
#include "support/temp_dir.h"

namespace uvhttpd::tests {
namespace {

// Accepts the connection that carries `text`; listening sockets wait for data before they tell.
PeerAddress accept_from(const UniqueFd& listener, const UniqueFd& client) {
  send_text(client, "x");
  ::fcntl(listener.get(), F_SETFL, 0);
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  const UniqueFd accepted(
      ::accept4(listener.get(), reinterpret_cast<sockaddr*>(&address), &length, SOCK_CLOEXEC));
  REQUIRE(accepted);
  return PeerAddress::from(address, length);
}

UniqueFd listening(const std::string& host, std::uint16_t port, bool shared) {
  Result<UniqueFd> fd = listen_ip(host, port, shared);
  REQUIRE(fd.has_value());
  return *std::move(fd);
}

TEST_CASE("listen_ip takes a free port for 0, and local_address tells which") {
  const UniqueFd fd = listening("127.0.0.1", 0, false);
  const PeerAddress bound = local_address(fd.get());
  CHECK(bound.port != 0);
  CHECK(bound.text() == "127.0.0.1");
  const UniqueFd client = connect_to("127.0.0.1", bound.port);
  CHECK(accept_from(fd, client).text() == "127.0.0.1");
}

TEST_CASE("listen_ip gives a non-blocking socket that children do not inherit") {
  const UniqueFd fd = listening("127.0.0.1", 0, false);
  CHECK((::fcntl(fd.get(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("listen_ip says which address is in use") {
  const UniqueFd fd = listening("127.0.0.1", 0, false);
  const std::uint16_t port = local_address(fd.get()).port;
  const Result<UniqueFd> second = listen_ip("127.0.0.1", port, false);
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().os_error == EADDRINUSE);
  CHECK(
      second.error().message.starts_with("listening on 127.0.0.1:" + std::to_string(port) + ": "));
  SUBCASE("also to somebody who would share it") {
    CHECK_FALSE(listen_ip("127.0.0.1", port, true).has_value());
  }
}

TEST_CASE("listen_ip lets sockets share a port when all of them want to") {
  const UniqueFd first = listening("127.0.0.1", 0, true);
  const UniqueFd second = listening("127.0.0.1", local_address(first.get()).port, true);
  CHECK(local_address(second.get()).port == local_address(first.get()).port);
}

TEST_CASE("listen_ip on the IPv6 wildcard serves IPv4 too, and such clients read as IPv4") {
  const UniqueFd fd = listening("::", 0, false);
  const std::uint16_t port = local_address(fd.get()).port;
  const PeerAddress old = accept_from(fd, connect_to("127.0.0.1", port));
  CHECK(old.kind == PeerAddress::Kind::ipv4);
  CHECK(old.text() == "127.0.0.1");
  const PeerAddress modern = accept_from(fd, connect_to("::1", port));
  CHECK(modern.kind == PeerAddress::Kind::ipv6);
  CHECK(modern.text() == "::1");
}

TEST_CASE("listen_ip refuses what is no address") {
  for (const std::string host : {"localhost", "", "256.1.1.1", "[::1]"}) {
    CAPTURE(host);
    const Result<UniqueFd> fd = listen_ip(host, 0, false);
    REQUIRE_FALSE(fd.has_value());
    CHECK(fd.error().message == "listening on " + host + ": not an IP address");
  }
}

TEST_CASE("listen_ip names an IPv6 address in brackets") {
  const UniqueFd fd = listening("::1", 0, false);
  const std::uint16_t port = local_address(fd.get()).port;
  const Result<UniqueFd> second = listen_ip("::1", port, false);
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().message.starts_with("listening on [::1]:" + std::to_string(port) + ": "));
}

UniqueFd connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

TEST_CASE("listen_unix makes a socket that everybody may connect to") {
  TempDir directory;
  const Result<UniqueFd> fd = listen_unix(directory / "sock");
  REQUIRE(fd.has_value());
  struct stat status {};
  REQUIRE(::stat((directory / "sock").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0666);
  CHECK((::fcntl(fd->get(), F_GETFL) & O_NONBLOCK) != 0);
  const UniqueFd client = connect_unix(directory / "sock");
  CHECK(accept_from(*fd, client).kind == PeerAddress::Kind::unix_socket);
  CHECK(local_address(fd->get()).text() == "unix:");
}

unsigned mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

TEST_CASE("listen_unix gives the socket the permissions that are asked for, whatever the umask") {
  TempDir directory;
  for (const mode_t mask : {0000U, 0027U, 0777U}) {
    for (const unsigned mode : {0000U, 0600U, 0660U, 0777U}) {
      CAPTURE(mask);
      CAPTURE(mode);
      const std::string path = directory / (std::to_string(mask) + "-" + std::to_string(mode));
      const mode_t before = ::umask(mask);
      const Result<UniqueFd> fd = listen_unix(path, mode);
      ::umask(before);
      REQUIRE(fd.has_value());
      CHECK(mode_of(path) == mode);
    }
  }
}

TEST_CASE("set_socket_mode changes the permissions of a socket and of nothing else") {
  TempDir directory;
  const Result<UniqueFd> fd = listen_unix(directory / "sock");
  REQUIRE(fd.has_value());
  CHECK(set_socket_mode(directory / "sock", 0600).has_value());
  CHECK(mode_of(directory / "sock") == 0600);
  directory.write("file", "content");
  const unsigned before = mode_of(directory / "file");
  std::filesystem::create_symlink("sock", directory / "link");
  for (const char* other : {"file", "link", "none"}) {
    CAPTURE(other);
    CHECK_FALSE(set_socket_mode(directory / other, 0666).has_value());
  }
  CHECK(mode_of(directory / "file") == before);
  CHECK(mode_of(directory / "sock") == 0600);
}

TEST_CASE("listen_unix replaces a socket file that nobody listens on any more") {
  TempDir directory;
  Result<UniqueFd> old = listen_unix(directory / "sock");
  REQUIRE(old.has_value());
  old->reset();
  REQUIRE(std::filesystem::is_socket(directory / "sock"));
  const Result<UniqueFd> fd = listen_unix(directory / "sock");
  REQUIRE(fd.has_value());
  const UniqueFd client = connect_unix(directory / "sock");
}

TEST_CASE("listen_unix never takes a live socket's place") {
  TempDir directory;
  const Result<UniqueFd> live = listen_unix(directory / "sock");
  REQUIRE(live.has_value());
  const Result<UniqueFd> fd = listen_unix(directory / "sock");
  REQUIRE_FALSE(fd.has_value());
  CHECK(fd.error().os_error == EADDRINUSE);
  const UniqueFd client = connect_unix(directory / "sock");
}

TEST_CASE("listen_unix leaves what is no socket alone") {
  TempDir directory;
  directory.write("file", "content");
  CHECK_FALSE(listen_unix(directory / "file").has_value());
  CHECK(directory.read("file") == "content");
  std::filesystem::create_symlink("file", directory / "link");
  CHECK_FALSE(listen_unix(directory / "link").has_value());
  CHECK(std::filesystem::is_symlink(directory / "link"));
}

TEST_CASE("listen_unix says why a path will not do") {
  const Result<UniqueFd> too_long = listen_unix("/tmp/" + std::string(200, 'a'));
  REQUIRE_FALSE(too_long.has_value());
  CHECK(too_long.error().os_error == ENAMETOOLONG);
  const Result<UniqueFd> nowhere = listen_unix("/no/such/directory/sock");
  REQUIRE_FALSE(nowhere.has_value());
  CHECK(nowhere.error().message.find("unix:/no/such/directory/sock") != std::string::npos);
}

TEST_CASE("PeerAddress of an unknown family is none and reads as a dash") {
  CHECK(PeerAddress{}.text() == "-");
  sockaddr_storage odd{};
  odd.ss_family = AF_PACKET;
  CHECK(PeerAddress::from(odd, sizeof odd).kind == PeerAddress::Kind::none);
}

TEST_CASE("PeerAddress::parse reads addresses of IP, and IPv4 within IPv6 as IPv4") {
  const std::optional<PeerAddress> v4 = PeerAddress::parse("192.0.2.1");
  REQUIRE(v4.has_value());
  CHECK(v4->kind == PeerAddress::Kind::ipv4);
  CHECK(v4->text() == "192.0.2.1");
  CHECK(v4->port == 0);
  const std::optional<PeerAddress> v6 = PeerAddress::parse("2001:DB8:0::1");
  REQUIRE(v6.has_value());
  CHECK(v6->kind == PeerAddress::Kind::ipv6);
  CHECK(v6->text() == "2001:db8::1");
  CHECK(PeerAddress::parse("::ffff:192.0.2.1") == v4);
  CHECK(PeerAddress::parse("::ffff:c000:201") == v4);
  CHECK(PeerAddress::parse("::192.0.2.1")->kind == PeerAddress::Kind::ipv6);
}

TEST_CASE("PeerAddress::parse takes nothing but an address") {
  const std::string long_zeroes = "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000";
  for (const std::string text :
       {"", "localhost", "192.0.2", "192.0.2.1:80", "192.0.2.01", " 192.0.2.1", "192.0.2.1 ",
        "[::1]", "fe80::1%lo", "1::2::3", "unix:", "-", long_zeroes.c_str()}) {
    CAPTURE(text);
    CHECK_FALSE(PeerAddress::parse(text).has_value());
  }
  CHECK_FALSE(PeerAddress::parse(std::string_view("192.0.2.1\0", 10)).has_value());
}

}  // namespace
}  // namespace uvhttpd::tests
