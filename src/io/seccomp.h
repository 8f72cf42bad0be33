// SPDX-License-Identifier: MIT
// io/seccomp.h: which system calls the process may make, and what becomes of others.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "io/event_loop.h"
#include "io/fd_watcher.h"

namespace uvhttpd {

using SyscallFilter = std::vector<sock_filter>;

// No rings of io_uring, as if the kernel had none. To be applied before there is an EventLoop:
// libuv may make a ring for it, and ends the process when one that it has does not work.
SyscallFilter no_rings_filter();
// What a server that runs no programs calls: it starts threads but no processes, and no memory of
// it can be written and executed. Others make the kernel send SIGSYS.
SyscallFilter server_filter();
// What programs usually call, besides: they inherit it and can only be given less. No tracing of
// other processes, no namespaces, no keys, no mounting, nothing of the machine's own state.
SyscallFilter server_with_programs_filter();
// What a program loses on top of that: clone3 and openat2, whose arguments no filter sees; with
// EPERM, the bits of set-user-ID and set-group-ID in the modes of what it makes and has, processes
// of which its parent is the parent, and the limits, CPUs and priorities of other processes; and,
// without `network`, connections of the Internet families, where the error is EACCES.
SyscallFilter program_filter(bool network);

// Whether this build knows filters: not with a sanitizer, which needs calls of its own.
bool knows_seccomp();
// Whether the kernel has them, too.
bool has_seccomp();

// For all threads, and for good. The thread gives up gaining privileges by running programs.
Result<void> apply(const SyscallFilter& filter);

// "ptrace"; empty: not a call that was known when this was built.
std::string_view syscall_name(int number);

// Lets a refused call fail with EPERM instead of ending the process, and says so in the log, once
// for each call. One in a process; destroyed, SIGSYS ends the process again.
class RefusedCalls {
 public:
  RefusedCalls(EventLoop& loop, Log& log);
  RefusedCalls(const RefusedCalls&) = delete;
  RefusedCalls& operator=(const RefusedCalls&) = delete;
  ~RefusedCalls();

 private:
  void on_readable();

  Log& log_;
  std::set<int> told_;
  UniqueFd reports_;
  UniqueFd reporting_;
  std::optional<FdWatcher> watcher_;
};

}  // namespace uvhttpd
