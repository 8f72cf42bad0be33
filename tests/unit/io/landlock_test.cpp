// SPDX-License-Identifier: MIT
// unit/io/landlock_test.cpp: rules in a process of its own, and what they refuse.
#include "io/landlock.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "support/in_child.h"
#include "support/temp_dir.h"

namespace uvhttpd {
namespace {

using namespace path_right;

constexpr int kNotRestricted = 255;

// The errno of what `act` does under the rules; 0: it could.
template <class Act>
int under(const LandlockRules& rules, Act&& act) {
  const tests::ChildEnd end = tests::in_child([&] {
    const auto ruleset = make_ruleset(rules);
    if (!ruleset || !restrict_self(*ruleset)) return kNotRestricted;
    errno = 0;
    return act() ? 0 : errno;
  });
  REQUIRE(end.signal == 0);
  REQUIRE(end.status != kNotRestricted);
  return end.status;
}

LandlockRules only(std::vector<PathRule> paths) {
  LandlockRules rules;
  rules.paths = std::move(paths);
  return rules;
}

bool can_open(const std::string& path, int flags) {
  return static_cast<bool>(UniqueFd(::open(path.c_str(), flags | O_CLOEXEC, 0600)));
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool can_bind(std::uint16_t port) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool can_connect(std::uint16_t port) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

struct ListeningSocket {
  ListeningSocket() : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::listen(fd.get(), 1) == 0);
    REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port = ntohs(address.sin_port);
  }
  UniqueFd fd;
  std::uint16_t port = 0;
};

// A kernel without Landlock has nothing to show.
bool is_here(int abi) {
  if (landlock_abi() >= abi) return true;
  MESSAGE("the kernel's Landlock is older than version ", abi);
  return false;
}

}  // namespace

TEST_CASE("Landlock refuses what no rule allows") {
  if (!is_here(1)) return;
  const tests::TempDir dir;
  const std::string inside = dir / "inside/a.txt";
  dir.write("inside/a.txt", "a");
  const std::string outside = dir / "outside/a.txt";
  dir.write("outside/a.txt", "a");
  const PathRule rule{dir / "inside", kRead};
  struct Row {
    const char* name;
    std::string path;
    int flags;
    int error;
  };
  const Row rows[] = {
      {"reading below a readable directory", inside, O_RDONLY, 0},
      {"reading beside it", outside, O_RDONLY, EACCES},
      {"listing beside it", dir / "outside", O_RDONLY | O_DIRECTORY, EACCES},
      {"writing below it", inside, O_WRONLY, EACCES},
      {"making a file below it", dir / "inside/new", O_WRONLY | O_CREAT, EACCES},
      {"a handle beside it", outside, O_PATH, 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(under(only({rule}), [&] { return can_open(row.path, row.flags); }) == row.error);
  }
}

TEST_CASE("Landlock rights are those that were given") {
  if (!is_here(1)) return;
  const tests::TempDir dir;
  const std::string file = dir / "d/a.txt";
  dir.write("d/a.txt", "a");
  const std::string made = dir / "d/new";
  const std::string directory = dir / "d";
  const auto with = [&](unsigned rights) { return only({{directory, rights}}); };
  const auto write = [&] { return can_open(file, O_WRONLY); };
  const auto create = [&] { return can_open(made, O_WRONLY | O_CREAT); };
  const auto unnamed = [&] { return can_open(directory, O_RDWR | O_TMPFILE); };
  const auto remove = [&] { return ::unlink(file.c_str()) == 0; };
  const auto run = [&] { return ::execl("/bin/true", "true", nullptr) == 0; };
  CHECK(under(with(kWrite), write) == 0);
  CHECK(under(with(kWrite), create) == EACCES);
  CHECK(under(with(kWrite | kCreate), create) == 0);
  CHECK(under(with(kRead | kWrite | kCreate), unnamed) == 0);
  CHECK(under(with(kRead | kWrite | kCreate), remove) == EACCES);
  CHECK(under(with(kRemove), remove) == 0);
  CHECK(under(only({{"/", kRead}}), run) == EACCES);
  CHECK(under(only({{"/", kRead | kExecute}}), run) == 0);
}

TEST_CASE("Landlock truncation is writing from version 3 on") {
  if (!is_here(3)) return;
  const tests::TempDir dir;
  const std::string file = dir / "a.txt";
  dir.write("a.txt", "a");
  const auto truncate = [&] { return ::truncate(file.c_str(), 0) == 0; };
  CHECK(under(only({{dir.path(), kRead}}), truncate) == EACCES);
  CHECK(under(only({{dir.path(), kWrite}}), truncate) == 0);
}

TEST_CASE("Landlock rules for a file leave out what only directories have") {
  if (!is_here(1)) return;
  const tests::TempDir dir;
  const std::string file = dir / "a.txt";
  dir.write("a.txt", "a");
  CHECK(under(only({{file, kOwn}}), [&] { return can_open(file, O_RDWR); }) == 0);
}

TEST_CASE("Landlock paths that do not exist are skipped unless they are required") {
  if (!is_here(1)) return;
  CHECK(make_ruleset(only({{"/does/not/exist", kRead}})).has_value());
  const auto required = make_ruleset(only({{"/does/not/exist", kRead, true}}));
  REQUIRE(!required.has_value());
  CHECK(required.error().os_error == ENOENT);
  CHECK(required.error().message.find("/does/not/exist") != std::string::npos);
}

TEST_CASE("Landlock paths are not skipped for a lack of descriptors") {
  if (!is_here(1)) return;
  const tests::ChildEnd end = tests::in_child([] {
    std::vector<UniqueFd> all = tests::all_descriptors();
    all.pop_back();  // for the ruleset
    const auto ruleset = make_ruleset(only({{"/usr", kRead}}));
    return ruleset ? 0 : ruleset.error().os_error;
  });
  CHECK(end.status == EMFILE);
}

TEST_CASE("Landlock allows the TCP ports that are named") {
  if (!is_here(kLandlockWithTcp)) return;
  const ListeningSocket listening;
  LandlockRules rules;
  CHECK(under(rules, [&] { return can_connect(listening.port); }) == EACCES);
  CHECK(under(rules, [] { return can_bind(0); }) == EACCES);
  rules.connect_ports = {listening.port};
  rules.bind_ports = {0};
  CHECK(under(rules, [&] { return can_connect(listening.port); }) == 0);
  CHECK(under(rules, [] { return can_bind(0); }) == 0);
  rules = {};
  rules.confines_connect = false;
  CHECK(under(rules, [&] { return can_connect(listening.port); }) == 0);
  CHECK(under(rules, [] { return can_bind(0); }) == EACCES);
}

TEST_CASE("Landlock keeps signals and abstract sockets to those under the same rules") {
  if (!is_here(kLandlockWithScopes)) return;
  const UniqueFd listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socklen_t length = sizeof(sa_family_t);  // a name that the kernel picks
  REQUIRE(::bind(listening.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
  REQUIRE(::listen(listening.get(), 1) == 0);
  length = sizeof address;
  REQUIRE(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
  const auto connect = [&] {
    const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0;
  };
  const auto signal = [] { return ::kill(::getppid(), 0) == 0; };
  const auto signal_own_child = [] {
    const pid_t child = ::fork();
    if (child == 0) {
      ::pause();
      ::_exit(0);
    }
    return ::kill(child, SIGKILL) == 0;
  };
  LandlockRules rules;
  CHECK(under(rules, connect) == EPERM);
  CHECK(under(rules, signal) == EPERM);
  CHECK(under(rules, signal_own_child) == 0);
  rules.confines_abstract_sockets = false;
  rules.confines_signals = false;
  CHECK(under(rules, connect) == 0);
  CHECK(under(rules, signal) == 0);
}

}  // namespace uvhttpd
