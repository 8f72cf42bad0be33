// SPDX-License-Identifier: MIT
// handlers/server_status.h: what the server is doing at one moment, as plain data.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"
#include "server/activity.h"

namespace uvhttpd {

// One moment of the process. The numbers are read one after the other while the workers go on, so
// they need not add up to the last one.
struct ServerStatus {
  struct Counts {
    std::uint64_t open_connections = 0;
    std::uint64_t accepted = 0;
    std::uint64_t in_flight = 0;
    std::uint64_t requests = 0;
    std::array<std::uint64_t, 5> answers{};  // of 1xx to 5xx
    std::uint64_t unanswered = 0;
    std::uint64_t sent_bytes = 0;

    Counts& operator+=(const Counts& other);
  };
  struct Worker {
    unsigned number = 0;
    Counts counts;
  };
  // What a route allows its programs, and what is taken of it.
  struct Places {
    std::string site;
    std::string route;
    std::uint64_t running = 0;
    std::uint64_t most_running = 0;
    std::uint64_t waiting = 0;
    std::uint64_t most_waiting = 0;
  };
  struct RunningProgram {
    Program program;
    Duration age{0};
  };
  struct Upstream {
    UpstreamName name;
    std::array<std::uint64_t, 3> workers{};  // by UpstreamState
    std::uint64_t active = 0;
    std::uint64_t idle = 0;
    std::uint64_t requests = 0;
    std::uint64_t failures = 0;
  };

  pid_t pid = 0;
  Activity::Life life;
  std::vector<Worker> workers;
  std::vector<Places> places;
  std::vector<RunningProgram> programs;
  std::vector<Upstream> upstreams;

  Counts total() const;
};

// The places are those of the configuration's routes of programs.
ServerStatus read_status(const Activity& activity, const config::Config& config);

}  // namespace uvhttpd
