// SPDX-License-Identifier: MIT
#include "io/child_start.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>

#include "base/assert.h"

// The child runs in its parent's memory: whatever sanitizers keep of a thread is the parent's.
#if defined(__clang__)
#define UVHTTPD_IN_CHILD                                                  \
  __attribute__((no_sanitize("address", "thread", "undefined"), noinline, \
                 disable_sanitizer_instrumentation))
#else
#define UVHTTPD_IN_CHILD \
  __attribute__((no_sanitize("address"), no_sanitize("thread"), no_sanitize("undefined"), noinline))
#endif

namespace uvhttpd {
namespace {

constexpr std::size_t kStackBytes = 32 * 1024;
constexpr std::size_t kSignalBytes = 8;      // of the kernel's signal set
constexpr int kLastSignal = 64;              // likewise
constexpr int kExecFailed = 127;             // exit status, as shells have it
constexpr int kMostDescriptors = 64 * 1024;  // closed one by one where close_range is missing

constexpr int kReportAt = STDERR_FILENO + 1;  // the descriptor, when there is a report
constexpr int kReportWait = 1'000;            // milliseconds

// Why the program does not run. `doing` is a literal, so it means the same in the child's memory.
struct Failure {
  int code = 0;
  const char* doing = nullptr;
};

// What parent and child have in common. Without `report` they share their memory, and the parent
// stands still until the child has left. A child that becomes another user has a copy, for that
// user may then signal it: stopped, it would stop its parent; it reports through a pipe.
struct Launch {
  const ChildStart* start;
  rlimit descriptors{};
  SignalSet to_reset = kAllSignals;
  int report = -1;
  int pidfd = -1;
  Failure failure{};
};

[[noreturn]] UVHTTPD_IN_CHILD void give_up(Launch& launch, const char* doing) {
  launch.failure = {errno, doing};
  if (launch.report >= 0) {
    ::syscall(SYS_write, launch.report, &launch.failure, sizeof launch.failure);
  }
  for (;;) ::syscall(SYS_exit_group, kExecFailed);
}

// Handlers are the server's, and must be gone before the mask lets a signal in; what is ignored
// would be so after exec, too.
UVHTTPD_IN_CHILD void reset_signals(SignalSet which) {
  const unsigned long default_action[4] = {};  // the kernel's sigaction, SIG_DFL, at its longest
  for (int signal = 1; signal <= kLastSignal; ++signal) {
    if ((which >> (signal - 1) & 1) == 0) continue;
    ::syscall(SYS_rt_sigaction, signal, default_action, nullptr, kSignalBytes);
  }
}

UVHTTPD_IN_CHILD void close_from(int first) {
  if (::syscall(SYS_close_range, first, UINT_MAX, 0) == 0) return;
  // Before Linux 5.9. Our own are close-on-exec: these would be of whoever started the server.
  for (int fd = first; fd < kMostDescriptors; ++fd) ::syscall(SYS_close, fd);
}

UVHTTPD_IN_CHILD void put(Launch& launch, int fd, int at) {
  if (::syscall(SYS_dup3, fd, at, 0) < 0) give_up(launch, "preparing the descriptors of ");
}

// By system calls: the C library's setuid() is for all threads of a process, and here those are the
// server's.
UVHTTPD_IN_CHILD void become(Launch& launch, const Identity& identity) {
  constexpr char kDoing[] = "changing to the user of ";
  if (::syscall(SYS_setgroups, identity.groups.size(), identity.groups.data()) != 0 ||
      ::syscall(SYS_setresgid, identity.group, identity.group, identity.group) != 0 ||
      ::syscall(SYS_setresuid, identity.user, identity.user, identity.user) != 0) {
    give_up(launch, kDoing);
  }
}

// Root without them is a user whose number is 0. Where the server may not change what root gets,
// somebody has already done so.
UVHTTPD_IN_CHILD void drop_capabilities(Launch& launch) {
  ::syscall(SYS_prctl, PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capset, &header, none) != 0) give_up(launch, "confining ");
}

UVHTTPD_IN_CHILD void confine_files(Launch& launch, const ChildConfinement& confinement) {
  if (::syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      (confinement.ruleset >= 0 && ::syscall(SYS_landlock_restrict_self, confinement.ruleset,
                                             confinement.ruleset_flags) != 0)) {
    give_up(launch, "confining ");
  }
  if (confinement.drop_capabilities) drop_capabilities(launch);
}

UVHTTPD_IN_CHILD void filter_calls(Launch& launch, const ChildConfinement& confinement) {
  if (confinement.filter == nullptr) return;
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, confinement.filter) != 0) {
    give_up(launch, "confining ");
  }
}

UVHTTPD_IN_CHILD int run_child(void* argument) {
  Launch& launch = *static_cast<Launch*>(argument);
  const ChildStart& start = *launch.start;
  reset_signals(launch.to_reset);
  // Who leads a session can join no other group, and has no terminal.
  if (::syscall(SYS_setsid) < 0) give_up(launch, "making a session for ");
  put(launch, start.input, STDIN_FILENO);
  put(launch, start.output, STDOUT_FILENO);
  put(launch, start.errors, STDERR_FILENO);
  if (start.identity != nullptr) become(launch, *start.identity);
  if (start.directory >= 0 && ::syscall(SYS_fchdir, start.directory) != 0) {
    give_up(launch, "entering the directory of ");
  }
  if (start.confinement != nullptr) confine_files(launch, *start.confinement);
  if (launch.report >= 0) {
    if (launch.report != kReportAt) ::syscall(SYS_dup3, launch.report, kReportAt, O_CLOEXEC);
    launch.report = kReportAt;
  }
  close_from(launch.report >= 0 ? kReportAt + 1 : kReportAt);
  // Where a filter refuses it the child goes on with the server's limit.
  if (start.descriptors != 0) {
    ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &launch.descriptors, nullptr);
  }
  const unsigned long none = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kSignalBytes);
  if (start.confinement != nullptr) filter_calls(launch, *start.confinement);
  ::syscall(SYS_execve, start.program, start.arguments, start.environment);
  give_up(launch, "running ");
}

#if defined(__x86_64__)
#define UVHTTPD_HAS_CLONE3 1
// The C library has no function for it. A child that shares our memory needs a stack of its own,
// and on that there is nothing to return to: it goes on with a call from here.
long clone3(const clone_args& arguments, int (*entry)(void*), void* argument) {
  long result = SYS_clone3;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "movq %[argument], %%rdi\n\t"
      "call *%[entry]\n\t"
      "hlt\n"
      "1:"
      : "+a"(result)
      : "D"(&arguments), "S"(sizeof arguments), [entry] "r"(entry), [argument] "r"(argument)
      : "rcx", "r11", "cc", "memory");
  return result;
}
#elif defined(__aarch64__)
#define UVHTTPD_HAS_CLONE3 1
long clone3(const clone_args& arguments, int (*entry)(void*), void* argument) {
  register long number asm("x8") = SYS_clone3;
  register long result asm("x0") = reinterpret_cast<long>(&arguments);
  register long size asm("x1") = sizeof arguments;
  asm volatile(
      "svc #0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x0, %[argument]\n\t"
      "blr %[entry]\n\t"
      "brk #0\n"
      "1:"
      : "+r"(result)
      : "r"(number), "r"(size), [entry] "r"(entry), [argument] "r"(argument)
      : "cc", "memory");
  return result;
}
#else
#define UVHTTPD_HAS_CLONE3 0
#endif

#if UVHTTPD_HAS_CLONE3
// The pid, or -errno; one of ENOSYS, EPERM and EINVAL where the kernel (before 5.5) or a filter
// does not have the call.
long clone_with_clear_handlers(Launch& launch, std::byte* stack, unsigned flags) {
  launch.to_reset = launch.start->ignored;
  clone_args arguments{};
  arguments.flags = flags | CLONE_CLEAR_SIGHAND;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&launch.pidfd);
  arguments.exit_signal = SIGCHLD;
  arguments.stack = reinterpret_cast<std::uintptr_t>(stack);
  arguments.stack_size = kStackBytes;
  if (launch.start->cgroup >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<unsigned>(launch.start->cgroup);
  }
  return clone3(arguments, run_child, &launch);
}
#endif

// The pid, or -errno.
long clone_child(Launch& launch, std::byte* stack) {
  // The pidfd comes with the child: where there is none for it, no program has begun to act.
  const unsigned flags = CLONE_PIDFD | (launch.report >= 0 ? 0U : CLONE_VM | CLONE_VFORK);
#if UVHTTPD_HAS_CLONE3
  const long pid = clone_with_clear_handlers(launch, stack, flags);
  const bool is_unknown = pid == -ENOSYS || pid == -EPERM || pid == -EINVAL;
  if (!is_unknown || launch.start->cgroup >= 0) return pid;
#endif
  launch.to_reset = kAllSignals;
  const int old_style = ::clone(run_child, stack + kStackBytes, static_cast<int>(flags) | SIGCHLD,
                                &launch, &launch.pidfd);
  return old_style < 0 ? -errno : old_style;
}

rlimit descriptor_limit(std::uint64_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {wanted, wanted};
  limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
  return limit;
}

void wait_for(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// What the child says until it has left for its program, which closes the pipe.
Failure read_report(int pipe) {
  pollfd readable{pipe, POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&readable, 1, kReportWait);
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) return {ETIMEDOUT, "starting "};
  Failure failure;
  const ssize_t got = ::read(pipe, &failure, sizeof failure);
  return got == static_cast<ssize_t>(sizeof failure) ? failure : Failure{};
}

}  // namespace

SignalSet ignored_signals() {
  SignalSet ignored = 0;
  for (int signal = 1; signal <= kLastSignal; ++signal) {
    struct sigaction action {};
    const bool is_known = ::sigaction(signal, nullptr, &action) == 0;
    if (is_known && action.sa_handler == SIG_IGN) ignored |= SignalSet{1} << (signal - 1);
  }
  return ignored;
}

Result<StartedChild, ChildFailure> start_child(const ChildStart& start) {
  ASSERT(start.input > STDERR_FILENO && start.output > STDERR_FILENO &&
         start.errors > STDERR_FILENO);
  alignas(16) std::byte stack[kStackBytes];
  Launch launch{.start = &start};
  if (start.descriptors != 0) launch.descriptors = descriptor_limit(start.descriptors);
  UniqueFd report;
  UniqueFd reported;
  if (start.identity != nullptr) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
      return Unexpected(ChildFailure{errno, "making a pipe for ", false});
    }
    report.reset(ends[0]);
    reported.reset(ends[1]);
    launch.report = reported.get();
  }

  // No handler of ours may run in the child: it would in our memory. All signals, those of the C
  // library too.
  const unsigned long all = ~0UL;
  unsigned long before = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, kSignalBytes);
  const long pid = clone_child(launch, stack);
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, kSignalBytes);

  if (pid < 0)
    return Unexpected(ChildFailure{static_cast<int>(-pid), "making a process for ", false});
  StartedChild started{static_cast<pid_t>(pid), UniqueFd(launch.pidfd)};
  reported.reset();
  const Failure failure = report ? read_report(report.get()) : launch.failure;
  if (failure.doing == nullptr) return started;
  if (failure.code == ETIMEDOUT) ::kill(started.pid, SIGKILL);
  wait_for(started.pid);
  return Unexpected(ChildFailure{failure.code, failure.doing, true});
}

bool can_start_in_cgroup() {
#if UVHTTPD_HAS_CLONE3
  // Too few arguments: who knows the call says so, and filters do not look that far.
  return ::syscall(SYS_clone3, nullptr, 0) < 0 && errno == EINVAL;
#else
  return false;
#endif
}

}  // namespace uvhttpd
