// SPDX-License-Identifier: MIT
// io/resolver.h: the addresses behind a name, looked up while the loop goes on.
#pragma once

#include <netdb.h>

#include <optional>
#include <string>
#include <vector>

#include "io/connect.h"
#include "io/event_loop.h"

namespace uvhttpd {

// More addresses of one name are of no use to anybody.
constexpr std::size_t kMaxResolvedAddresses = 16;

// Without duplicates, in the order found, at most kMaxResolvedAddresses.
std::vector<SocketAddress> distinct_addresses(const addrinfo* found);

// One name with one owner, looked up as often as it is started. The system's resolver may take
// long, so it runs on libuv's thread pool, of which look-ups never take more than half.
class Resolver {
 public:
  using Callback = void (*)(void* owner);
  // `host` is a name as the configuration takes it: at most 253 octets of ASCII, in lower case.
  // `done(owner)` is called on the loop's thread when a look-up has ended; it may destroy the
  // resolver or start it again.
  Resolver(EventLoop& loop, std::string host, std::uint16_t port, Callback done, void* owner);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  // `done` is not called any more.
  ~Resolver();

  // No effect while a look-up is running.
  void start();
  bool is_running() const { return job_ != nullptr; }

  // Of the last look-up that found some: a failure does not take them away.
  const std::vector<SocketAddress>& addresses() const { return addresses_; }
  // Of the last look-up; absent when it found some.
  const std::optional<Error>& error() const { return error_; }

 private:
  struct Job;
  static void on_found(uv_getaddrinfo_t* request, int status, addrinfo* found);
  void take(int status, const addrinfo* found);

  EventLoop& loop_;
  std::string host_;
  std::uint16_t port_;
  Callback done_;
  void* owner_;
  Job* job_ = nullptr;  // owns itself: libuv always calls back, however late
  std::vector<SocketAddress> addresses_;
  std::optional<Error> error_;
};

}  // namespace uvhttpd
