// SPDX-License-Identifier: MIT
// server/connection_quota.h: how many connections the process, and one client, may have.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "io/network.h"
#include "io/socket.h"
#include "server/refusal_log.h"

namespace uvhttpd {

class ConnectionQuota;

// What one connection takes of the quota, until it is destroyed or leaves.
class ConnectionPlace {
 public:
  ConnectionPlace() = default;  // of no quota
  ConnectionPlace(ConnectionPlace&& other) noexcept
      : quota_(std::exchange(other.quota_, nullptr)), client_(std::move(other.client_)) {}
  ConnectionPlace& operator=(ConnectionPlace&& other) noexcept {
    std::swap(quota_, other.quota_);
    std::swap(client_, other.client_);
    return *this;
  }
  ~ConnectionPlace() { leave(); }

  // For a connection that came in without its client being known; at most once. False when that
  // client has no room.
  bool admit(const PeerAddress& client);
  void leave();

 private:
  friend class ConnectionQuota;
  explicit ConnectionPlace(ConnectionQuota& quota) : quota_(&quota) {}

  ConnectionQuota* quota_ = nullptr;
  std::optional<PeerAddress> client_;  // for whom it is counted, too
};

// Shared by all workers, and outlives its places; clients are told apart as io/network.h says. The
// limits may change at any time; who is in stays in, and who came in while clients had no limit is
// not counted for any.
class ConnectionQuota {
 public:
  void set_limits(std::uint64_t connections, std::uint64_t per_client) {
    most_.store(connections, std::memory_order_relaxed);
    most_per_client_.store(per_client, std::memory_order_relaxed);
  }

  // Absent when there is no room. For a connection whose client is not known yet: when it is, the
  // place must admit() it.
  std::optional<ConnectionPlace> enter_unknown() {
    if (count_.fetch_add(1, std::memory_order_relaxed) >= most_.load(std::memory_order_relaxed)) {
      count_.fetch_sub(1, std::memory_order_relaxed);
      return std::nullopt;
    }
    return ConnectionPlace(*this);
  }
  std::optional<ConnectionPlace> enter(const PeerAddress& client) {
    auto place = enter_unknown();
    if (place && !place->admit(client)) place.reset();
    return place;
  }

  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  // Whether one that leaves would make room.
  bool lacks_one_place() const { return count() == most_.load(std::memory_order_relaxed); }
  // Whether there is no room for anybody.
  bool is_full() const { return count() >= most_.load(std::memory_order_relaxed); }
  // Whether this client has less than one may have.
  bool has_room_for(const PeerAddress& client) {
    if (!counts(client)) return true;
    const std::lock_guard lock(mutex_);
    const auto found = clients_.find(key_of(client));
    return found == clients_.end() ||
           found->second < most_per_client_.load(std::memory_order_relaxed);
  }
  // The one to note a refusal in that enter() or admit() has just decided.
  const std::shared_ptr<Refusals>& refusals() const { return is_full() ? over_all_ : over_client_; }

 private:
  friend class ConnectionPlace;
  using Key = std::pair<PeerAddress::Kind, std::array<std::uint8_t, 16>>;

  static Key key_of(const PeerAddress& client) { return {client.kind, counted_client(client).ip}; }

  // Behind a Unix socket stands a proxy with many clients.
  bool counts(const PeerAddress& client) const {
    return client.kind != PeerAddress::Kind::unix_socket &&
           client.kind != PeerAddress::Kind::none &&
           most_per_client_.load(std::memory_order_relaxed) != 0;
  }

  bool enter_client(const PeerAddress& client) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t most = most_per_client_.load(std::memory_order_relaxed);
    std::uint64_t& count = clients_[key_of(client)];
    if (count >= most && most != 0) return false;
    ++count;
    return true;
  }

  void leave_client(const PeerAddress& client) {
    const std::lock_guard lock(mutex_);
    const auto found = clients_.find(key_of(client));
    if (--found->second == 0) clients_.erase(found);
  }

  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> most_{10'000};
  std::atomic<std::uint64_t> most_per_client_{0};
  std::mutex mutex_;
  std::map<Key, std::uint64_t> clients_;
  const std::shared_ptr<Refusals> over_all_ =
      std::make_shared<Refusals>(Refusals::Names{"limits", "connection", "connections"});
  const std::shared_ptr<Refusals> over_client_ =
      std::make_shared<Refusals>(Refusals::Names{"limits", "connection", "connections_per_ip"});
};

inline bool ConnectionPlace::admit(const PeerAddress& client) {
  if (quota_ == nullptr || !quota_->counts(client)) return true;
  if (!quota_->enter_client(client)) return false;
  client_ = client;
  return true;
}

inline void ConnectionPlace::leave() {
  ConnectionQuota* quota = std::exchange(quota_, nullptr);
  if (quota == nullptr) return;
  quota->count_.fetch_sub(1, std::memory_order_relaxed);
  if (client_) quota->leave_client(*client_);
}

}  // namespace uvhttpd
