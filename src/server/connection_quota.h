// SPDX-License-Identifier: MIT
// server/connection_quota.h: how many connections the process, and one client, may have.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "io/network.h"
#include "io/socket.h"
#include "server/refusal_log.h"

namespace uvhttpd {

// Shared by all workers; clients are told apart as io/network.h says. The limits may change at any
// time; who is in stays in.
class ConnectionQuota {
 public:
  void set_limits(std::uint64_t connections, std::uint64_t per_client) {
    most_.store(connections, std::memory_order_relaxed);
    most_per_client_.store(per_client, std::memory_order_relaxed);
  }

  // For a connection whose client is not known yet; when it is, admit() counts it too.
  bool enter_unknown() { return enter(PeerAddress{}); }
  // False when that client has no room; then it must not leave() under its name but as
  // PeerAddress{}.
  bool admit(const PeerAddress& client) { return !is_counted(client) || enter_client(client); }

  // False when there is no room. Each success must be followed by one leave() with the same client.
  bool enter(const PeerAddress& client) {
    if (count_.fetch_add(1, std::memory_order_relaxed) >= most_.load(std::memory_order_relaxed)) {
      count_.fetch_sub(1, std::memory_order_relaxed);
      return false;
    }
    if (admit(client)) return true;
    count_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }

  void leave(const PeerAddress& client) {
    count_.fetch_sub(1, std::memory_order_relaxed);
    if (tracked_.load(std::memory_order_relaxed) != 0) leave_client(client);
  }

  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  // The one to note a refusal in that enter() or admit() has just decided.
  const std::shared_ptr<Refusals>& refusals() const {
    return count() >= most_.load(std::memory_order_relaxed) ? over_all_ : over_client_;
  }

 private:
  using Key = std::pair<PeerAddress::Kind, std::array<std::uint8_t, 16>>;

  static Key key_of(const PeerAddress& client) { return {client.kind, counted_client(client).ip}; }

  // Behind a Unix socket stands a proxy with many clients.
  bool is_counted(const PeerAddress& client) const {
    return client.kind != PeerAddress::Kind::unix_socket &&
           client.kind != PeerAddress::Kind::none &&
           most_per_client_.load(std::memory_order_relaxed) != 0;
  }

  bool enter_client(const PeerAddress& client) {
    const std::lock_guard lock(mutex_);
    std::uint64_t& count = clients_[key_of(client)];
    if (count >= most_per_client_.load(std::memory_order_relaxed)) return false;
    ++count;
    tracked_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }

  // A client that came in while no limit was set is not in the table.
  void leave_client(const PeerAddress& client) {
    const std::lock_guard lock(mutex_);
    const auto found = clients_.find(key_of(client));
    if (found == clients_.end()) return;
    tracked_.fetch_sub(1, std::memory_order_relaxed);
    if (--found->second == 0) clients_.erase(found);
  }

  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> most_{10'000};
  std::atomic<std::uint64_t> most_per_client_{0};
  std::atomic<std::uint64_t> tracked_{0};
  std::mutex mutex_;
  std::map<Key, std::uint64_t> clients_;
  const std::shared_ptr<Refusals> over_all_ =
      std::make_shared<Refusals>(Refusals::Names{"limits", "connection", "connections"});
  const std::shared_ptr<Refusals> over_client_ =
      std::make_shared<Refusals>(Refusals::Names{"limits", "connection", "connections_per_ip"});
};

}  // namespace uvhttpd
