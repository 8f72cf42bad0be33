// SPDX-License-Identifier: MIT
#include "handlers/upstream_pool.h"

#include <algorithm>
#include <utility>

#include "base/content_hash.h"

namespace uvhttpd {
namespace {

using config::Balance;

constexpr Duration kFirstRest{1'000};  // after a failure; doubled with each one that follows
constexpr Duration kLongestRest{30'000};
constexpr Duration kHeldUpLook{250};
constexpr Duration kResolveSoon{1'000};  // after a name could not be looked up

Duration rest_after(unsigned failures) {
  const unsigned doublings = std::min(failures - 1, 5U);
  return std::min(kFirstRest * (1U << doublings), kLongestRest);
}

// Two numbers become one that depends on every bit of both (the finisher of SplitMix64).
std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a ^ (b + 0x9e3779b97f4a7c15U);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

}  // namespace

UpstreamServer::UpstreamServer(UpstreamPool& pool, const config::Upstream& rules,
                               config::UpstreamLoad& load, std::shared_ptr<UpstreamFigures> figures)
    : pool_(pool),
      rules_(rules),
      load_(load),
      hash_(content_hash(rules.text)),
      opinion_(std::move(figures), &pool.loop(), UpstreamState::resolving) {
  share_.show_in(opinion_.figures());
}

UpstreamAddress::~UpstreamAddress() {
  while (!asked_.empty()) asked_.front().unlink();
}

std::string UpstreamAddress::name() const {
  const config::Upstream& rules = server_.rules();
  if (rules.kind != config::Upstream::Kind::name) return rules.text;
  return rules.text + " at " + address_.text();
}

std::size_t UpstreamServer::address_count() const {
  return static_cast<std::size_t>(
      std::count_if(addresses_.begin(), addresses_.end(),
                    [](const auto& address) { return address->is_in_order(); }));
}

bool UpstreamServer::has_address(TimePoint now, bool resting_too) const {
  return std::any_of(addresses_.begin(), addresses_.end(), [&](const auto& address) {
    return address->is_in_order() && (resting_too || !address->is_resting(now));
  });
}

TimePoint UpstreamServer::rests_until() const {
  TimePoint first = TimePoint::max();
  for (const std::unique_ptr<UpstreamAddress>& address : addresses_) {
    if (address->is_in_order()) first = std::min(first, address->rests_until_);
  }
  return first;
}

UpstreamAddress& UpstreamServer::next_address(TimePoint now) {
  const bool resting_too = !has_address(now, false);
  ASSERT(!resting_too || has_address(now, true));
  for (;;) {
    UpstreamAddress& next = *addresses_[turn_++ % addresses_.size()];
    if (next.is_in_order() && (resting_too || !next.is_resting(now))) return next;
  }
}

UpstreamAddress* UpstreamServer::address_of(const UpstreamConnection& connection) const {
  const auto found = std::find_if(addresses_.begin(), addresses_.end(), [&](const auto& address) {
    return address->number_ == connection.address();
  });
  return found == addresses_.end() ? nullptr : found->get();
}

void UpstreamServer::await_answer(const UpstreamConnection& connection, UpstreamWaiter& waiter) {
  if (UpstreamAddress* address = address_of(connection)) address->asked_.push_back(waiter);
}

Result<std::unique_ptr<UpstreamConnection>> UpstreamServer::connect(EventLoop& loop) {
  UpstreamAddress& address = next_address(loop.now());
  Result<UniqueFd> socket = begin_connect(address.address_);
  if (!socket) {
    if (!is_lack_of_room(socket.error().os_error)) pool_.let_rest(address, socket.error().message);
    return Unexpected(std::move(socket).error());
  }
  return std::make_unique<UpstreamConnection>(loop, *std::move(socket), share_, address.number_);
}

void UpstreamServer::drop_idle(const UpstreamAddress& address) {
  std::erase_if(idle_, [&](const auto& each) { return each->address() == address.number_; });
}

const UpstreamServer* KnownUpstreams::find(const UpstreamServer& like) {
  const UpstreamServer* found = nullptr;
  const auto is_of_route = [&](const UpstreamServer& each) {
    return &each.opinion_.figures() == &like.opinion_.figures();
  };
  servers_.for_each([&](const UpstreamServer& each) {
    if (each.rules_.text != like.rules_.text || !each.pool_.checks_like(like.pool_)) return;
    if (found == nullptr || is_of_route(each) || !is_of_route(*found)) found = &each;
  });
  return found;
}

UpstreamPool::UpstreamPool(const HandlerContext& context, const config::UpstreamRules& rules,
                           std::string route, HealthCheck::Kind check,
                           config::ProxyProtocol announce)
    : loop_(context.loop),
      log_(context.log),
      rules_(rules),
      route_(std::move(route)),
      check_(check),
      announce_(announce),
      clock_(context.loop),
      idle_deadlines_(clock_, rules.keep_alive_timeout),
      known_(context.lasting.get<KnownUpstreams>()),
      random_(std::random_device{}()) {
  ASSERT(rules.loads.size() == rules.upstreams.size());
  const std::vector<std::string>& hosts = context.site.hosts;
  for (std::size_t i = 0; i < rules.upstreams.size(); ++i) {
    const config::Upstream& upstream = rules.upstreams[i];
    servers_.push_back(std::make_unique<UpstreamServer>(
        *this, upstream, *rules.loads[i],
        context.activity.upstream(
            {hosts.empty() ? "default" : hosts.front(), route_, upstream.text})));
  }
  candidates_.reserve(servers_.size());
  // Workers that all began with the first would ask it in step.
  turn_ = random_() % servers_.size();
}

void UpstreamPool::start() {
  for (const std::unique_ptr<UpstreamServer>& each : servers_) {
    UpstreamServer& server = *each;
    const config::Upstream& upstream = server.rules_;
    if (const UpstreamServer* known = known_->find(server)) take_over(server, *known);
    known_->add(server);
    if (upstream.kind == config::Upstream::Kind::name) {
      server.resolver_ = std::make_unique<Resolver>(
          loop_, upstream.host, upstream.port,
          [](void* self) {
            auto& resolved = *static_cast<UpstreamServer*>(self);
            resolved.pool_.on_resolved(resolved);
          },
          &server);
      server.resolve_again_ = std::make_unique<Timer>(
          loop_, [](void* self) { static_cast<UpstreamServer*>(self)->resolver_->start(); },
          &server);
      server.resolver_->start();
    } else {
      Result<SocketAddress> address = upstream.kind == config::Upstream::Kind::ip
                                          ? SocketAddress::of_ip(upstream.host, upstream.port)
                                          : SocketAddress::of_unix(upstream.path);
      if (address) {
        use_addresses(server, {&*address, 1});
      } else {
        log_.error(route_, "upstream {}: {}", upstream.text, address.error().message);
      }
    }
  }
}

// What is known of those that are there already stays known.
void UpstreamPool::use_addresses(UpstreamServer& server, std::span<const SocketAddress> addresses) {
  UpstreamServer::Addresses used;
  std::vector<UpstreamAddress*> added;
  for (const SocketAddress& address : addresses) {
    const auto known = std::find_if(
        server.addresses_.begin(), server.addresses_.end(),
        [&](const auto& each) { return each != nullptr && each->address_ == address; });
    if (known != server.addresses_.end()) {
      used.push_back(std::move(*known));
    } else {
      added.push_back(&add_address(server, used, address));
    }
  }
  for (const std::unique_ptr<UpstreamAddress>& gone : server.addresses_) {
    if (gone != nullptr) server.drop_idle(*gone);
  }
  server.addresses_ = std::move(used);
  show_state(server);
  // A check may conclude at once, and what it says is about all of them.
  for (UpstreamAddress* each : added) watch(*each, true);
}

void UpstreamPool::take_over(UpstreamServer& server, const UpstreamServer& known) {
  for (const std::unique_ptr<UpstreamAddress>& each : known.addresses_) {
    UpstreamAddress& taken = add_address(server, server.addresses_, each->address_);
    taken.failures_ = each->failures_;
    taken.rests_until_ = each->rests_until_;
    watch(taken, each->is_in_order());
  }
  if (!server.addresses_.empty()) show_state(server);
}

UpstreamAddress& UpstreamPool::add_address(UpstreamServer& server,
                                           UpstreamServer::Addresses& addresses,
                                           const SocketAddress& address) {
  return *addresses.emplace_back(
      std::make_unique<UpstreamAddress>(server, address, server.addresses_so_far_++));
}

void UpstreamPool::watch(UpstreamAddress& address, bool is_healthy) {
  if (!rules_.health) return;
  address.check_ = std::make_unique<HealthCheck>(
      loop_, check_, *rules_.health, address.server_.rules_, announce_, address.address_,
      [](void* self, bool is_good, std::string_view reason) {
        auto& asked = *static_cast<UpstreamAddress*>(self);
        asked.server_.pool_.on_health(asked, is_good, reason);
      },
      &address);
  address.check_->start(is_healthy);
}

bool UpstreamPool::checks_like(const UpstreamPool& other) const {
  return rules_.health == other.rules_.health && check_ == other.check_ &&
         announce_ == other.announce_;
}

// It is up when there is an address that is, as far as is known.
void UpstreamPool::show_state(UpstreamServer& server) {
  const bool is_up = std::any_of(
      server.addresses_.begin(), server.addresses_.end(),
      [](const auto& address) { return address->is_in_order() && address->failures_ == 0; });
  server.opinion_.set(is_up ? UpstreamState::up : UpstreamState::down);
}

void UpstreamPool::on_resolved(UpstreamServer& server) {
  const std::optional<Error>& error = server.resolver_->error();
  const std::string said = error ? error->message : std::string{};
  const bool is_change = std::exchange(server.told_, said) != said;
  if (is_change && server.opinion_.figures().is_news(said)) {
    if (error) {
      log_.warn(route_, "upstream {}: {}", server.rules_.text, said);
    } else {
      log_.info(route_, "upstream {}: its name has addresses again", server.rules_.text);
    }
  }
  if (!error) {
    use_addresses(server, server.resolver_->addresses());
  } else if (server.addresses_.empty()) {
    server.opinion_.set(UpstreamState::down);
  }
  server.resolve_again_->start(error ? std::min<Duration>(kResolveSoon, rules_.resolve_every)
                                     : Duration(rules_.resolve_every));
  tell(waiting_);
}

void UpstreamPool::tell(IntrusiveList<UpstreamWaiter>& waiters) {
  // They may wait again, at the end of the list.
  IntrusiveList<UpstreamWaiter> now;
  while (!waiters.empty()) {
    UpstreamWaiter& waiter = waiters.front();
    waiter.unlink();
    now.push_back(waiter);
  }
  while (!now.empty()) {
    UpstreamWaiter& waiter = now.front();
    waiter.unlink();
    waiter.happened_(waiter.owner_);
  }
}

void UpstreamPool::on_health(UpstreamAddress& address, bool is_healthy, std::string_view reason) {
  UpstreamServer& server = address.server_;
  if (is_healthy) {
    address.failures_ = 0;
    address.rests_until_ = {};
    log_.info(route_, "upstream {}: in order again", address.name());
  } else {
    server.drop_idle(address);
    log_.warn(route_, "upstream {}: out of order: {}", address.name(), reason);
  }
  show_state(server);
  if (!is_healthy) tell(address.asked_);
}

void UpstreamPool::collect(const Wish& wish, bool resting_too) {
  const TimePoint now = loop_.now();
  candidates_.clear();
  for (const std::unique_ptr<UpstreamServer>& server : servers_) {
    if (!server->has_address(now, resting_too)) continue;
    if (wish.tried != nullptr &&
        std::find(wish.tried->begin(), wish.tried->end(), server.get()) != wish.tried->end()) {
      continue;
    }
    candidates_.push_back(server.get());
  }
}

UpstreamPool::Choice UpstreamPool::choose(const Wish& wish) {
  collect(wish, false);
  // Rather one that failed a moment ago than none, and rather the same again.
  if (candidates_.empty()) collect(wish, true);
  if (candidates_.empty()) collect({wish.hash_key, nullptr}, true);
  if (!candidates_.empty()) {
    UpstreamServer* chosen = pick(wish);
    chosen->opinion_.figures().requests.fetch_add(1, std::memory_order_relaxed);
    return {Verdict::chosen, chosen};
  }
  const auto any = [this](auto&& holds) {
    return std::any_of(servers_.begin(), servers_.end(),
                       [&](const auto& server) { return holds(*server); });
  };
  if (any([](const UpstreamServer& server) {
        return server.addresses_.empty() && server.resolver_ && !server.resolver_->error();
      })) {
    return {Verdict::unresolved, nullptr};
  }
  const bool all_lack_addresses =
      !any([](const UpstreamServer& server) { return !server.addresses_.empty(); });
  return {all_lack_addresses ? Verdict::no_address : Verdict::unhealthy, nullptr};
}

void UpstreamPool::give_way() {
  held_up_look_ = std::make_unique<Timer>(
      loop_, [](void* self) { static_cast<UpstreamPool*>(self)->look_who_is_held_up(); }, this);
}

void UpstreamPool::look_who_is_held_up() {
  bool has_idle = false;
  for (const std::unique_ptr<UpstreamServer>& server : servers_) {
    if (server->load_.held_up != 0) drop_idle(*server);
    has_idle = has_idle || !server->idle_.empty();
  }
  if (has_idle) held_up_look_->start(kHeldUpLook);
}

bool UpstreamPool::has_another(const std::vector<const UpstreamServer*>& tried) {
  collect({{}, &tried}, false);
  return !candidates_.empty();
}

UpstreamServer* UpstreamPool::pick(const Wish& wish) {
  if (candidates_.size() == 1) return candidates_.front();
  switch (rules_.balance) {
    case Balance::least_connections: return least_connected();
    case Balance::round_robin: return candidates_[++turn_ % candidates_.size()];
    case Balance::hash: return of_hash(wish.hash_key);
    case Balance::random_two: {
      const std::size_t first = random_() % candidates_.size();
      const std::size_t other =
          (first + 1 + random_() % (candidates_.size() - 1)) % candidates_.size();
      return candidates_[first]->share_.in_use() <= candidates_[other]->share_.in_use()
                 ? candidates_[first]
                 : candidates_[other];
    }
  }
  return candidates_.front();
}

// Of several with as few, the next in turn.
UpstreamServer* UpstreamPool::least_connected() {
  const std::size_t count = candidates_.size();
  const std::size_t first = ++turn_ % count;
  UpstreamServer* least = candidates_[first];
  for (std::size_t i = 1; i < count; ++i) {
    UpstreamServer* other = candidates_[(first + i) % count];
    if (other->share_.in_use() < least->share_.in_use()) least = other;
  }
  return least;
}

// Rendezvous hashing: when an upstream goes, only what it had goes elsewhere.
UpstreamServer* UpstreamPool::of_hash(std::string_view key) {
  const std::uint64_t hash = content_hash(key);
  return *std::max_element(candidates_.begin(), candidates_.end(),
                           [hash](const UpstreamServer* a, const UpstreamServer* b) {
                             return mix(a->hash_, hash) < mix(b->hash_, hash);
                           });
}

std::unique_ptr<UpstreamConnection> UpstreamPool::take_idle(UpstreamServer& server,
                                                            Duration freshest) {
  while (!server.idle_.empty()) {
    if (loop_.now() - server.idle_.back()->idle_since() > freshest) return nullptr;
    std::unique_ptr<UpstreamConnection> connection = std::move(server.idle_.back());
    server.idle_.pop_back();
    // What has come unasked would be the next request's answer, which may be another client's.
    if (!connection->may_hold_more() || is_silent(connection->fd())) return connection;
  }
  return nullptr;
}

void UpstreamPool::give_back(UpstreamServer& server,
                             std::unique_ptr<UpstreamConnection> connection) {
  if (server.idle_.size() >= rules_.keep_alive) return;
  const UpstreamAddress* address = server.address_of(*connection);
  // Its name may have lost it.
  if (address == nullptr || !address->is_in_order()) return;
  connection->take_back(on_idle_ended, &server, idle_deadlines_, loop_.now());
  server.idle_.push_back(std::move(connection));
  if (held_up_look_ && !held_up_look_->is_active()) held_up_look_->start(kHeldUpLook);
}

void UpstreamPool::on_idle_ended(void* of_server, UpstreamConnection& connection, unsigned) {
  auto& idle = static_cast<UpstreamServer*>(of_server)->idle_;
  std::erase_if(idle, [&](const auto& each) { return each.get() == &connection; });
}

void UpstreamPool::drop_idle(UpstreamServer& server) { server.idle_.clear(); }

void UpstreamPool::note_success(UpstreamServer& server, const UpstreamConnection& connection) {
  UpstreamAddress* address = server.address_of(connection);
  if (address == nullptr || address->failures_ == 0) return;
  address->failures_ = 0;
  address->rests_until_ = {};
  show_state(server);
  log_.info(route_, "upstream {}: answers again", address->name());
}

void UpstreamPool::note_unreachable(UpstreamServer& server, const UpstreamConnection& connection,
                                    std::string_view reason) {
  if (UpstreamAddress* address = server.address_of(connection)) let_rest(*address, reason);
}

void UpstreamPool::note_failure(UpstreamServer& server, const UpstreamConnection* connection,
                                std::string_view reason) {
  server.opinion_.figures().failures.fetch_add(1, std::memory_order_relaxed);
  if (connection != nullptr) note_unreachable(server, *connection, reason);
}

// The first failure is told where the request is logged, unless another address answers it; that it
// goes on, now and then.
void UpstreamPool::let_rest(UpstreamAddress& address, std::string_view reason) {
  const TimePoint now = loop_.now();
  if (address.is_resting(now)) return;
  ++address.failures_;
  address.rests_until_ = now + rest_after(address.failures_);
  UpstreamServer& server = address.server_;
  show_state(server);
  if (server.addresses_.size() > 1) server.drop_idle(address);
  if (server.has_address(now, false)) {
    if (address.failures_ > 1) return;
    log_.info(route_, "upstream {}: {}; its other addresses are asked", address.name(), reason);
  } else if (servers_.size() > 1 && server.has_address(now, true)) {
    log_.warn(route_, "upstream {}: {}; the others are asked for {} s", address.name(), reason,
              std::chrono::ceil<std::chrono::seconds>(server.rests_until() - now).count());
  }
}

}  // namespace uvhttpd
