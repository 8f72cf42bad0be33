// SPDX-License-Identifier: MIT
// server/server.h: the workers, the addresses they listen on, and the configuration in force.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/tls_sites.h"
#include "server/worker.h"

namespace uvhttpd {

// Belongs to the thread of the main loop.
class Server {
 public:
  // Sockets from the service manager, by name; several may share one.
  using InheritedSockets = std::multimap<std::string, std::shared_ptr<const UniqueFd>>;

  Server(EventLoop& main_loop, Log& log, BuildHandler build_handler, InheritedSockets inherited);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  // All workers must have ended.
  ~Server();

  // Opens the listening sockets; nothing is accepted yet. Call once, before start(): privileges may
  // be given up between the two.
  Result<void> open_sockets(const config::Config& config);
  // Starts the workers and waits until each has built its runtime and accepts.
  Result<void> start(std::shared_ptr<const config::Config> config);

  // `done` is called later on the main loop. On an error nothing has changed. One at a time.
  void reload(std::shared_ptr<const config::Config> config, std::function<void(Result<void>)> done);
  void reopen_logs();
  // Reads the certificates again when one of their files has changed. Each site whose files cannot
  // be used keeps the old ones, and the log says so.
  void refresh_certificates();
  // `on_ended` is called on the main loop when the last worker has ended.
  void drain(std::function<void()> on_ended);
  void stop_now();
  // Stops and joins the workers, then waits for what still runs in the background, but no longer
  // than `most`. False when something runs still, for which the destructor waits.
  bool end(Duration most);
  // `done` is called on the main loop once every worker has shown that its loop turns.
  void ping(std::function<void()> done);

  // "http://127.0.0.1:8080" or "unix:/run/…", with the real port, in the order of the file.
  std::vector<std::string> addresses() const;
  const config::Config& config() const { return *config_; }
  unsigned worker_count() const { return worker_count_; }

 private:
  struct Address {
    std::string name;  // as configured
    std::string url;
    std::string unix_path;
    unsigned unix_mode = 0;
    std::vector<std::shared_ptr<const UniqueFd>> sockets;  // one for each worker
    bool is_inherited = false;
  };
  std::vector<std::shared_ptr<const UniqueFd>> inherited_for(
      const config::Listener& listener) const;
  Result<std::vector<Address>> open_address(const config::Listener& listener) const;
  Result<Address> open_ip(const config::Listener& listener) const;
  Result<std::vector<Address>> open_addresses(const config::Config& config) const;
  void discard(const std::vector<Address>& addresses) const;
  // Gives the files of Unix sockets that stay the permissions that have changed; one that keeps the
  // old ones says so.
  void renew_modes(std::vector<Address>& addresses) const;
  std::vector<WorkerSocket> sockets_of(unsigned worker) const;
  struct Certificates {
    std::shared_ptr<const TlsContext> context;
    FileWatch files;  // as they were before they were read
  };
  // Says which sites go on with what they had, and why; empty: all have new certificates.
  struct KeptCertificates {
    std::vector<std::string> lines;
    std::string sites;
    bool may_pass = false;  // when the same files are read again
  };
  KeptCertificates kept_of(Certificates& read) const;
  // False when all of it was said the last time and nothing has changed since.
  bool tell_of_kept(const KeptCertificates& kept, bool is_changed);
  Result<Certificates> read_certificates(const config::Config& config, TlsRenewal renewal);
  // Where there are others, new ones that have expired are an error.
  TlsRenewal renewal_of(std::shared_ptr<const TlsContext> in_use) const;
  // Of each once, as long as it holds.
  void warn_of_certificates(std::vector<std::string> warnings, bool are_all);
  void commit(std::shared_ptr<const config::Config> config, std::vector<Address> addresses,
              Certificates certificates);
  void close_addresses();
  void on_worker_ended();

  EventLoop& main_loop_;
  Log& log_;
  BuildHandler build_handler_;
  InheritedSockets inherited_;
  ConnectionQuota quota_;
  std::atomic<std::uint64_t> handshakes_{0};
  std::shared_ptr<TlsTickets> tickets_ = std::make_shared<TlsTickets>();
  std::shared_ptr<const TlsContext> certificates_;
  FileWatch certificate_files_;  // as they were when what is in use was read
  std::vector<std::string> told_of_certificates_;
  std::vector<std::string> told_of_kept_;  // while reading certificates again may go better
  RateLimiters rate_limiters_;
  Activity activity_;
  unsigned worker_count_ = 1;
  std::shared_ptr<const config::Config> config_;
  std::vector<Address> addresses_;
  std::vector<std::unique_ptr<Worker>> workers_;
  unsigned running_ = 0;
  bool is_draining_ = false;
  std::function<void()> on_ended_;
};

// The CPUs this process may use: its affinity, and the cgroup's quota rounded up; at least 1.
unsigned usable_cpus();

}  // namespace uvhttpd
