// SPDX-License-Identifier: MIT
// handlers/upstream_pool.h: the upstreams of one route: which of them is asked, the connections
// that are kept to each, and which of them are out of order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/intrusive_list.h"
#include "base/log.h"
#include "config/gateways.h"
#include "handlers/health_check.h"
#include "handlers/upstream_connection.h"
#include "io/connect.h"
#include "io/deadline_list.h"
#include "io/resolver.h"
#include "server/activity.h"
#include "server/runtime.h"

namespace uvhttpd {

class UpstreamPool;

// Who waits for something about an upstream; told once. Never moved.
class UpstreamWaiter : public ListNode {
 public:
  using Callback = void (*)(void* owner);
  UpstreamWaiter(Callback happened, void* owner) : happened_(happened), owner_(owner) {}
  ~UpstreamWaiter() { unlink(); }

 private:
  friend class UpstreamPool;
  Callback happened_;
  void* owner_;
};

class UpstreamServer;

// One address of an upstream as one worker knows it.
class UpstreamAddress {
 public:
  UpstreamAddress(UpstreamServer& server, const SocketAddress& address, std::uint32_t number)
      : server_(server), address_(address), number_(number) {}
  UpstreamAddress(const UpstreamAddress&) = delete;
  UpstreamAddress& operator=(const UpstreamAddress&) = delete;
  // Who waits for word of it is told nothing.
  ~UpstreamAddress();

 private:
  friend class UpstreamPool;
  friend class UpstreamServer;
  bool is_in_order() const { return !check_ || check_->is_healthy(); }
  bool is_resting(TimePoint now) const { return rests_until_ > now; }
  // For the log.
  std::string name() const;

  UpstreamServer& server_;
  const SocketAddress address_;
  const std::uint32_t number_;  // no other of the upstream has had it
  unsigned failures_ = 0;       // in a row
  TimePoint rests_until_{};
  IntrusiveList<UpstreamWaiter> asked_;
  std::unique_ptr<HealthCheck> check_;  // absent: its health is not checked
};

// One upstream as one worker knows it.
class UpstreamServer : public ListNode {
 public:
  UpstreamServer(UpstreamPool& pool, const config::Upstream& rules, config::UpstreamLoad& load,
                 std::shared_ptr<UpstreamFigures> figures);
  ~UpstreamServer() { unlink(); }

  const config::Upstream& rules() const { return rules_; }
  config::UpstreamLoad& load() { return load_; }
  std::size_t connections_in_use() const { return share_.in_use(); }
  std::size_t connections_idle() const { return idle_.size(); }
  // Those that are in order.
  std::size_t address_count() const;
  // Who has asked on that connection and has no answer yet is told when the address that it leads
  // to turns out to be out of order.
  void await_answer(const UpstreamConnection& connection, UpstreamWaiter& waiter);
  // A new connection, which is being made, to the next of the addresses: one that is out of order
  // is passed over, and one that rests while there are others. One of them must be in order.
  Result<std::unique_ptr<UpstreamConnection>> connect(EventLoop& loop);

 private:
  friend class UpstreamPool;
  friend class KnownUpstreams;
  using Addresses = std::vector<std::unique_ptr<UpstreamAddress>>;
  UpstreamAddress& next_address(TimePoint now);
  // The address that the connection leads to; nullptr when the name has it no more.
  UpstreamAddress* address_of(const UpstreamConnection& connection) const;
  // It has an address that is in order; `resting_too`: though it may rest.
  bool has_address(TimePoint now, bool resting_too) const;
  // When the first of those in order has rested.
  TimePoint rests_until() const;
  void drop_idle(const UpstreamAddress& address);

  UpstreamPool& pool_;
  const config::Upstream& rules_;
  config::UpstreamLoad& load_;
  const std::uint64_t hash_;  // of its text
  Addresses addresses_;
  std::uint32_t addresses_so_far_ = 0;
  std::size_t turn_ = 0;  // of requests, among the addresses
  UpstreamOpinion opinion_;
  ConnectionShare share_;
  std::optional<std::string> told_;                        // of its name, last
  std::vector<std::unique_ptr<UpstreamConnection>> idle_;  // the one used last at the end
  std::unique_ptr<Resolver> resolver_;
  std::unique_ptr<Timer> resolve_again_;
};

// The upstreams of the pools that one worker has: those of a runtime that is being built come to
// know by it what is known already.
class KnownUpstreams {
 public:
  void add(UpstreamServer& server) { servers_.push_back(server); }
  // One that is the same upstream and whose health is checked in the same way, of the same route if
  // there is such, of them the one that was added last; nullptr: there is none.
  const UpstreamServer* find(const UpstreamServer& like);

 private:
  IntrusiveList<UpstreamServer> servers_;
};

class UpstreamPool {
 public:
  // What is said of a request when an upstream is to be chosen for it.
  struct Wish {
    std::string_view hash_key;  // for Balance::hash
    // Those that have failed it already.
    const std::vector<const UpstreamServer*>* tried = nullptr;
  };
  enum class Verdict {
    chosen,
    unresolved,  // no address is known yet: wait()
    no_address,  // and none will be, as far as is known
    unhealthy,   // all are out of order
  };
  struct Choice {
    Verdict verdict = Verdict::chosen;
    UpstreamServer* server = nullptr;
  };

  // `rules` and what `context` refers to outlive the pool. `route` is the pattern: it stands in the
  // log and for those who watch.
  UpstreamPool(const HandlerContext& context, const config::UpstreamRules& rules, std::string route,
               HealthCheck::Kind check, config::ProxyProtocol announce);
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;

  // Begins to look names up and to check the health, with what another pool of the worker knows.
  // Once; a pool that is never started does neither.
  void start();

  // From now on none is kept while somebody is held up, on whatever worker. Once.
  void give_way();

  Choice choose(const Wish& wish);
  // There is one that was not tried, is in order and does not rest.
  bool has_another(const std::vector<const UpstreamServer*>& tried);
  // Told when addresses have come, or have not.
  void wait(UpstreamWaiter& waiter) { waiting_.push_back(waiter); }

  // A connection that is kept, used last within `freshest`; null when there is none.
  std::unique_ptr<UpstreamConnection> take_idle(UpstreamServer& server, Duration freshest);
  // Kept for another request, or closed when there are enough. Nothing may be unread or unsent.
  void give_back(UpstreamServer& server, std::unique_ptr<UpstreamConnection> connection);
  // All that are kept are as old as one that turned out to be closed.
  void drop_idle(UpstreamServer& server);

  // The upstream has answered on that connection.
  void note_success(UpstreamServer& server, const UpstreamConnection& connection);
  // No connection could be made. An address that fails is left alone for a while, when there are
  // others, and so is an upstream all of whose addresses do.
  void note_unreachable(UpstreamServer& server, const UpstreamConnection& connection,
                        std::string_view reason);
  // A request got no answer; `connection` is the one that it had, if any.
  void note_failure(UpstreamServer& server, const UpstreamConnection* connection,
                    std::string_view reason);

  EventLoop& loop() { return loop_; }
  Log& log() { return log_; }
  DeadlineClock& clock() { return clock_; }
  const config::UpstreamRules& rules() const { return rules_; }
  const std::vector<std::unique_ptr<UpstreamServer>>& servers() const { return servers_; }

 private:
  friend class UpstreamServer;
  friend class KnownUpstreams;
  void collect(const Wish& wish, bool resting_too);
  UpstreamServer* pick(const Wish& wish);
  UpstreamServer* least_connected();
  UpstreamServer* of_hash(std::string_view key);
  static void tell(IntrusiveList<UpstreamWaiter>& waiters);
  void look_who_is_held_up();
  static void on_idle_ended(void* server, UpstreamConnection& connection, unsigned ready);
  void on_resolved(UpstreamServer& server);
  void use_addresses(UpstreamServer& server, std::span<const SocketAddress> addresses);
  void take_over(UpstreamServer& server, const UpstreamServer& known);
  static UpstreamAddress& add_address(UpstreamServer& server, UpstreamServer::Addresses& addresses,
                                      const SocketAddress& address);
  void watch(UpstreamAddress& address, bool is_healthy);
  bool checks_like(const UpstreamPool& other) const;
  void on_health(UpstreamAddress& address, bool is_healthy, std::string_view reason);
  void let_rest(UpstreamAddress& address, std::string_view reason);
  static void show_state(UpstreamServer& server);

  EventLoop& loop_;
  Log& log_;
  const config::UpstreamRules& rules_;
  const std::string route_;
  const HealthCheck::Kind check_;
  const config::ProxyProtocol announce_;
  DeadlineClock clock_;
  DeadlineList idle_deadlines_;
  std::shared_ptr<KnownUpstreams> known_;
  std::vector<std::unique_ptr<UpstreamServer>> servers_;
  std::vector<UpstreamServer*> candidates_;  // of the choice that is being made
  std::size_t turn_ = 0;
  std::minstd_rand random_;
  IntrusiveList<UpstreamWaiter> waiting_;
  std::unique_ptr<Timer> held_up_look_;  // absent: connections hold nobody up
};

}  // namespace uvhttpd
