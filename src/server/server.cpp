// SPDX-License-Identifier: MIT
#include "server/server.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <variant>

namespace uvhttpd {
namespace {

// cgroup v2's own file, seen through the container's mount: "QUOTA PERIOD" or "max PERIOD".
double cgroup_cpus() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return 0;
  return std::strtod(quota.c_str(), nullptr) / period;
}

std::string url_of(const config::Listener& listener, int fd) {
  using Kind = config::Listener::Kind;
  const PeerAddress bound = local_address(fd);
  if (listener.kind == Kind::unix_socket) return "unix:" + listener.path;
  if (bound.kind == PeerAddress::Kind::unix_socket) return listener.address;
  std::string host = listener.kind == Kind::ip ? listener.host : bound.text();
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return fmt::format("{}://{}:{}", listener.tls ? "https" : "http", host, bound.port);
}

// The wildcards of both families count as one: systemd binds the IPv6 one for a bare port.
bool is_same_host(const PeerAddress& bound, const std::string& host) {
  return bound.text() == host || (bound.is_wildcard() && (host == "0.0.0.0" || host == "::"));
}

// They hold at once, also for what runs and waits under older configurations.
void set_place_limits(const config::Config& config, const Activity& activity) {
  for (const config::Site& site : config.sites) {
    for (const config::Route& route : site.routes) {
      const auto* programs = std::get_if<config::CgiHandler>(&route.handler);
      if (programs == nullptr) continue;
      const auto places = activity.find_places(route_identity(site, route));
      if (places) places->most_running = programs->max_running;
    }
  }
}

}  // namespace

unsigned usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  unsigned count = 1;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    count = std::max(1u, static_cast<unsigned>(CPU_COUNT(&set)));
  }
  const double quota = cgroup_cpus();
  if (quota > 0) count = std::min(count, std::max(1u, static_cast<unsigned>(std::ceil(quota))));
  return count;
}

Server::Server(EventLoop& main_loop, Log& log, BuildHandler build_handler,
               InheritedSockets inherited)
    : main_loop_(main_loop),
      log_(log),
      build_handler_(build_handler),
      inherited_(std::move(inherited)) {}

Server::~Server() { end(Duration{0}); }

bool Server::end(Duration most) {
  stop_now();  // those that run, where the start was broken off
  for (const auto& worker : workers_) worker->join();
  close_addresses();
  const auto limit = std::chrono::steady_clock::now() + most;
  bool have_all_ended = true;
  for (const auto& worker : workers_) {
    const auto left = std::chrono::ceil<Duration>(limit - std::chrono::steady_clock::now());
    have_all_ended = worker->wait_for_background(std::max(left, Duration{0})) && have_all_ended;
  }
  return have_all_ended;
}

// Sockets that the service manager passed in for the address: by name, or because they are bound to
// it.
std::vector<std::shared_ptr<const UniqueFd>> Server::inherited_for(
    const config::Listener& listener) const {
  std::vector<std::shared_ptr<const UniqueFd>> found;
  for (const auto& [name, socket] : inherited_) {
    const PeerAddress bound = local_address(socket->get());
    const bool is_meant = listener.kind == config::Listener::Kind::systemd
                              ? name == listener.path
                              : listener.kind == config::Listener::Kind::ip &&
                                    bound.port == listener.port &&
                                    is_same_host(bound, listener.host);
    if (is_meant) found.push_back(socket);
  }
  return found;
}

Result<std::vector<Server::Address>> Server::open_address(const config::Listener& listener) const {
  using Kind = config::Listener::Kind;
  std::vector<Address> addresses;
  const auto add_shared = [&](std::shared_ptr<const UniqueFd> socket, std::string unix_path) {
    std::string url = url_of(listener, socket->get());
    addresses.push_back(
        {listener.address, std::move(url), std::move(unix_path), listener.mode, {}});
    addresses.back().sockets.assign(worker_count_, std::move(socket));
  };
  for (auto& socket : inherited_for(listener)) {
    add_shared(std::move(socket), {});
    addresses.back().is_inherited = true;
  }
  if (!addresses.empty()) return addresses;
  if (listener.kind == Kind::systemd) {
    return Unexpected(Error{
        "listening on " + listener.address + ": the service manager passed no socket of that name",
        0});
  }
  if (listener.kind == Kind::unix_socket) {
    TRY_ASSIGN(UniqueFd socket, listen_unix(listener.path, listener.mode));
    add_shared(std::make_shared<const UniqueFd>(std::move(socket)), listener.path);
    return addresses;
  }
  TRY_ASSIGN(Address address, open_ip(listener));
  addresses.push_back(std::move(address));
  return addresses;
}

Result<Server::Address> Server::open_ip(const config::Listener& listener) const {
  Address address;
  address.name = listener.address;
  // Alone first: SO_REUSEPORT would let us join another server's port without a word.
  TRY_ASSIGN(UniqueFd probe, listen_ip(listener.host, listener.port, false));
  if (worker_count_ == 1) {
    address.sockets.push_back(std::make_shared<const UniqueFd>(std::move(probe)));
  } else {
    probe.reset();
    std::uint16_t port = listener.port;
    for (unsigned i = 0; i < worker_count_; ++i) {
      TRY_ASSIGN(UniqueFd socket, listen_ip(listener.host, port, true));
      port = local_address(socket.get()).port;
      address.sockets.push_back(std::make_shared<const UniqueFd>(std::move(socket)));
    }
  }
  address.url = url_of(listener, address.sockets.front()->get());
  return address;
}

Result<std::vector<Server::Address>> Server::open_addresses(const config::Config& config) const {
  std::vector<Address> addresses;
  for (const config::Listener& listener : config.listeners) {
    const auto is_named = [&](const Address& address) { return address.name == listener.address; };
    if (std::any_of(addresses_.begin(), addresses_.end(), is_named)) {
      // All of that name at once: several sockets may share one, and several listeners port 0.
      if (std::any_of(addresses.begin(), addresses.end(), is_named)) continue;
      std::copy_if(addresses_.begin(), addresses_.end(), std::back_inserter(addresses), is_named);
      for (Address& address : addresses) {
        if (!is_named(address)) continue;
        // Whether it has TLS may have changed.
        address.url = url_of(listener, address.sockets.front()->get());
        address.unix_mode = listener.mode;
      }
      continue;
    }
    auto opened = open_address(listener);
    if (!opened) {
      discard(addresses);
      return Unexpected(std::move(opened).error());
    }
    for (Address& address : *opened) addresses.push_back(std::move(address));
  }
  return addresses;
}

// Takes the files of Unix sockets away again that are not those in force.
void Server::discard(const std::vector<Address>& addresses) const {
  for (const Address& address : addresses) {
    const bool is_in_force =
        std::any_of(addresses_.begin(), addresses_.end(),
                    [&](const Address& open) { return open.name == address.name; });
    if (!is_in_force && !address.unix_path.empty()) ::unlink(address.unix_path.c_str());
  }
}

void Server::renew_modes(std::vector<Address>& addresses) const {
  for (Address& address : addresses) {
    const auto old = std::find_if(addresses_.begin(), addresses_.end(),
                                  [&](const Address& each) { return each.name == address.name; });
    const bool stays = old != addresses_.end() && !address.unix_path.empty();
    if (!stays || old->unix_mode == address.unix_mode) continue;
    // The owner of a socket that was made before privileges were given up is somebody else.
    if (auto changed = set_socket_mode(address.unix_path, address.unix_mode); !changed) {
      log_.warn("config", "{}; a restart gives it the new ones", changed.error().message);
      address.unix_mode = old->unix_mode;
    }
  }
}

Result<void> Server::open_sockets(const config::Config& config) {
  worker_count_ = config.server.workers != 0 ? config.server.workers : usable_cpus();
  TRY_ASSIGN(addresses_, open_addresses(config));
  return {};
}

TlsRenewal Server::renewal_of(std::shared_ptr<const TlsContext> in_use) const {
  return {std::move(in_use), [this](const TlsFault& fault) {
            return fault.kind == TlsFault::Kind::expired &&
                   !certificate_files_.is_unchanged(fault.file);
          }};
}

// The error names all that is wrong; it is a line of the log each.
Result<Server::Certificates> Server::read_certificates(const config::Config& config,
                                                       TlsRenewal renewal) {
  Certificates certificates;
  certificates.files.watch(certificate_files(config));
  std::vector<TlsFault> warnings;
  auto built = build_tls(config, tickets_, warnings, std::move(renewal));
  std::vector<std::string> told;
  for (const TlsFault& warning : warnings) told.push_back(text_of(warning));
  warn_of_certificates(std::move(told), built.has_value());
  if (!built) return Unexpected(Error{text_of(built.error()), 0});
  certificates.context = *std::move(built);
  return certificates;
}

void Server::warn_of_certificates(std::vector<std::string> warnings, bool are_all) {
  std::vector<std::string>& told = told_of_certificates_;
  for (const std::string& warning : warnings) {
    if (std::find(told.begin(), told.end(), warning) != told.end()) continue;
    log_.warn("tls", "{}", warning);
    if (!are_all) told.push_back(warning);
  }
  if (are_all) told = std::move(warnings);
}

void Server::refresh_certificates() {
  if (is_draining_) return;
  const bool is_changed = certificate_files_.has_changed();
  if (!is_changed && told_of_kept_.empty()) return;
  auto read = read_certificates(*config_, renewal_of(certificates_));
  if (!read) {
    log_.error("tls", "the old certificates stay in use: {}", read.error().message);
    return;
  }
  const KeptCertificates kept = kept_of(*read);
  if (!tell_of_kept(kept, is_changed)) return;
  if (!kept.lines.empty() && kept.lines.size() == tls_sites(*config_).size()) return;
  certificates_ = std::move(read->context);
  certificate_files_ = std::move(read->files);
  for (const auto& worker : workers_) worker->use_certificates(certificates_);
  log_.info("tls", "certificates read again{}",
            kept.sites.empty() ? "" : ", but for those of " + kept.sites);
}

Server::KeptCertificates Server::kept_of(Certificates& read) const {
  KeptCertificates kept;
  if (read.context == nullptr) return kept;
  const std::vector<const config::Site*> sites = tls_sites(*config_);
  for (const TlsKept& each : read.context->kept()) {
    const config::Site& site = *sites[each.site];
    const std::string name = site.hosts.empty() ? "the default site" : site.hosts.front();
    kept.lines.push_back("the old certificates of " + name +
                         " stay in use: " + text_of(each.faults));
    kept.sites += (kept.sites.empty() ? "" : ", ") + name;
    kept.may_pass = kept.may_pass || may_pass(each.faults);
    read.files.keep(certificate_files_, certificate_files(*site.tls));
  }
  return kept;
}

bool Server::tell_of_kept(const KeptCertificates& kept, bool is_changed) {
  const std::vector<std::string> told =
      std::exchange(told_of_kept_, kept.may_pass ? kept.lines : std::vector<std::string>{});
  if (!is_changed && kept.lines == told) return false;
  for (const std::string& line : kept.lines) {
    if (std::find(told.begin(), told.end(), line) == told.end()) log_.error("tls", "{}", line);
  }
  return true;
}

Result<void> Server::start(std::shared_ptr<const config::Config> config) {
  config_ = std::move(config);
  TRY_ASSIGN(Certificates certificates, read_certificates(*config_, {}));
  certificates_ = std::move(certificates.context);
  certificate_files_ = std::move(certificates.files);
  quota_.set_limits(config_->limits.connections, config_->limits.connections_per_ip);
  std::vector<std::future<Result<void>>> prepared;
  for (unsigned i = 0; i < worker_count_; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, worker_count_, log_, build_handler_, quota_,
                                                handshakes_, rate_limiters_, activity_));
    workers_.back()->start([this] { main_loop_.post([this] { on_worker_ended(); }); });
    ++running_;
    auto promise = std::make_shared<std::promise<Result<void>>>();
    prepared.push_back(promise->get_future());
    workers_.back()->prepare(
        config_, [promise](Result<void> result) { promise->set_value(std::move(result)); });
  }
  Result<void> outcome;
  for (auto& each : prepared) {
    if (Result<void> result = each.get(); !result) outcome = std::move(result);
  }
  if (!outcome) {
    stop_now();
    for (const auto& worker : workers_) worker->join();
    return outcome;
  }
  std::vector<std::future<void>> accepting;
  for (unsigned i = 0; i < worker_count_; ++i) {
    workers_[i]->commit(sockets_of(i), certificates_);
    auto promise = std::make_shared<std::promise<void>>();
    accepting.push_back(promise->get_future());
    workers_[i]->ping([promise] { promise->set_value(); });
  }
  for (auto& each : accepting) each.get();
  return {};
}

std::vector<WorkerSocket> Server::sockets_of(unsigned worker) const {
  std::vector<WorkerSocket> sockets;
  for (const Address& address : addresses_)
    sockets.push_back({address.name, address.sockets[worker], address.is_inherited});
  return sockets;
}

void Server::reload(std::shared_ptr<const config::Config> config,
                    std::function<void(Result<void>)> done) {
  auto opened = open_addresses(*config);
  if (!opened) return done(Unexpected(std::move(opened).error()));
  auto certificates = read_certificates(*config, renewal_of(nullptr));
  if (!certificates) {
    discard(*opened);
    return done(Unexpected(std::move(certificates).error()));
  }
  // All workers build first; only when each of them could, all change over.
  struct Pending {
    unsigned left;
    Result<void> outcome;
    std::vector<Address> addresses;
    Certificates certificates;
  };
  auto pending = std::make_shared<Pending>(
      Pending{worker_count_, {}, std::move(*opened), *std::move(certificates)});
  const auto on_prepared = [this, config, pending,
                            done = std::move(done)](const Result<void>& result) {
    if (!result) pending->outcome = Unexpected(result.error());
    if (--pending->left > 0) return;
    if (is_draining_) pending->outcome = Unexpected(Error{"the server is stopping", 0});
    if (pending->outcome) {
      commit(config, std::move(pending->addresses), std::move(pending->certificates));
    } else {
      discard(pending->addresses);
      for (const auto& worker : workers_) worker->forget();
    }
    done(pending->outcome);
  };
  for (const auto& worker : workers_) {
    worker->prepare(config, [this, on_prepared](Result<void> result) {
      main_loop_.post([on_prepared, result = std::move(result)] { on_prepared(result); });
    });
  }
}

void Server::commit(std::shared_ptr<const config::Config> config, std::vector<Address> addresses,
                    Certificates certificates) {
  for (const Address& old : addresses_) {
    const bool is_kept =
        std::any_of(addresses.begin(), addresses.end(),
                    [&](const Address& address) { return address.name == old.name; });
    if (!is_kept && !old.unix_path.empty()) ::unlink(old.unix_path.c_str());
  }
  renew_modes(addresses);
  addresses_ = std::move(addresses);
  config_ = std::move(config);
  quota_.set_limits(config_->limits.connections, config_->limits.connections_per_ip);
  set_place_limits(*config_, activity_);
  certificates_ = std::move(certificates.context);
  certificate_files_ = std::move(certificates.files);
  told_of_kept_.clear();
  for (unsigned i = 0; i < worker_count_; ++i) workers_[i]->commit(sockets_of(i), certificates_);
  activity_.note_reload();
}

void Server::reopen_logs() {
  if (auto reopened = log_.reopen(); !reopened) log_.error("log", "{}", reopened.error().message);
  for (const auto& worker : workers_) worker->reopen_log();
}

void Server::drain(std::function<void()> on_ended) {
  on_ended_ = std::move(on_ended);
  is_draining_ = true;
  // The workers hold the last references and accept who is there already; then the kernel refuses.
  close_addresses();
  for (const auto& worker : workers_) worker->drain();
}

void Server::close_addresses() {
  for (const Address& address : addresses_) {
    if (!address.unix_path.empty()) ::unlink(address.unix_path.c_str());
  }
  addresses_.clear();
  inherited_.clear();
}

void Server::stop_now() {
  for (const auto& worker : workers_) worker->stop();
}

void Server::ping(std::function<void()> done) {
  auto left = std::make_shared<std::size_t>(workers_.size());
  for (const auto& worker : workers_) {
    worker->ping([this, left, done] {
      main_loop_.post([left, done] {
        if (--*left == 0) done();
      });
    });
  }
}

void Server::on_worker_ended() {
  if (--running_ == 0 && on_ended_) on_ended_();
}

std::vector<std::string> Server::addresses() const {
  std::vector<std::string> urls;
  for (const Address& address : addresses_) urls.push_back(address.url);
  return urls;
}

}  // namespace uvhttpd
