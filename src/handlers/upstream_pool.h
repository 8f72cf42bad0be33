// SPDX-License-Identifier: MIT
// handlers/upstream_pool.h: the upstreams of one route: which of them is asked, the connections
// that are kept to each, and which of them are out of order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
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

// One upstream as one worker knows it.
class UpstreamServer {
 public:
  UpstreamServer(UpstreamPool& pool, const config::Upstream& rules, config::UpstreamLoad& load,
                 std::shared_ptr<UpstreamFigures> figures);

  const config::Upstream& rules() const { return rules_; }
  config::UpstreamLoad& load() { return load_; }
  std::size_t connections_in_use() const { return counts_.in_use(); }
  std::size_t connections_idle() const { return idle_.size(); }
  std::size_t address_count() const { return addresses_.size(); }
  // The next of its addresses; never called while it has none.
  const SocketAddress& next_address();
  // Who has asked it and has no answer yet is told when it turns out to be out of order.
  void await_answer(UpstreamWaiter& waiter) { asked_.push_back(waiter); }
  // A new connection, which is being made.
  Result<std::unique_ptr<UpstreamConnection>> connect(EventLoop& loop);

 private:
  friend class UpstreamPool;
  UpstreamPool& pool_;
  IntrusiveList<UpstreamWaiter> asked_;
  const config::Upstream& rules_;
  config::UpstreamLoad& load_;
  const std::uint64_t hash_;  // of its text
  std::vector<SocketAddress> addresses_;
  std::size_t turn_ = 0;  // among the addresses
  UpstreamOpinion opinion_;
  ConnectionCounts counts_;
  unsigned failures_ = 0;  // in a row
  TimePoint rests_until_{};
  std::optional<std::string> told_;                        // of its name, last
  bool is_healthy_ = true;                                 // as far as its health is checked
  std::vector<std::unique_ptr<UpstreamConnection>> idle_;  // the one used last at the end
  std::unique_ptr<Resolver> resolver_;
  std::unique_ptr<Timer> resolve_again_;
  std::unique_ptr<HealthCheck> check_;
};

class UpstreamPool {
 public:
  // What is said of a request when an upstream is to be chosen for it.
  struct Wish {
    std::string_view hash_key;  // for Balance::hash
    // Those that have failed it already; the last one chosen is in it.
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

  // Begins to look names up and to check the health. Once; a pool that is never started does
  // neither.
  void start();

  Choice choose(const Wish& wish);
  // Told when addresses have come, or have not.
  void wait(UpstreamWaiter& waiter) { waiting_.push_back(waiter); }

  // A connection that is kept, used last within `freshest`; null when there is none.
  std::unique_ptr<UpstreamConnection> take_idle(UpstreamServer& server, Duration freshest);
  // Kept for another request, or closed when there are enough. Nothing may be unread or unsent.
  void give_back(UpstreamServer& server, std::unique_ptr<UpstreamConnection> connection);
  // All that are kept are as old as one that turned out to be closed.
  void drop_idle(UpstreamServer& server);

  // The upstream has answered, or has not. One that fails is left alone for a while, when there are
  // others.
  void note_success(UpstreamServer& server);
  void note_failure(UpstreamServer& server, std::string_view reason);

  EventLoop& loop() { return loop_; }
  Log& log() { return log_; }
  DeadlineClock& clock() { return clock_; }
  const config::UpstreamRules& rules() const { return rules_; }
  const std::vector<std::unique_ptr<UpstreamServer>>& servers() const { return servers_; }

 private:
  friend class UpstreamServer;
  void collect(const Wish& wish, bool resting_too);
  UpstreamServer* pick(const Wish& wish);
  UpstreamServer* least_connected();
  UpstreamServer* of_hash(std::string_view key);
  static void tell(IntrusiveList<UpstreamWaiter>& waiters);
  static void on_idle_ended(void* server, UpstreamConnection& connection, unsigned ready);
  void on_resolved(UpstreamServer& server);
  void on_health(UpstreamServer& server, bool is_healthy, std::string_view reason);

  EventLoop& loop_;
  Log& log_;
  const config::UpstreamRules& rules_;
  const std::string route_;
  const HealthCheck::Kind check_;
  const config::ProxyProtocol announce_;
  DeadlineClock clock_;
  DeadlineList idle_deadlines_;
  std::vector<std::unique_ptr<UpstreamServer>> servers_;
  std::vector<UpstreamServer*> candidates_;  // of the choice that is being made
  std::size_t turn_ = 0;
  std::minstd_rand random_;
  IntrusiveList<UpstreamWaiter> waiting_;
};

}  // namespace uvhttpd
