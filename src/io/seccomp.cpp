// SPDX-License-Identifier: MIT
#include "io/seccomp.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <sched.h>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <utility>

#include "base/assert.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UVHTTPD_HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define UVHTTPD_HAS_SANITIZER 1
#endif
#endif

namespace uvhttpd {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
constexpr std::uint32_t kFirstForeign = 0x4000'0000;  // of x32
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#define UVHTTPD_HAS_NO_FILTER 1
constexpr std::uint32_t kArchitecture = 0;
#endif

struct NamedCall {
  std::string_view name;
  std::uint32_t number;
};
constexpr NamedCall kCalls[] = {
#include "io/syscall_names.inc"
};

// Names, each with a space behind it. Some arguments are looked at below: those of clone, ioctl,
// mmap, mprotect, prctl, socket.
constexpr std::string_view kServerCalls =
    // files
    "read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 open openat "
    "openat2 close close_range stat fstat lstat newfstatat statx statfs fstatfs access "
    "faccessat faccessat2 readlink readlinkat getdents64 lseek fcntl dup dup2 dup3 pipe pipe2 "
    "ftruncate fallocate fadvise64 fsync fdatasync flock chmod fchmod fchmodat unlink "
    "unlinkat getcwd umask sendfile splice tee copy_file_range memfd_create inotify_init1 "
    "inotify_add_watch inotify_rm_watch "
    // sockets
    "socketpair bind listen accept accept4 connect getsockname getpeername setsockopt "
    "getsockopt sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg shutdown "
    // waiting
    "poll ppoll select pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 "
    "eventfd2 timerfd_create timerfd_settime timerfd_gettime nanosleep clock_nanosleep "
    "restart_syscall pause "
    // memory and threads
    "munmap mremap brk madvise mincore mlock mlock2 munlock membarrier futex futex_waitv "
    "set_robust_list get_robust_list rseq set_tid_address arch_prctl sched_yield "
    "sched_getaffinity sched_setaffinity sched_getparam sched_getscheduler getcpu exit "
    "exit_group "
    // signals
    "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait sigaltstack "
    "tgkill "
    // who and when
    "getpid gettid getppid getuid geteuid getgid getegid getresuid getresgid getgroups capget "
    "uname sysinfo getrandom getrusage times clock_gettime clock_getres gettimeofday time "
    "prlimit64 getrlimit setrlimit ";

constexpr std::string_view kProgramCalls =
    // processes
    "fork vfork execve execveat wait4 waitid kill tkill pidfd_open pidfd_send_signal setpgid "
    "getpgid getpgrp setsid getsid setuid setgid setreuid setregid setresuid setresgid "
    "setfsuid setfsgid setgroups capset getpriority setpriority sched_setscheduler "
    "sched_setparam sched_getattr sched_setattr sched_get_priority_max sched_get_priority_min "
    "sched_rr_get_interval ioprio_get ioprio_set seccomp landlock_create_ruleset "
    "landlock_add_rule landlock_restrict_self "
    // files
    "creat truncate rename renameat renameat2 link linkat symlink symlinkat mkdir mkdirat "
    "rmdir mknod mknodat chdir fchdir chown fchown lchown fchownat fchmodat2 utime utimes "
    "utimensat futimesat getdents readahead sync syncfs sync_file_range vmsplice getxattr "
    "lgetxattr fgetxattr listxattr llistxattr flistxattr setxattr lsetxattr fsetxattr "
    "removexattr lremovexattr fremovexattr inotify_init name_to_handle_at io_setup io_submit "
    "io_getevents io_pgetevents io_cancel io_destroy "
    // between processes
    "shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl "
    "mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr "
    // waiting and signals
    "alarm getitimer setitimer timer_create timer_settime timer_gettime timer_getoverrun "
    "timer_delete epoll_create eventfd signalfd signalfd4 rt_sigsuspend rt_sigqueueinfo "
    "rt_tgsigqueueinfo "
    // memory
    "mmap mprotect msync mlockall munlockall get_mempolicy set_mempolicy mbind memfd_secret "
    "pkey_alloc pkey_free pkey_mprotect prctl ";

// As if the kernel did not have them: who calls them knows what else to do.
constexpr std::string_view kAbsentCalls = "io_uring_setup io_uring_enter io_uring_register ";

// Likewise for programs: what these do is said in memory, which no filter sees.
constexpr std::string_view kBlindCalls = "clone3 openat2 ";

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kRefuse = SECCOMP_RET_TRAP;
constexpr std::uint32_t error(int code) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(code);
}

constexpr std::uint32_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                      CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr std::uint32_t kSetIds = S_ISUID | S_ISGID;
// With these, open has a mode. O_TMPFILE has the bit of O_DIRECTORY in it, too.
constexpr std::uint32_t kMakesFile = O_CREAT | (O_TMPFILE & ~O_DIRECTORY);
constexpr std::uint32_t kSocketType = 0xf;    // without SOCK_CLOEXEC and SOCK_NONBLOCK
constexpr std::uint32_t kMostProtocol = 255;  // of IP: those beyond are MPTCP and the like
constexpr std::uint32_t kIoOfUser = 3;        // IOPRIO_WHO_USER, of which the C library has no name
constexpr std::uint32_t kAnyPersonality = 0xffff'ffff;  // asks which it is

// Filters see 64 bits of an argument; of an int the kernel takes the lower 32.
constexpr std::uint32_t argument(int index) {
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args) +
                                    static_cast<std::size_t>(index) * sizeof(std::uint64_t));
}
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

std::optional<std::uint32_t> number_of(std::string_view name) {
  for (const NamedCall& call : kCalls) {
    if (call.name == name) return call.number;
  }
  return std::nullopt;
}

// A filter begins with begin(); at each call's number the accumulator holds that number.
class FilterWriter {
 public:
  void load(std::uint32_t offset) { add(BPF_LD | BPF_W | BPF_ABS, offset); }
  void keep_bits(std::uint32_t mask) { add(BPF_ALU | BPF_AND | BPF_K, mask); }
  void end(std::uint32_t action) { add(BPF_RET | BPF_K, action); }
  void end_if_equal(std::uint32_t value, std::uint32_t action) {
    jump(BPF_JEQ, value, 0, 1);
    end(action);
  }
  void end_unless_equal(std::uint32_t value, std::uint32_t action) {
    jump(BPF_JEQ, value, 1, 0);
    end(action);
  }
  void end_if_greater(std::uint32_t value, std::uint32_t action) {
    jump(BPF_JGT, value, 0, 1);
    end(action);
  }
  void end_if_any_bit(std::uint32_t bits, std::uint32_t action) {
    jump(BPF_JSET, bits, 0, 1);
    end(action);
  }
  void end_unless_any_bit(std::uint32_t bits, std::uint32_t action) {
    jump(BPF_JSET, bits, 1, 0);
    end(action);
  }

  void begin() {
    load(offsetof(seccomp_data, arch));
    end_unless_equal(kArchitecture, SECCOMP_RET_KILL_PROCESS);
    load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
    end_if_greater(kFirstForeign - 1, error(ENOSYS));
#endif
  }
  // Calls that are younger than this program: what their callers did before there were any, works.
  void end_if_unknown() {
    std::uint32_t last = 0;
    for (const NamedCall& call : kCalls) last = std::max(last, call.number);
    end_if_greater(last, error(ENOSYS));
  }
  // Those that this architecture does not have are left out.
  void end_at(std::string_view names, std::uint32_t action) {
    while (!names.empty()) {
      const std::size_t end = names.find(' ');
      if (const auto number = number_of(names.substr(0, end))) end_if_equal(*number, action);
      names.remove_prefix(end + 1);
    }
  }
  // `look` must end in all cases.
  template <class Look>
  void look_at(std::string_view name, Look&& look) {
    const auto number = number_of(name);
    if (!number) return;
    const std::size_t at = filter_.size();
    jump(BPF_JEQ, *number, 0, 0);
    look();
    const std::size_t skipped = filter_.size() - at - 1;
    ASSERT(skipped <= 0xff);
    filter_[at].jf = static_cast<std::uint8_t>(skipped);
  }
  SyscallFilter take() { return std::move(filter_); }

 private:
  void add(unsigned code, std::uint32_t value) {
    filter_.push_back(BPF_STMT(static_cast<std::uint16_t>(code), value));
  }
  void jump(unsigned test, std::uint32_t value, std::uint8_t if_true, std::uint8_t if_false) {
    filter_.push_back(
        {static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), if_true, if_false, value});
  }
  SyscallFilter filter_;
};

void look_at_sockets(FilterWriter& filter, std::uint32_t refusal) {
  filter.look_at("socket", [&] {
    filter.load(argument(2));
    filter.end_if_greater(kMostProtocol, error(EPROTONOSUPPORT));
    filter.load(argument(0));
    for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}) {
      filter.end_if_equal(static_cast<std::uint32_t>(family), kAllow);
    }
    filter.end(refusal);
  });
}

// Memory that can be written and executed.
void look_at_protection(FilterWriter& filter, std::string_view call) {
  filter.look_at(call, [&] {
    filter.load(argument(2));
    filter.keep_bits(PROT_WRITE | PROT_EXEC);
    filter.end_if_equal(PROT_WRITE | PROT_EXEC, kRefuse);
    filter.end(kAllow);
  });
}

void look_at_server_arguments(FilterWriter& filter) {
  look_at_sockets(filter, kRefuse);
  filter.look_at("clone", [&] {
    filter.load(argument(0));
    filter.end_if_any_bit(kNamespaces, kRefuse);
    filter.end_unless_any_bit(CLONE_THREAD, kRefuse);
    filter.end(kAllow);
  });
  look_at_protection(filter, "mmap");
  look_at_protection(filter, "mprotect");
  filter.look_at("ioctl", [&] {
    filter.load(argument(1));
    for (const int request :
         {FIONBIO, FIONREAD, FIOCLEX, SIOCOUTQ, TCGETS, TIOCGWINSZ, SIOCGIFINDEX, SIOCGIFNAME}) {
      filter.end_if_equal(static_cast<std::uint32_t>(request), kAllow);
    }
    filter.end(kRefuse);
  });
  filter.look_at("prctl", [&] {
    filter.load(argument(0));
    for (const int option : {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_SET_DUMPABLE,
                             PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_SET_VMA}) {
      filter.end_if_equal(static_cast<std::uint32_t>(option), kAllow);
    }
    filter.end(kRefuse);
  });
}

void look_at_program_arguments(FilterWriter& filter) {
  // Programs try families that there may not be, and take that for an answer.
  look_at_sockets(filter, error(EAFNOSUPPORT));
  filter.look_at("clone", [&] {
    filter.load(argument(0));
    filter.end_if_any_bit(kNamespaces, kRefuse);
    filter.end(kAllow);
  });
  // The start of a program in its cgroup; programs themselves do not get it.
  filter.look_at("clone3", [&] { filter.end(kAllow); });
  filter.look_at("ioctl", [&] {
    filter.load(argument(1));
    for (const int request : {TIOCSTI, TIOCLINUX, TIOCSETD}) {
      filter.end_if_equal(static_cast<std::uint32_t>(request), kRefuse);
    }
    filter.end(kAllow);
  });
  filter.look_at("personality", [&] {
    filter.load(argument(0));
    filter.end_if_equal(0, kAllow);
    filter.end_if_equal(kAnyPersonality, kAllow);
    filter.end(kRefuse);
  });
}

// Landlock keeps programs from signalling and tracing others, but lets whoever is the same user
// take their descriptors, CPUs and turns away: those of the server, too. 0 is the caller itself.
void look_at_other_processes(FilterWriter& filter) {
  filter.look_at("prlimit64", [&] {
    filter.load(argument(0));
    filter.end_if_equal(0, kAllow);
    // Both halves of the pointer to new limits: asking for those of others changes nothing.
    filter.load(argument(2));
    filter.end_unless_equal(0, error(EPERM));
    filter.load(argument(2) + sizeof(std::uint32_t));
    filter.end_unless_equal(0, error(EPERM));
    filter.end(kAllow);
  });
  for (const std::string_view call :
       {"sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr"}) {
    filter.look_at(call, [&] {
      filter.load(argument(0));
      filter.end_unless_equal(0, error(EPERM));
      filter.end(kAllow);
    });
  }
  for (const auto& [call, all_of_user] :
       {std::pair("setpriority", std::uint32_t{PRIO_USER}), std::pair("ioprio_set", kIoOfUser)}) {
    filter.look_at(call, [&, all = all_of_user] {
      filter.load(argument(0));
      filter.end_if_equal(all, error(EPERM));
      filter.load(argument(1));
      filter.end_unless_equal(0, error(EPERM));
      filter.end(kAllow);
    });
  }
}

// Whoever runs a file with such a mode is its owner, and outside of the sandbox.
void look_at_modes(FilterWriter& filter) {
  const auto look_at_mode = [&](int index) {
    filter.load(argument(index));
    filter.end_if_any_bit(kSetIds, error(EPERM));
    filter.end(kAllow);
  };
  for (const auto& [call, flags] : {std::pair("open", 1), std::pair("openat", 2)}) {
    filter.look_at(call, [&, at = flags] {
      filter.load(argument(at));
      filter.end_unless_any_bit(kMakesFile, kAllow);
      look_at_mode(at + 1);
    });
  }
  for (const auto& [call, mode] :
       {std::pair("creat", 1), std::pair("chmod", 1), std::pair("fchmod", 1),
        std::pair("fchmodat", 2), std::pair("fchmodat2", 2), std::pair("mkdir", 1),
        std::pair("mkdirat", 2), std::pair("mknod", 1), std::pair("mknodat", 2)}) {
    filter.look_at(call, [&, at = mode] { look_at_mode(at); });
  }
}

// Whose parent would be the server, which waits for nobody that it has not started.
void look_at_siblings(FilterWriter& filter) {
  filter.look_at("clone", [&] {
    filter.load(argument(0));
    filter.end_if_any_bit(CLONE_PARENT, error(EPERM));
    filter.end(kAllow);
  });
}

constexpr int kFromSeccomp = 1;  // SYS_SECCOMP of the kernel's <asm/siginfo.h>

// Read by the handler of a signal, which has no other way to know: to whom refused calls are
// reported. -1: to nobody.
std::atomic<int> report_to{-1};

void set_result(ucontext_t& context, int result) {
#if defined(__x86_64__)
  context.uc_mcontext.gregs[REG_RAX] = result;
#elif defined(__aarch64__)
  context.uc_mcontext.regs[0] = static_cast<unsigned long long>(result);
#else
  (void)context;
  (void)result;
#endif
}

void on_refused(int, siginfo_t* info, void* context) {
  if (info->si_code != kFromSeccomp) return;  // somebody's kill()
  const int before = errno;
  const int number = info->si_syscall;
  (void)!::write(report_to.load(std::memory_order_relaxed), &number, sizeof number);
  set_result(*static_cast<ucontext_t*>(context), -EPERM);
  errno = before;
}

}  // namespace

SyscallFilter server_filter() {
  FilterWriter filter;
  filter.begin();
  filter.end_if_unknown();
  filter.end_at(kAbsentCalls, error(ENOSYS));
  // The C library makes its threads with clone instead, whose flags can be seen.
  filter.look_at("clone3", [&] { filter.end(error(ENOSYS)); });
  look_at_server_arguments(filter);
  filter.end_at(kServerCalls, kAllow);
  filter.end(kRefuse);
  return filter.take();
}

SyscallFilter server_with_programs_filter() {
  FilterWriter filter;
  filter.begin();
  filter.end_if_unknown();
  filter.end_at(kAbsentCalls, error(ENOSYS));
  look_at_program_arguments(filter);
  filter.end_at(kServerCalls, kAllow);
  filter.end_at(kProgramCalls, kAllow);
  filter.end(kRefuse);
  return filter.take();
}

SyscallFilter no_rings_filter() {
  FilterWriter filter;
  filter.begin();
  filter.end_at(kAbsentCalls, error(ENOSYS));
  filter.end(kAllow);
  return filter.take();
}

SyscallFilter program_filter(bool network) {
  FilterWriter filter;
  filter.begin();
  filter.end_if_unknown();
  filter.end_at(kBlindCalls, error(ENOSYS));
  look_at_modes(filter);
  look_at_siblings(filter);
  look_at_other_processes(filter);
  if (!network) {
    filter.look_at("socket", [&] {
      filter.load(argument(0));
      filter.end_if_equal(AF_UNIX, kAllow);
      filter.end_if_equal(AF_NETLINK, kAllow);
      filter.load(argument(1));
      filter.keep_bits(kSocketType);
      filter.end_if_equal(SOCK_DGRAM, kAllow);
      filter.end(error(EACCES));
    });
  }
  filter.end(kAllow);
  return filter.take();
}

bool knows_seccomp() {
#if defined(UVHTTPD_HAS_SANITIZER) || defined(UVHTTPD_HAS_NO_FILTER)
  return false;
#else
  return true;
#endif
}

bool has_seccomp() {
  const std::uint32_t action = SECCOMP_RET_TRAP;
  return knows_seccomp() && ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

Result<void> apply(const SyscallFilter& filter) {
  constexpr char kDoing[] = "filtering system calls";
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return Unexpected(Error::from_errno(errno, "giving up new privileges"));
  }
  SyscallFilter copy = filter;
  const sock_fprog program{static_cast<unsigned short>(copy.size()), copy.data()};
  const long failed =
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
  if (failed < 0) return Unexpected(Error::from_errno(errno, kDoing));
  if (failed > 0) return Unexpected(Error{std::string(kDoing) + ": a thread has its own", EBUSY});
  return {};
}

std::string_view syscall_name(int number) {
  for (const NamedCall& call : kCalls) {
    if (static_cast<int>(call.number) == number) return call.name;
  }
  return {};
}

RefusedCalls::RefusedCalls(EventLoop& loop, Log& log) : log_(log) {
  int ends[2];
  ASSERT(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
  reports_.reset(ends[0]);
  reporting_.reset(ends[1]);
  watcher_.emplace(
      loop, reports_.get(),
      [](void* self, unsigned) { static_cast<RefusedCalls*>(self)->on_readable(); }, this);
  watcher_->watch(ready::kReadable);
  report_to.store(reporting_.get());
  struct sigaction action {};
  action.sa_sigaction = on_refused;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART;
  ASSERT(::sigaction(SIGSYS, &action, nullptr) == 0);
}

RefusedCalls::~RefusedCalls() {
  std::signal(SIGSYS, SIG_DFL);
  report_to.store(-1);
}

void RefusedCalls::on_readable() {
  int number = 0;
  while (::read(reports_.get(), &number, sizeof number) == sizeof number) {
    if (!told_.insert(number).second) continue;
    const std::string_view name = syscall_name(number);
    log_.error("sandbox", "the system call {} ({}) was refused",
               name.empty() ? "of an unknown name" : name, number);
  }
}

}  // namespace uvhttpd
