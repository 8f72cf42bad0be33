// SPDX-License-Identifier: MIT
#include "app/service_manager.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "base/text.h"

namespace uvhttpd {
namespace {

constexpr int kFirstPassedFd = 3;  // SD_LISTEN_FDS_START
constexpr std::uint64_t kMaxPassedFds = 1024;

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string copy = value != nullptr ? value : "";
  ::unsetenv(name);
  return copy;
}

bool is_for_us(const std::string& pid) {
  return parse_decimal(pid) == static_cast<std::uint64_t>(::getpid());
}

bool is_listening_stream(int fd) {
  int value = 0;
  socklen_t length = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) != 0 || value == 0) return false;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length) == 0 && value == SOCK_STREAM;
}

}  // namespace

ServiceManager::ServiceManager() {
  notify_socket_ = take_variable("NOTIFY_SOCKET");
  const std::string watchdog = take_variable("WATCHDOG_USEC");
  const std::string watchdog_pid = take_variable("WATCHDOG_PID");
  if (const auto microseconds = parse_decimal(watchdog);
      microseconds && (watchdog_pid.empty() || is_for_us(watchdog_pid))) {
    watchdog_ = Duration(static_cast<Duration::rep>(*microseconds / 1000));
  }
  const std::string count = take_variable("LISTEN_FDS");
  const std::string pid = take_variable("LISTEN_PID");
  std::string names = take_variable("LISTEN_FDNAMES");
  const auto fds = parse_decimal(count);
  if (!fds || *fds > kMaxPassedFds || !is_for_us(pid)) return;
  for (int fd = kFirstPassedFd; fd < kFirstPassedFd + static_cast<int>(*fds); ++fd) {
    const std::size_t colon = names.find(':');
    std::string name = names.substr(0, colon);
    names = colon == std::string::npos ? "" : names.substr(colon + 1);
    if (name.empty()) name = "unknown";
    auto socket = std::make_shared<const UniqueFd>(fd);
    if (!is_listening_stream(fd)) {
      fmt::print(stderr, "uvhttpd: the passed socket {} ({}) accepts no connections\n", fd, name);
      continue;
    }
    prepare_listening_socket(fd);
    sockets_.emplace(std::move(name), std::move(socket));
  }
}

Server::InheritedSockets ServiceManager::take_sockets() { return std::move(sockets_); }

void ServiceManager::notify(std::string_view state) const {
  if (notify_socket_.empty()) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (notify_socket_.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, notify_socket_.data(), notify_socket_.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + notify_socket_.size());
  (void)::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), length);
}

void ServiceManager::notify_reloading() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=Reloading the configuration",
                     static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000));
}

}  // namespace uvhttpd
