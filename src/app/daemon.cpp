// SPDX-License-Identifier: MIT
#include "app/daemon.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "app/certificates.h"
#include "app/confinement.h"
#include "app/expectations.h"
#include "app/handler_table.h"
#include "app/print_diagnostics.h"
#include "app/privileges.h"
#include "app/published_files.h"
#include "app/service_manager.h"
#include "config/load.h"

namespace uvhttpd {
namespace {

LogLevel log_level(config::LogLevel level) { return static_cast<LogLevel>(level); }
static_assert(static_cast<int>(LogLevel::error) == static_cast<int>(config::LogLevel::error));

constexpr Duration kCertificatesInterval{5'000};
constexpr Duration kLastWait{1'000};  // for what runs in the background still

class Daemon {
 public:
  Daemon()
      : server_(loop_, log_, build_handler, manager_.take_sockets()),
        drain_timer_(
            loop_, [](void* self) { static_cast<Daemon*>(self)->on_drain_timeout(); }, this),
        watchdog_timer_(
            loop_, [](void* self) { static_cast<Daemon*>(self)->on_watchdog(); }, this),
        certificates_timer_(
            loop_, [](void* self) { static_cast<Daemon*>(self)->on_certificates_timer(); }, this),
        terminate_(loop_, SIGTERM, on_signal, this),
        interrupt_(loop_, SIGINT, on_signal, this),
        hangup_(loop_, SIGHUP, on_signal, this),
        reopen_(loop_, SIGUSR1, on_signal, this) {}

  int run(std::shared_ptr<const config::Config> config) {
    if (Result<void> opened = open(*config); !opened) return give_up(opened.error());
    // Before there is a second thread, which would stay outside.
    if (manager_.has_abstract_socket()) sandbox_.leave_abstract_sockets();
    if (Result<void> entered = sandbox_.enter(*config, loop_, log_); !entered) {
      return give_up(entered.error());
    }
    warn_of(closed_roots(*config));
    warn_of(published_files(*config));
    // As the account that serves: what it may not read it cannot answer with.
    if (const auto faults = unusable_certificates(*config); !faults.empty()) {
      print_diagnostics(faults);
      return 2;
    }
    if (const auto failures = run_expectations(config); !failures.empty()) {
      print_diagnostics(failures);
      return 2;
    }
    started_with_ = config;
    if (Result<void> started = server_.start(std::move(config)); !started) {
      return give_up(started.error());
    }
    for (const std::string& address : server_.addresses()) {
      fmt::print(stderr, "uvhttpd: listening on {}\n", address);
    }
    manager_.notify("READY=1\nSTATUS=" + status());
    if (manager_.watchdog_interval()) on_watchdog();
    on_certificates_timer();
    loop_.run();
    if (!server_.end(kLastWait)) leave_behind();
    return 0;
  }

 private:
  Result<void> open(const config::Config& config) {
    const std::string& log = config.server.log;
    TRY_ASSIGN(const std::optional<Account> account, account_of(config.server));
    TRY(hand_over(account, log));
    TRY(hand_over(account, config.access_log.path));
    TRY(use_file(account, log, [&] { return log_.open(log, log_level(config.server.log_level)); }));
    TRY(server_.open_sockets(config));
    return become(account);
  }

  // The end of a process, too, waits for libuv's threads. A look-up in a name service that does not
  // answer would have it wait for half a minute, in which nobody serves.
  [[noreturn]] static void leave_behind() {
    std::fflush(nullptr);
    std::_Exit(0);
  }

  static int give_up(const Error& error) {
    fmt::print(stderr, "uvhttpd: {}\n", error.message);
    return 1;
  }

  std::string status() const {
    std::string text = "Listening on";
    for (const std::string& address : server_.addresses()) text += " " + address;
    return text;
  }

  static void on_signal(void* self, int signal) {
    auto* daemon = static_cast<Daemon*>(self);
    switch (signal) {
      case SIGHUP: return daemon->reload();
      case SIGUSR1: return daemon->server_.reopen_logs();
      default: return daemon->stop();
    }
  }

  void stop() {
    if (is_stopping_) return server_.stop_now();
    is_stopping_ = true;
    log_.info("server", "stopping: what has been asked is still answered");
    manager_.notify("STOPPING=1\nSTATUS=Answering what has been asked");
    drain_timer_.start(server_.config().server.drain_timeout);
    server_.drain([this] { loop_.stop(); });
  }

  void on_drain_timeout() {
    log_.warn("server", "drain_timeout is over: closing the connections that are left");
    server_.stop_now();
  }

  void reload() {
    if (is_stopping_) return;
    if (is_reloading_) {
      // The file may have changed since it was read.
      is_reload_due_ = true;
      return;
    }
    manager_.notify_reloading();
    server_.reopen_logs();
    if (server_.config().file.empty()) return finish_reload("There is no file to read again");
    config::Loaded loaded = config::load_file(server_.config().file);
    log_diagnostics(loaded.diagnostics);
    if (!loaded.config) return refuse_reload();
    loaded.config->program_descriptors = started_with_->program_descriptors;
    const config::Sandbox sandbox =
        std::exchange(loaded.config->server.sandbox, started_with_->server.sandbox);
    if (sandbox != started_with_->server.sandbox) {
      log_.warn("config", "server.sandbox takes effect with the next start");
    }
    const std::vector<std::string> missing = sandbox_.missing_for(*loaded.config);
    for (const std::string& each : missing) {
      log_.error("config", "{}: {}", loaded.config->file, each);
    }
    if (!missing.empty()) return refuse_reload();
    auto config = std::make_shared<const config::Config>(std::move(*loaded.config));
    if (const auto failures = run_expectations(config); !failures.empty()) {
      log_diagnostics(failures);
      return refuse_reload();
    }
    Log probe;
    if (auto opened = probe.open(config->server.log, LogLevel::info); !opened) {
      log_.error("config", "error log: {}", opened.error().message);
      return refuse_reload();
    }
    is_reloading_ = true;
    server_.reload(config, [this, config](const Result<void>& result) {
      is_reloading_ = false;
      if (!result) {
        log_.error("config", "{}", result.error().message);
        return refuse_reload();
      }
      if (auto opened = log_.open(config->server.log, log_level(config->server.log_level));
          !opened) {
        log_.error("log", "{}", opened.error().message);
      }
      warn_of_fixed_settings(*config);
      warn_of(closed_roots(*config));
      warn_of(published_files(*config));
      finish_reload("Reloaded. " + status());
    });
  }

  void log_diagnostics(const std::vector<config::Diagnostic>& diagnostics) {
    for (const config::Diagnostic& each : diagnostics) {
      const bool is_error = each.severity == config::Diagnostic::Severity::error;
      log_.write(is_error ? LogLevel::error : LogLevel::warn, "config", "{}:{}:{}: {}{}{}",
                 each.file, each.line, each.column, each.message, each.hint.empty() ? "" : "; ",
                 each.hint);
    }
  }

  void refuse_reload() { finish_reload("Reload refused, the old configuration goes on"); }

  void finish_reload(const std::string& outcome) {
    if (is_stopping_) return;
    log_.info("config", "{}", outcome);
    manager_.notify("READY=1\nSTATUS=" + outcome);
    if (std::exchange(is_reload_due_, false)) reload();
  }

  void warn_of(const std::vector<config::Diagnostic>& warnings) {
    for (const config::Diagnostic& each : warnings) {
      log_.warn("config", "{}: {}", each.file, each.message);
    }
  }

  // What only a restart can change.
  void warn_of_fixed_settings(const config::Config& now) {
    const config::Server& old = started_with_->server;
    if (now.server.user != old.user || now.server.group != old.group) {
      log_.warn("config", "server.user and server.group take effect with the next start");
    }
    if (now.server.workers != 0 && now.server.workers != server_.worker_count()) {
      log_.warn("config", "server.workers takes effect with the next start");
    }
  }

  // So that a renewed certificate is in use without a word to the server.
  void on_certificates_timer() {
    certificates_timer_.start(kCertificatesInterval);
    if (!is_reloading_) server_.refresh_certificates();
  }

  void on_watchdog() {
    watchdog_timer_.start(*manager_.watchdog_interval() / 2);
    server_.ping([this] { manager_.notify("WATCHDOG=1"); });
  }

  Log log_;
  ServiceManager manager_;
  EventLoop loop_;
  Sandbox sandbox_;
  Server server_;
  Timer drain_timer_;
  Timer watchdog_timer_;
  Timer certificates_timer_;
  SignalWatcher terminate_;
  SignalWatcher interrupt_;
  SignalWatcher hangup_;
  SignalWatcher reopen_;
  std::shared_ptr<const config::Config> started_with_;
  bool is_stopping_ = false;
  bool is_reloading_ = false;
  bool is_reload_due_ = false;
};

}  // namespace

int run_daemon(std::shared_ptr<const config::Config> config) {
  auto prepared = std::make_shared<config::Config>(*config);
  prepared->program_descriptors = prepare_process();
  if (const Result<void> forbidden = Sandbox::forbid_rings(*config); !forbidden) {
    fmt::print(stderr, "uvhttpd: {}\n", forbidden.error().message);
    return 1;
  }
  Daemon daemon;
  return daemon.run(std::move(prepared));
}

}  // namespace uvhttpd
