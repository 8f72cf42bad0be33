// SPDX-License-Identifier: MIT
#include "server/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "io/plain_transport.h"
#include "io/tls_transport.h"
#include "server/connection.h"

namespace uvhttpd {
namespace {

constexpr Duration kNoticeInterval{1'000};
// When the server stops, for clients that are connected to say something.
constexpr Duration kFirstOctets{25};
// After that, for connections that the kernel is just making, from this machine or one beside it.
// Who would begin another meanwhile loses a second: the shorter, the better.
constexpr std::chrono::microseconds kLastHandshakes{250};

constexpr std::string_view kBusy =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
    "Connection: close\r\n";

// Turned away without a connection object: what fits into the socket's buffer, and gone.
void turn_away(const UniqueFd& socket, std::string_view date) {
  const std::string answer = fmt::format("{}Date: {}\r\n\r\n", kBusy, date);
  (void)::send(socket.get(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(socket.get(), SHUT_WR);
  // What the client has sent already would turn the close into a reset.
  char unread[4096];
  (void)::recv(socket.get(), unread, sizeof unread, MSG_DONTWAIT);
}

// What the configuration says of proxies at the address; nullptr when that is nothing. A copy, so
// that connections do not hold a configuration, and workers share no count of references.
std::shared_ptr<const config::Listener> proxy_rules(const config::Config& config,
                                                    std::string_view address) {
  for (const config::Listener& listener : config.listeners) {
    if (listener.address != address) continue;
    if (!listener.proxy_protocol && listener.trusted_proxies.empty() && !listener.trust_unix) break;
    return std::make_shared<const config::Listener>(listener);
  }
  return nullptr;
}

bool is_encrypted(const config::Config& config, std::string_view address) {
  return std::any_of(
      config.listeners.begin(), config.listeners.end(),
      [&](const config::Listener& each) { return each.address == address && each.tls; });
}

}  // namespace

Worker::Worker(unsigned number, unsigned workers, Log& log, BuildHandler build_handler,
               ConnectionQuota& quota, std::atomic<std::uint64_t>& handshakes,
               RateLimiters& rate_limiters, Activity& activity)
    : number_(number),
      workers_(workers),
      log_(log),
      build_handler_(build_handler),
      quota_(quota),
      handshakes_(handshakes),
      rate_limiters_(rate_limiters),
      activity_(activity) {}

Worker::~Worker() { ASSERT(!thread_.joinable()); }

void Worker::start(std::function<void()> on_ended) {
  on_ended_ = std::move(on_ended);
  context_ = std::make_unique<WorkerContext>(loop_, log_, activity_, number_);
  context_->quota = &quota_;
  thread_ = std::thread([this] { run(); });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::run() {
  loop_.run();
  leave_timer_.reset();
  listening_.clear();
  context_->connections.for_each([](ListNode& node) { static_cast<Connection&>(node).abort(); });
  prepared_.reset();
  context_.reset();
  loop_.drop_objects();
  on_ended_();
}

void Worker::prepare(std::shared_ptr<const config::Config> config,
                     std::function<void(Result<void>)> done) {
  loop_.post([this, config = std::move(config), done = std::move(done)] {
    auto runtime = Runtime::build(config, build_handler_, loop_, log_, activity_, workers_, true,
                                  &rate_limiters_, &lasting_);
    if (!runtime) return done(Unexpected(std::move(runtime).error()));
    auto log = AccessLog::prepare(config->access_log);
    if (!log) return done(Unexpected(std::move(log).error().with_context("access log")));
    prepared_log_ = std::move(*log);
    prepared_ = std::move(*runtime);
    done({});
  });
}

void Worker::commit(std::vector<WorkerSocket> sockets, std::shared_ptr<const TlsContext> tls) {
  loop_.post([this, sockets = std::move(sockets), tls = std::move(tls)]() mutable {
    if (context_->draining) return;
    tls_ = std::move(tls);
    context_->use_runtime(std::move(prepared_));
    context_->access_log.use(std::move(prepared_log_));
    use_sockets(sockets);
  });
}

void Worker::use_certificates(std::shared_ptr<const TlsContext> tls) {
  loop_.post([this, tls = std::move(tls)]() mutable { tls_ = std::move(tls); });
}

void Worker::forget() {
  loop_.post([this] {
    prepared_.reset();
    prepared_log_ = {};
  });
}

// However soon a socket is closed after the last accept, a connection may come between, and be
// reset when its client has already sent a request.
void Worker::take_leave(std::span<const std::unique_ptr<Listening>> leaving) {
  bool is_ours = false;
  for (const auto& each : leaving) {
    if (each->socket.is_inherited) continue;
    ignore_newcomers(each->socket.socket->get());
    is_ours = true;
  }
  // No timer is as short.
  if (is_ours) std::this_thread::sleep_for(kLastHandshakes);
  for (const auto& each : leaving) each->listener->stop();
}

void Worker::use_sockets(const std::vector<WorkerSocket>& sockets) {
  const auto leaving = std::partition(
      listening_.begin(), listening_.end(), [&](const std::unique_ptr<Listening>& old) {
        return std::find(sockets.begin(), sockets.end(), old->socket) != sockets.end();
      });
  take_leave({leaving, listening_.end()});
  listening_.erase(leaving, listening_.end());
  const config::Config& config = context_->runtime()->config();
  for (const WorkerSocket& socket : sockets) {
    const auto open = std::find_if(listening_.begin(), listening_.end(),
                                   [&](const auto& each) { return each->socket == socket; });
    if (open != listening_.end()) {
      (*open)->rules = proxy_rules(config, socket.name);
      (*open)->is_encrypted = is_encrypted(config, socket.name);
      continue;
    }
    auto entry = std::make_unique<Listening>(
        Listening{socket, local_address(socket.socket->get()), this, nullptr,
                  proxy_rules(config, socket.name), is_encrypted(config, socket.name)});
    entry->listener = std::make_unique<Listener>(
        loop_, socket.socket,
        [](void* owner, UniqueFd accepted, const PeerAddress& peer) {
          auto* self = static_cast<Listening*>(owner);
          self->worker->on_accepted(*self, std::move(accepted), peer);
        },
        [](void* owner, int error) {
          Worker* worker = static_cast<Listening*>(owner)->worker;
          worker->log_.error("listener", "{}",
                             Error::from_errno(error, "accepting connections").message);
        },
        entry.get());
    entry->listener->start();
    listening_.push_back(std::move(entry));
  }
}

void Worker::on_accepted(const Listening& listening, UniqueFd socket, const PeerAddress& peer) {
  const bool is_unknown = listening.rules != nullptr && listening.rules->proxy_protocol;
  std::optional<ConnectionPlace> among = take_place(peer, is_unknown);
  if (!among) {
    context_->refusal_log.add(quota_.refusals(), peer);
    return listening.is_encrypted ? void() : turn_away(socket, context_->date());
  }
  std::optional<HandshakePlace> place = HandshakePlace();
  if (listening.is_encrypted) place = take_handshake_place();
  if (!place) return;
  const PeerAddress reached =
      listening.address.is_wildcard() ? local_address(socket.get()) : listening.address;
  // The context's: bury() takes it over.
  auto* connection = new Connection(*context_, peer, reached, listening.rules);
  if (listening.is_encrypted) {
    connection->start(
        std::make_unique<TlsTransport>(
            loop_, std::move(socket), Connection::on_ready, connection, tls_,
            TlsTransport::Options{.has_preface = is_unknown, .place = *std::move(place)}),
        *std::move(among));
  } else {
    connection->start(std::make_unique<PlainTransport>(loop_, std::move(socket),
                                                       Connection::on_ready, connection),
                      *std::move(among));
  }
}

// Who only waits for another request, which can be sent on another connection, gives way.
std::optional<ConnectionPlace> Worker::take_place(const PeerAddress& peer, bool is_unknown) {
  const auto enter = [&] { return is_unknown ? quota_.enter_unknown() : quota_.enter(peer); };
  auto place = enter();
  if (place || !quota_.lacks_one_place()) return place;
  if (!is_unknown && !quota_.has_room_for(peer)) return place;
  if (!context_->give_up_an_idle_connection()) return place;
  if (idle_noted_at_ <= loop_.now() - kNoticeInterval) {
    idle_noted_at_ = loop_.now();
    log_.warn("limits", "limits.connections are open: those that are idle longest are closed");
  }
  return enter();
}

// A handshake costs more than many requests: how many are owed must be bounded. The oldest gives
// way, for it is most likely nobody's who means it.
std::optional<HandshakePlace> Worker::take_handshake_place() {
  const std::uint64_t most = context_->runtime()->config().limits.handshakes;
  auto place = HandshakePlace::take(handshakes_, most);
  if (place) return place;
  if (handshakes_noted_at_ <= loop_.now() - kNoticeInterval) {
    handshakes_noted_at_ = loop_.now();
    log_.warn("tls", "limits.handshakes are under way: the oldest are given up");
  }
  if (!context_->give_up_a_handshake()) return std::nullopt;
  return HandshakePlace::take(handshakes_, most);
}

void Worker::reopen_log() {
  loop_.post([this] {
    if (auto reopened = context_->access_log.reopen(); !reopened) {
      log_.error("access_log", "{}", reopened.error().message);
    }
  });
}

void Worker::ping(std::function<void()> pong) { loop_.post(std::move(pong)); }

void Worker::drain() {
  loop_.post([this] {
    context_->draining = true;
    context_->on_all_closed = [this] {
      if (listening_.empty()) loop_.stop();
    };
    drain_connections();
    for (const auto& each : listening_) {
      if (!each->socket.is_inherited) accept_at_once(each->socket.socket->get());
    }
    leave_timer_.emplace(
        loop_, [](void* self) { static_cast<Worker*>(self)->close_listeners(); }, this);
    leave_timer_->start(kFirstOctets);
  });
}

void Worker::close_listeners() {
  take_leave(listening_);
  listening_.clear();
  drain_connections();
  if (context_->connection_count == 0) loop_.stop();
}

void Worker::drain_connections() {
  context_->connections.for_each([](ListNode& node) { static_cast<Connection&>(node).drain(); });
}

void Worker::stop() {
  loop_.post([this] { loop_.stop(); });
}

}  // namespace uvhttpd
