// SPDX-License-Identifier: MIT
// server/worker.h: one thread with one loop: its listeners, its connections, its runtime.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "io/listener.h"
#include "io/tls_context.h"
#include "io/tls_transport.h"
#include "server/connection_quota.h"
#include "server/worker_context.h"

namespace uvhttpd {

// A listening socket as one worker has it. Those of one address share the name.
struct WorkerSocket {
  std::string name;
  std::shared_ptr<const UniqueFd> socket;
  bool is_inherited = false;  // others go on with it when this server has ended
  bool operator==(const WorkerSocket&) const = default;
};

// Started and joined by the thread that made it; everything between goes through its loop's queue.
class Worker {
 public:
  Worker(unsigned number, unsigned workers, Log& log, BuildHandler build_handler,
         ConnectionQuota& quota, std::atomic<std::uint64_t>& handshakes,
         RateLimiters& rate_limiters, Activity& activity);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  // The thread must have ended, or never been started.
  ~Worker();

  void start(std::function<void()> on_ended);
  void join();
  // Once joined: as EventLoop::wait_for_background().
  bool wait_for_background(Duration most) { return loop_.wait_for_background(most); }

  // The following may be called from any thread; they take effect on the worker's own, in order.

  // Builds a runtime and keeps it aside; `done` is called on the worker's thread with the error, if
  // any.
  void prepare(std::shared_ptr<const config::Config> config,
               std::function<void(Result<void>)> done);
  // What was prepared is in force from now on, with these sockets and certificates (as of
  // build_tls()).
  void commit(std::vector<WorkerSocket> sockets, std::shared_ptr<const TlsContext> tls);
  // New connections get these certificates.
  void use_certificates(std::shared_ptr<const TlsContext> tls);
  // What was prepared is not wanted.
  void forget();
  void reopen_log();
  // Calls back on the worker's thread: it is alive.
  void ping(std::function<void()> pong);
  // Answers what was asked, and ends the thread when all connections are gone; accepts who is
  // connecting now, and then no more.
  void drain();
  // Ends the thread at once.
  void stop();

 private:
  void run();
  void use_sockets(const std::vector<WorkerSocket>& sockets);
  void drain_connections();
  void close_listeners();

  const unsigned number_;
  const unsigned workers_;
  Log& log_;
  BuildHandler build_handler_;
  ConnectionQuota& quota_;
  std::atomic<std::uint64_t>& handshakes_;  // under way, of all workers
  RateLimiters& rate_limiters_;
  Activity& activity_;
  EventLoop loop_;
  std::thread thread_;
  std::function<void()> on_ended_;

  // The worker thread's own.
  struct Listening {
    WorkerSocket socket;
    PeerAddress address;
    Worker* worker;
    std::unique_ptr<Listener> listener;
    std::shared_ptr<const config::Listener> rules;  // absent: proxies are not believed
    bool is_encrypted = false;
  };
  static void take_leave(std::span<const std::unique_ptr<Listening>> leaving);
  std::optional<ConnectionPlace> take_place(const PeerAddress& peer, bool is_unknown);
  std::optional<HandshakePlace> take_handshake_place();
  void on_accepted(const Listening& listening, UniqueFd socket, const PeerAddress& peer);

  SharedObjects lasting_;
  std::unique_ptr<WorkerContext> context_;
  std::shared_ptr<const Runtime> prepared_;
  AccessLog::Target prepared_log_;
  std::vector<std::unique_ptr<Listening>> listening_;
  std::optional<Timer> leave_timer_;  // until the listeners close
  std::shared_ptr<const TlsContext> tls_;
  TimePoint handshakes_noted_at_ = TimePoint::min();
  TimePoint idle_noted_at_ = TimePoint::min();
};

}  // namespace uvhttpd
