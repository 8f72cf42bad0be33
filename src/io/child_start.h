// SPDX-License-Identifier: MIT
// io/child_start.h: the way of a child from the server's memory to its program's first instruction.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"
#include "io/identity.h"

namespace uvhttpd {

// Signal n is bit n - 1.
using SignalSet = std::uint64_t;
constexpr SignalSet kAllSignals = ~SignalSet{0};
// Those that the process ignores now.
SignalSet ignored_signals();

// What a program may do: less than the server, from before its first instruction on.
struct ChildConfinement {
  int ruleset = -1;                    // of Landlock; -1: none
  unsigned ruleset_flags = 0;          // for landlock_restrict_self
  const sock_fprog* filter = nullptr;  // of system calls; absent: the server's alone
  bool drop_capabilities = false;      // for good, also those that root gets with a program
};

// All pointers and descriptors are the caller's and only used during start_child(). Descriptors
// are greater than 2 but for absent ones, which are -1.
struct ChildStart {
  const char* program = nullptr;
  char* const* arguments = nullptr;    // ends with a null pointer
  char* const* environment = nullptr;  // likewise
  int directory = -1;                  // to work in
  int input = -1;
  int output = -1;
  int errors = -1;
  int cgroup = -1;                                // to be born in, a directory of cgroup v2
  std::uint64_t descriptors = 0;                  // soft RLIMIT_NOFILE; 0: as the server's
  SignalSet ignored = kAllSignals;                // by the server, at most; knowing them saves time
  const Identity* identity = nullptr;             // absent: the server's
  const ChildConfinement* confinement = nullptr;  // absent: as the server's
};

// `in_child`: it was there that it failed, so it is about this program and not about programs at
// all.
struct ChildFailure {
  int code = 0;
  const char* doing = "";
  bool in_child = false;
};

struct StartedChild {
  pid_t pid = 0;
  UniqueFd pidfd;  // absent where the kernel (before 5.2) makes none along with the child
};

// Returns when the program runs, or the child is gone again. It leads a session and a
// process group of its own and has default signal settings; no descriptor beyond 2 is open.
Result<StartedChild, ChildFailure> start_child(const ChildStart& start);

// Whether the kernel, and what filters our system calls, let a child be born in a cgroup.
bool can_start_in_cgroup();

}  // namespace uvhttpd
