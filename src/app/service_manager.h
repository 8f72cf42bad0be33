// SPDX-License-Identifier: MIT
// app/service_manager.h: what systemd and the daemon tell each other (sd_notify(3),
// sd_listen_fds(3)), spoken directly: it is a datagram and three environment variables.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "server/server.h"

namespace uvhttpd {

class ServiceManager {
 public:
  // Reads its variables and takes them out of the environment, so that no child sees them. Call
  // before any thread is started.
  ServiceManager();

  // The sockets passed in, once.
  Server::InheritedSockets take_sockets();
  // How often it wants to hear that we are alive; absent: never.
  std::optional<Duration> watchdog_interval() const { return watchdog_; }
  // "READY=1\nSTATUS=…"; nothing happens without a service manager.
  void notify(std::string_view state) const;
  // It listens where no file is.
  bool has_abstract_socket() const { return notify_socket_.starts_with('@'); }
  // "RELOADING=1" with the time stamp that Type=notify-reload wants.
  void notify_reloading() const;

 private:
  std::string notify_socket_;
  std::optional<Duration> watchdog_;
  Server::InheritedSockets sockets_;
};

}  // namespace uvhttpd
