// SPDX-License-Identifier: MIT
// app/confinement.h: what a configuration needs of the machine, and the sandbox that leaves the
// process nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "config/config.h"
#include "io/event_loop.h"
#include "io/landlock.h"
#include "io/seccomp.h"

namespace uvhttpd {

struct Confinement {
  // A path that the configuration names is required; what is only useful is not.
  LandlockRules rules;
  bool runs_programs = false;
};

// `config` is valid. Programs can only have what the server has, so what they need is in it.
Confinement confinement_for(const config::Config& config);

// For people, a line for each right, each beginning with "sandbox: ".
std::vector<std::string> describe(const config::Config& config);

// The error is what a start would fail with: the sandbox is Sandbox::on, and the kernel lacks
// something for it.
Result<void> check_sandbox(const config::Config& config);

// Of the whole process. What it has entered it cannot leave, nor make wider.
class Sandbox {
 public:
  // Somebody outside is reached through one. Before enter().
  void leave_abstract_sockets() { confines_abstract_sockets_ = false; }
  // Call before there is an EventLoop, for which libuv would make what enter() then takes away. The
  // process gives up gaining privileges, unless the sandbox is off. The error is the kernel's.
  static Result<void> forbid_rings(const config::Config& config);
  // As config.server.sandbox says. Call once, while there is only one thread. With Sandbox::on the
  // error is what the kernel lacks; with Sandbox::automatic the log says so.
  Result<void> enter(const config::Config& config, EventLoop& loop, Log& log);
  // What `config` needs and the process may not, for people, each on a line of its own.
  std::vector<std::string> missing_for(const config::Config& config) const;

 private:
  struct Granted {
    std::uint64_t device;
    std::uint64_t inode;
    unsigned rights;
  };
  Result<void> enter_landlock(const Confinement& confinement);
  unsigned rights_at(const std::string& path) const;

  int landlock_ = 0;  // the version; asked for later, a filter might hide it
  bool has_filter_ = false;
  bool confines_abstract_sockets_ = true;
  Confinement entered_;
  std::vector<Granted> granted_;
  std::optional<RefusedCalls> refused_calls_;
};

}  // namespace uvhttpd
