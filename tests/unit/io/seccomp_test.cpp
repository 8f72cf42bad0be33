// SPDX-License-Identifier: MIT
// unit/io/seccomp_test.cpp: filters in a process of its own, and what they refuse.
#include "io/seccomp.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <sched.h>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "support/in_child.h"
#include "support/temp_dir.h"

namespace uvhttpd {
namespace {

constexpr int kNotApplied = 255;
constexpr int kDied = 1000;

// The errno of what `act` does under the filter; 0: it could; kDied: it was ended by SIGSYS.
template <class Act>
int under(const SyscallFilter& filter, Act&& act) {
  const tests::ChildEnd end = tests::in_child([&] {
    if (!apply(filter)) return kNotApplied;
    errno = 0;
    return act() ? 0 : errno;
  });
  if (end.signal == SIGSYS) return kDied;
  REQUIRE(end.signal == 0);
  REQUIRE(end.status != kNotApplied);
  return end.status;
}

bool is_here() {
  if (has_seccomp()) return true;
  MESSAGE("this build or this kernel has no filters");
  return false;
}

bool opens_socket(int family, int type, int protocol = 0) {
  return static_cast<bool>(UniqueFd(::socket(family, type | SOCK_CLOEXEC, protocol)));
}

bool maps(int protection) {
  return ::mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

bool runs_true() {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/bin/true", "true", nullptr);
    ::_exit(1);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

using Act = bool (*)();
struct Row {
  const char* name;
  Act act;
  int server;    // what comes of it
  int programs;  // where there are programs
};

constexpr int kMptcp = 262;

const Row kRows[] = {
    {"a file", [] { return ::open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0; }, 0, 0},
    {"TCP", [] { return opens_socket(AF_INET, SOCK_STREAM); }, 0, 0},
    {"a Unix socket", [] { return opens_socket(AF_UNIX, SOCK_DGRAM); }, 0, 0},
    {"packets of a link", [] { return opens_socket(AF_PACKET, SOCK_RAW); }, kDied, EAFNOSUPPORT},
    {"virtual machines' sockets", [] { return opens_socket(AF_VSOCK, SOCK_STREAM); }, kDied,
     EAFNOSUPPORT},
    {"MPTCP", [] { return opens_socket(AF_INET, SOCK_STREAM, kMptcp); }, EPROTONOSUPPORT,
     EPROTONOSUPPORT},
    {"a thread",
     [] {
       std::thread([] {}).join();
       return true;
     },
     0, 0},
    {"a program", runs_true, kDied, 0},
    {"memory to write", [] { return maps(PROT_READ | PROT_WRITE); }, 0, 0},
    {"memory to write and run", [] { return maps(PROT_WRITE | PROT_EXEC); }, kDied, 0},
    {"tracing", [] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0; }, kDied, kDied},
    {"namespaces", [] { return ::unshare(CLONE_NEWUSER) == 0; }, kDied, kDied},
    {"a process in a namespace",
     [] { return ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) > 0; }, kDied, kDied},
    {"keys", [] { return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0) >= 0; }, kDied, kDied},
    {"mounting", [] { return ::syscall(SYS_umount2, "/none", 0) == 0; }, kDied, kDied},
    {"the kernel's programs", [] { return ::syscall(SYS_bpf, 0, 0, 0) == 0; }, kDied, kDied},
    {"typing for somebody",
     [] {
       char c = 0;
       return ::ioctl(0, TIOCSTI, &c) == 0;
     },
     kDied, kDied},
    {"rings", [] { return ::syscall(SYS_io_uring_setup, 1, nullptr) >= 0; }, ENOSYS, ENOSYS},
    {"a call that is not there yet", [] { return ::syscall(4000) >= 0; }, ENOSYS, ENOSYS},
};

}  // namespace

TEST_CASE("server_filter and server_with_programs_filter refuse what is not in their lists") {
  if (!is_here()) return;
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    CHECK(under(server_filter(), row.act) == row.server);
    CHECK(under(server_with_programs_filter(), row.act) == row.programs);
  }
}

TEST_CASE("no_rings_filter takes io_uring away and nothing else") {
  if (!is_here()) return;
  const auto ring = [] { return ::syscall(SYS_io_uring_setup, 1, nullptr) >= 0; };
  const auto udp = [] { return opens_socket(AF_INET, SOCK_DGRAM); };
  CHECK(under(no_rings_filter(), ring) == ENOSYS);
  CHECK(under(no_rings_filter(), udp) == 0);
}

TEST_CASE("program_filter keeps a program from limiting and slowing down others of its user") {
  if (!is_here()) return;
  const pid_t parent = ::getpid();
  const rlimit none{0, 0};
  const sched_param param{};
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(0, &cpus);
  constexpr int kIoOfProcess = 1, kIoOfUser = 3, kIdle = 3 << 13;
  struct Row {
    const char* what;
    bool (*on)(pid_t process, const rlimit& none, const sched_param& param, const cpu_set_t& cpus);
  };
  const Row rows[] = {
      {"prlimit64",
       [](pid_t process, const rlimit& limit, const sched_param&, const cpu_set_t&) {
         return ::syscall(SYS_prlimit64, process, RLIMIT_CORE, &limit, nullptr) == 0;
       }},
      {"sched_setaffinity",
       [](pid_t process, const rlimit&, const sched_param&, const cpu_set_t& set) {
         return ::sched_setaffinity(process, sizeof set, &set) == 0;
       }},
      {"sched_setscheduler",
       [](pid_t process, const rlimit&, const sched_param& settings, const cpu_set_t&) {
         return ::sched_setscheduler(process, SCHED_OTHER, &settings) == 0;
       }},
      {"sched_setparam",
       [](pid_t process, const rlimit&, const sched_param& settings, const cpu_set_t&) {
         return ::sched_setparam(process, &settings) == 0;
       }},
      {"setpriority",
       [](pid_t process, const rlimit&, const sched_param&, const cpu_set_t&) {
         return ::setpriority(PRIO_PROCESS, static_cast<id_t>(process), 19) == 0;
       }},
      {"ioprio_set", [](pid_t process, const rlimit&, const sched_param&, const cpu_set_t&) {
         return ::syscall(SYS_ioprio_set, kIoOfProcess, process, kIdle) == 0;
       }}};
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto on = [&](pid_t process) {
      return [=] { return row.on(process, none, param, cpus); };
    };
    CHECK(under(program_filter(true), on(0)) == 0);
    CHECK(under(program_filter(true), on(parent)) == EPERM);
    CHECK(under(program_filter(false), on(parent)) == EPERM);
  }
  CHECK(under(program_filter(true), [] { return ::setpriority(PRIO_USER, 0, 19) == 0; }) == EPERM);
  CHECK(under(program_filter(true),
              [] { return ::syscall(SYS_ioprio_set, kIoOfUser, 0, kIdle) == 0; }) == EPERM);
  rlimit seen{};
  CHECK(under(program_filter(true), [&] {
          return ::syscall(SYS_prlimit64, parent, RLIMIT_CORE, nullptr, &seen) == 0;
        }) == 0);
}

TEST_CASE("program_filter lets a program make no file that runs as its owner") {
  if (!is_here()) return;
  const tests::TempDir dir;
  dir.write("file", "");
  const std::string file = dir / "file";
  const std::string fresh = dir / "fresh";
  struct Paths {
    const char* directory;
    const char* file;   // is there
    const char* fresh;  // is not
  };
  const Paths paths{dir.path().c_str(), file.c_str(), fresh.c_str()};
  constexpr int kFchmodat2 = 452;
  struct Row {
    const char* what;
    bool (*with)(const Paths& paths, mode_t mode);
  };
  const Row rows[] = {
#if defined(__x86_64__)
    {"chmod",
     [](const Paths& on, mode_t mode) { return ::syscall(SYS_chmod, on.file, mode) == 0; }},
    {"mkdir",
     [](const Paths& on, mode_t mode) { return ::syscall(SYS_mkdir, on.fresh, mode) == 0; }},
    {"mknod", [](const Paths& on,
                 mode_t mode) { return ::syscall(SYS_mknod, on.fresh, S_IFREG | mode, 0) == 0; }},
    {"creat",
     [](const Paths& on, mode_t mode) { return ::syscall(SYS_creat, on.fresh, mode) >= 0; }},
    {"open",
     [](const Paths& on, mode_t mode) {
       return ::syscall(SYS_open, on.fresh, O_WRONLY | O_CREAT, mode) >= 0;
     }},
    {"open, nameless",
     [](const Paths& on, mode_t mode) {
       return ::syscall(SYS_open, on.directory, O_WRONLY | O_TMPFILE, mode) >= 0;
     }},
#endif
    {"fchmod",
     [](const Paths& on, mode_t mode) {
       const UniqueFd opened(::open(on.file, O_RDONLY | O_CLOEXEC));
       return ::fchmod(opened.get(), mode) == 0;
     }},
    {"fchmodat", [](const Paths& on,
                    mode_t mode) { return ::syscall(SYS_fchmodat, AT_FDCWD, on.file, mode) == 0; }},
    {"mkdirat",
     [](const Paths& on, mode_t mode) { return ::mkdirat(AT_FDCWD, on.fresh, mode) == 0; }},
    {"mknodat", [](const Paths& on,
                   mode_t mode) { return ::mknodat(AT_FDCWD, on.fresh, S_IFREG | mode, 0) == 0; }},
    {"openat",
     [](const Paths& on, mode_t mode) {
       return ::syscall(SYS_openat, AT_FDCWD, on.fresh, O_WRONLY | O_CREAT, mode) >= 0;
     }},
    {"openat, nameless",
     [](const Paths& on, mode_t mode) {
       return ::syscall(SYS_openat, AT_FDCWD, on.directory, O_WRONLY | O_TMPFILE, mode) >= 0;
     }}
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    for (const mode_t mode : {0700u, 01700u, 04700u, 02700u, 06755u}) {
      CAPTURE(mode);
      const int expected = (mode & (S_ISUID | S_ISGID)) == 0 ? 0 : EPERM;
      CHECK(under(program_filter(true), [&] { return row.with(paths, mode); }) == expected);
      std::filesystem::remove(fresh);
    }
  }
  // Without a file to make, the mode is whatever is left in a register.
  CHECK(under(program_filter(true), [&] {
          return ::syscall(SYS_openat, AT_FDCWD, file.c_str(), O_RDONLY, 06755) >= 0;
        }) == 0);
  const auto at = [&](mode_t mode) {
    return under(program_filter(true), [&] {
      return ::syscall(kFchmodat2, AT_FDCWD, file.c_str(), mode, AT_SYMLINK_NOFOLLOW) == 0;
    });
  };
  CHECK((at(04755) == EPERM || at(04755) == ENOSYS));
  CHECK(under(program_filter(true),
              [] { return ::syscall(SYS_openat2, AT_FDCWD, nullptr, nullptr, 0) >= 0; }) == ENOSYS);
}

TEST_CASE("program_filter lets a program start nobody for its parent to wait for") {
  if (!is_here()) return;
  const auto starts = [](unsigned long flags) {
    return [=] {
      const long pid = ::syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
      if (pid == 0) ::_exit(0);
      return pid > 0;
    };
  };
  CHECK(under(program_filter(true), starts(0)) == 0);
  CHECK(under(program_filter(true), starts(CLONE_PARENT)) == EPERM);
}

TEST_CASE("program_filter takes clone3 and connections away and nothing else") {
  if (!is_here()) return;
  const auto clone3 = [] { return ::syscall(SYS_clone3, nullptr, 0) >= 0; };
  const auto tcp = [] { return opens_socket(AF_INET6, SOCK_STREAM); };
  const auto udp = [] { return opens_socket(AF_INET, SOCK_DGRAM); };
  const auto local = [] { return opens_socket(AF_UNIX, SOCK_STREAM); };
  CHECK(under(program_filter(false), clone3) == ENOSYS);
  CHECK(under(program_filter(false), tcp) == EACCES);
  CHECK(under(program_filter(false), udp) == 0);
  CHECK(under(program_filter(false), local) == 0);
  CHECK(under(program_filter(true), clone3) == ENOSYS);
  CHECK(under(program_filter(true), tcp) == 0);
}

TEST_CASE("RefusedCalls makes a refused call fail and tells the log once") {
  if (!is_here()) return;
  const tests::ChildEnd end = tests::in_child([] {
    std::vector<std::string> lines;
    Log log;
    log.keep_in(lines);
    EventLoop loop;
    RefusedCalls refused(loop, log);
    if (!apply(server_filter())) return 1;
    for (int i = 0; i < 3; ++i) {
      if (::syscall(SYS_keyctl, 0, 0, 0, 0, 0) != -1 || errno != EPERM) return 2;
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (lines.empty() && std::chrono::steady_clock::now() < deadline) loop.run_once();
    const std::string expected =
        "the system call keyctl (" + std::to_string(SYS_keyctl) + ") was refused";
    return lines == std::vector<std::string>{expected} ? 0 : 3;
  });
  CHECK(end.signal == 0);
  CHECK(end.status == 0);
}

TEST_CASE("syscall_name knows the calls of this machine") {
  CHECK(syscall_name(SYS_ptrace) == "ptrace");
  CHECK(syscall_name(100'000).empty());
}

}  // namespace uvhttpd
