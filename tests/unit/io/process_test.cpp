// SPDX-License-Identifier: MIT
// unit/io/process_test.cpp: child processes on a real loop.
#include "io/process.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>

#include "io/seccomp.h"
#include "support/in_child.h"

namespace uvhttpd {
namespace {

constexpr std::chrono::seconds kPatience{20};

// Turns the loop until the condition holds; false when it does not in time.
bool holds_soon(EventLoop& loop, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    loop.run_once();
  }
  return true;
}

Command shell(const std::string& script) {
  return {.program = "/bin/sh",
          .arguments = {"sh", "-c", script},
          .environment = {"PATH=/usr/bin:/bin"},
          .directory = -1,
          .input = -1,
          .identity = nullptr,
          .confinement = nullptr,
          .descriptors = 0,
          .cgroups = nullptr};
}

Spawned spawned(const Command& command) {
  Result<Spawned> result = spawn(command);
  REQUIRE_MESSAGE(result.has_value(), result.error().message);
  return *std::move(result);
}

// All that comes until the end of the pipe.
std::string read_all(const UniqueFd& pipe) {
  ::fcntl(pipe.get(), F_SETFL, 0);
  std::string all;
  char bytes[4096];
  for (ssize_t got = 0; (got = ::read(pipe.get(), bytes, sizeof bytes)) > 0;) {
    all.append(bytes, static_cast<std::size_t>(got));
  }
  return all;
}

std::string output_of(const Command& command) {
  Spawned child = spawned(command);
  child.input.reset();
  const std::string output = read_all(child.output);
  child.process.reap();
  return output;
}

bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

bool is_running(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(stat, line);
  const std::size_t name_end = line.rfind(')');
  return name_end != std::string::npos && line.at(name_end + 2) != 'Z';
}

// A number that the child writes in a line of its own.
pid_t read_pid(const UniqueFd& pipe) {
  ::fcntl(pipe.get(), F_SETFL, 0);
  std::string text;
  for (char c = 0; ::read(pipe.get(), &c, 1) == 1 && c != '\n';) text += c;
  return static_cast<pid_t>(std::stol(text));
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = "/tmp/uvhttpd-process-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }

  std::string write(const std::string& name, const std::string& content, mode_t mode) const {
    const std::string path = path_ + "/" + name;
    std::ofstream(path) << content;
    ::chmod(path.c_str(), mode);
    return path;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Counter {
  int reaped = 0;
  ProcessReaper::Bereaved bereaved() {
    return {std::shared_ptr<void>(this, [](void*) {}),
            [](void* self) { ++static_cast<Counter*>(self)->reaped; }};
  }
};

// A grandchild in a session and a group of its own says its number and outlives everybody.
constexpr char kEscape[] = "setsid sh -c 'echo $$; exec sleep 100' & ";

}  // namespace

TEST_CASE("spawn gives the child what the command says and nothing else") {
  CHECK(output_of(shell("echo hello")) == "hello\n");

  Command environment{.program = "/usr/bin/env",
                      .arguments = {"env"},
                      .environment = {"A=1", "B=two words"},
                      .directory = -1,
                      .input = -1,
                      .identity = nullptr,
                      .confinement = nullptr,
                      .descriptors = 0,
                      .cgroups = nullptr};
  ::setenv("UVHTTPD_TEST_LEAK", "yes", 1);
  CHECK(output_of(environment) == "A=1\nB=two words\n");

  const UniqueFd directory(::open("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC));
  Command there = shell("pwd");
  there.directory = directory.get();
  CHECK(output_of(there) == "/usr\n");
}

TEST_CASE("spawn leaves no descriptor but the three open") {
  const UniqueFd leaky(::open("/dev/null", O_RDONLY));  // without O_CLOEXEC
  // The listing's own descriptor is the fourth.
  CHECK(output_of(shell("ls /proc/self/fd | wc -l")) == "4\n");
}

TEST_CASE("a child has the soft limit of open files that its command says") {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  Command command = shell("ulimit -Sn; ulimit -Hn");
  command.descriptors = 256;
  CHECK(output_of(command) == "256\n" + std::to_string(before.rlim_max) + "\n");
  command.descriptors = RLIM_INFINITY;
  const std::string hard = std::to_string(before.rlim_max) + "\n";
  CHECK(output_of(command) == hard + hard);
  CHECK(output_of(shell("ulimit -Sn")) == std::to_string(before.rlim_cur) + "\n");
}

TEST_CASE("a child runs as whom its command says, and the parent stays who it is") {
  if (::geteuid() != 0) return;
  const auto identity = identity_of("nobody", "daemon");
  REQUIRE(identity.has_value());
  REQUIRE(identity->has_value());
  Command command =
      shell("id -u; id -g; id -G; echo by name > /dev/stdout; grep CapEff /proc/$$/status");
  command.identity = &**identity;
  CHECK(output_of(command) == "65534\n1\n1\nby name\nCapEff:\t0000000000000000\n");
  CHECK(::geteuid() == 0);
  CHECK(identity_of("no-such-user", "").error().message == "no user no-such-user");
  CHECK(identity_of("", "no-such-group").error().message == "no group no-such-group");
  CHECK_FALSE(identity_of("", "")->has_value());
}

TEST_CASE("a program that its user may not reach is not run") {
  if (::geteuid() != 0) return;
  const TemporaryDirectory directory;  // for its owner alone
  const std::string program = directory.write("program", "#!/bin/sh\n", 0755);
  const auto identity = identity_of("nobody", "");
  REQUIRE(identity.has_value());
  const UniqueFd opened(::open(directory.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  Command command{.program = program,
                  .arguments = {program},
                  .environment = {},
                  .directory = -1,
                  .input = -1,
                  .identity = nullptr,
                  .confinement = nullptr,
                  .descriptors = 0,
                  .cgroups = nullptr};
  command.identity = &**identity;
  CHECK(spawn(command).error().os_error == EACCES);
  command.directory = opened.get();
  const Result<Spawned> refused = spawn(command);
  CHECK(refused.error().os_error == EACCES);
  CHECK(refused.error().message.find("entering the directory") != std::string::npos);
  CHECK_FALSE(has_children());
}

TEST_CASE("spawn resets ignored and blocked signals") {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &blocked, &before);
  const std::string seen =
      output_of(shell("while read -r name value; do case $name in SigBlk:|SigIgn:) echo $value;; "
                      "esac; done < /proc/self/status"));
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  constexpr unsigned long long kOrdinary = 0x7fffffff;  // beyond are some of the C library's own
  const std::size_t line_end = seen.find('\n');
  REQUIRE(line_end != std::string::npos);
  CHECK((std::stoull(seen.substr(0, line_end), nullptr, 16) & kOrdinary) == 0);
  CHECK((std::stoull(seen.substr(line_end + 1), nullptr, 16) & kOrdinary) == 0);
}

TEST_CASE("the child leads a session of its own, so that it cannot leave its process group") {
  Spawned child = spawned(shell("echo $$; exec sleep 100"));
  CHECK(read_pid(child.output) == child.process.pid());
  CHECK(::getpgid(child.process.pid()) == child.process.pid());
  CHECK(::getsid(child.process.pid()) == child.process.pid());
  CHECK_FALSE(child.process.exited().has_value());
  child.process.kill_and_reap();
  CHECK_FALSE(has_children());
}

TEST_CASE("a descriptor given as input is the child's standard input") {
  const TemporaryDirectory directory;
  const UniqueFd file(::open(directory.write("body", "from a file", 0600).c_str(), O_RDONLY));
  Command command = shell("cat");
  command.input = file.get();
  Spawned child = spawned(command);
  CHECK_FALSE(child.input);
  CHECK(read_all(child.output) == "from a file");
  child.process.reap();
}

TEST_CASE("our ends of the pipes do not block, the child's do") {
  Spawned child = spawned(shell("read -r line; echo got $line"));
  char byte = 0;
  CHECK(::read(child.output.get(), &byte, 1) == -1);
  CHECK(errno == EAGAIN);
  CHECK(::write(child.input.get(), "it\n", 3) == 3);
  CHECK(read_all(child.output) == "got it\n");
  child.process.reap();
}

TEST_CASE("exited tells how the child ended and leaves it to be reaped") {
  EventLoop loop;
  const auto end_of = [&](const std::string& script) {
    Spawned child = spawned(shell(script));
    REQUIRE(holds_soon(loop, [&] { return child.process.exited().has_value(); }));
    const std::string text = child.process.exited()->text();
    child.process.reap();
    return text;
  };
  CHECK(end_of("exit 3") == "exit status 3");
  CHECK(end_of("kill -9 $$") == "signal 9 (Killed)");
}

TEST_CASE("spawn reports what cannot be executed with its errno") {
  const TemporaryDirectory directory;
  struct Row {
    const char* name;
    std::string program;
    int error;
    const char* says;
  };
  const std::string big(200'000, 'x');
  const Row rows[] = {
      {"missing", directory.path() + "/none", ENOENT, "No such file"},
      {"no interpreter", directory.write("a", "#!/no/such/shell\n", 0755), ENOENT,
       "interpreter that its first line names is missing"},
      {"not executable", directory.write("b", "#!/bin/sh\n", 0644), EACCES, "Permission denied"},
      {"neither binary nor script", directory.write("c", "echo\n", 0755), ENOEXEC, "#! line"},
      {"a directory", directory.path(), EACCES, "Permission denied"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Result<Spawned> result = spawn({.program = row.program,
                                          .arguments = {row.program},
                                          .environment = {},
                                          .directory = -1,
                                          .input = -1,
                                          .identity = nullptr,
                                          .confinement = nullptr,
                                          .descriptors = 0,
                                          .cgroups = nullptr});
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().os_error == row.error);
    CHECK(result.error().message.find(row.says) != std::string::npos);
    CHECK_FALSE(has_children());
  }
  Command too_big = shell("true");
  too_big.environment.push_back("X=" + big);
  CHECK(spawn(too_big).error().os_error == E2BIG);
}

TEST_CASE("the reaper collects a child that exits by itself and says so") {
  EventLoop loop;
  Counter counter;
  ProcessReaper reaper(loop);
  Spawned child = spawned(shell("exit 0"));
  reaper.await_exit(std::move(child.process), nullptr, std::chrono::seconds(60),
                    counter.bereaved());
  CHECK(reaper.count() == 1);
  CHECK(holds_soon(loop, [&] { return counter.reaped == 1; }));
  CHECK(reaper.count() == 0);
  CHECK_FALSE(has_children());
}

TEST_CASE("the reaper leaves what a finished child has put in the background alone") {
  EventLoop loop;
  Counter counter;
  ProcessReaper reaper(loop);
  Spawned child = spawned(shell("sleep 100 >/dev/null 2>&1 & echo $!"));
  const pid_t background = read_pid(child.output);
  reaper.await_exit(std::move(child.process), nullptr, std::chrono::seconds(60),
                    counter.bereaved());
  CHECK(holds_soon(loop, [&] { return counter.reaped == 1; }));
  CHECK(is_running(background));
  ::kill(background, SIGKILL);
}

TEST_CASE("a child that outstays the reaper's patience is ended") {
  EventLoop loop;
  Counter counter;
  ProcessReaper reaper(loop);
  Spawned child = spawned(shell("exec sleep 100"));
  reaper.await_exit(std::move(child.process), nullptr, std::chrono::milliseconds(20),
                    counter.bereaved());
  CHECK(holds_soon(loop, [&] { return counter.reaped == 1; }));
  CHECK_FALSE(has_children());
}

TEST_CASE("how a child ended is told once") {
  EventLoop loop;
  Counter counter;
  std::vector<std::string> told;
  const auto tell = [&told](const std::optional<Process::Exit>& exit) {
    told.push_back(exit ? exit->text() : "it goes on");
  };
  using Texts = std::vector<std::string>;
  SUBCASE("when it has ended before") {
    ProcessReaper reaper(loop);
    Spawned child = spawned(shell("exit 3"));
    CHECK(child.process.ends_within(kPatience));
    reaper.await_exit(std::move(child.process), nullptr, kPatience, counter.bereaved(), tell);
    CHECK(told == Texts{"exit status 3"});
    CHECK(holds_soon(loop, [&] { return counter.reaped == 1; }));
    CHECK(told.size() == 1);
  }
  SUBCASE("when it ends a moment later") {
    ProcessReaper reaper(loop);
    Spawned child = spawned(shell("read -r line; kill -SEGV $$"));
    reaper.await_exit(std::move(child.process), nullptr, kPatience, counter.bereaved(), tell);
    CHECK(told.empty());
    child.input.reset();
    CHECK(holds_soon(loop, [&] { return counter.reaped == 1; }));
    CHECK(told == Texts{"signal 11 (Segmentation fault)"});
  }
  SUBCASE("when it ended while the loop was late") {
    ProcessReaper reaper(loop);
    Spawned child = spawned(shell("read -r line; exit 3"));
    const int pidfd = ::dup(child.process.pidfd());
    reaper.await_exit(std::move(child.process), nullptr, kPatience, counter.bereaved(), tell);
    child.input.reset();
    pollfd exit{pidfd, POLLIN, 0};
    CHECK(::poll(&exit, 1, 20'000) == 1);
    const auto late = std::chrono::steady_clock::now() + ProcessReaper::kEndWait;
    while (std::chrono::steady_clock::now() <= late) {
    }
    CHECK(holds_soon(loop, [&] { return counter.reaped == 1; }));
    CHECK(told == Texts{"exit status 3"});
    ::close(pidfd);
  }
  SUBCASE("that it goes on, when it does, and its patience goes on too") {
    ProcessReaper reaper(loop);
    Spawned child = spawned(shell("read -r line; exit 3"));
    reaper.await_exit(std::move(child.process), nullptr, kPatience, counter.bereaved(), tell);
    CHECK(holds_soon(loop, [&] { return !told.empty(); }));
    CHECK(counter.reaped == 0);
    child.input.reset();
    CHECK(holds_soon(loop, [&] { return counter.reaped == 1; }));
    CHECK(told == Texts{"it goes on"});
  }
  SUBCASE("before it is ended for want of patience") {
    ProcessReaper reaper(loop);
    Spawned child = spawned(shell("exec sleep 100"));
    const Duration patience = ProcessReaper::kEndWait + Duration{20};
    reaper.await_exit(std::move(child.process), nullptr, patience, counter.bereaved(), tell);
    CHECK(holds_soon(loop, [&] { return counter.reaped == 1; }));
    CHECK(told == Texts{"it goes on"});
  }
  SUBCASE("when the reaper dies") {
    {
      ProcessReaper reaper(loop);
      Spawned child = spawned(shell("exec >&-; exit 3"));
      CHECK(read_all(child.output).empty());
      reaper.await_exit(std::move(child.process), nullptr, kPatience, counter.bereaved(), tell);
    }
    CHECK(told == Texts{"exit status 3"});
  }
  CHECK_FALSE(has_children());
}

TEST_CASE("end takes the whole group along, also a grandchild that ignores TERM") {
  EventLoop loop;
  Counter counter;
  ProcessReaper reaper(loop);
  Spawned child = spawned(
      shell("(trap '' TERM; echo $(exec sh -c 'echo $PPID'); sleep 100; sleep 100) & wait"));
  const pid_t grandchild = read_pid(child.output);
  REQUIRE(is_running(grandchild));
  reaper.end(std::move(child.process), nullptr, counter.bereaved());
  CHECK(holds_soon(loop, [&] { return counter.reaped == 1; }));
  CHECK(holds_soon(loop, [&] { return !is_running(grandchild); }));
  CHECK_FALSE(has_children());
}

TEST_CASE("a program that lacks descriptors is not started at all") {
  constexpr std::size_t kEnough = 12;
  constexpr int kStarted = 1, kRefused = 2, kTooLate = 3;
  const Identity itself{::geteuid(), ::getegid(), {}};
  for (const Identity* identity : {static_cast<const Identity*>(nullptr), &itself}) {
    if (identity != nullptr && ::geteuid() != 0) continue;
    CAPTURE(identity != nullptr);
    int last = kRefused;
    for (std::size_t free = 0; free <= kEnough; ++free) {
      CAPTURE(free);
      const tests::ChildEnd end = tests::in_child([&] {
        EventLoop loop;
        ProcessReaper reaper(loop);
        Log log;
        Command command = shell("read -r line");
        command.identity = identity;
        command.cgroups = reaper.cgroups(log);
        std::vector<UniqueFd> all = tests::all_descriptors();
        all.resize(all.size() - free);
        const Result<Spawned> result = spawn(command);
        if (result) return kStarted;
        if (result.error().os_error != EMFILE) return kTooLate;
        return result.error().message.starts_with("making a ") ? kRefused : kTooLate;
      });
      CHECK(end.status != kTooLate);
      CHECK(end.signal == 0);
      last = end.status;
    }
    CHECK(last == kStarted);
  }
}

TEST_CASE("a program is watched from its first moment also where there is no clone3") {
  if (!has_seccomp()) return;
  const tests::ChildEnd end = tests::in_child([] {
    if (!apply(program_filter(true))) return 1;  // which takes it away
    const Result<Spawned> started = spawn(shell("exit 0"));
    if (!started || started->process.pidfd() < 0) return 2;
    if (!started->process.ends_within(kPatience)) return 3;
    std::vector<UniqueFd> all = tests::all_descriptors();
    all.resize(all.size() - 6);  // for the pipes, and none besides
    const Result<Spawned> lacking = spawn(shell("exit 0"));
    return !lacking && lacking.error().message.starts_with("making a process") ? 0 : 4;
  });
  CHECK(end.status == 0);
}

TEST_CASE("a leader that ignores TERM is killed") {
  EventLoop loop;
  Counter counter;
  ProcessReaper reaper(loop);
  Spawned child = spawned(shell("trap '' TERM; echo $$; while :; do sleep 100; done"));
  const pid_t leader = read_pid(child.output);
  reaper.end(std::move(child.process), nullptr, counter.bereaved());
  CHECK(holds_soon(loop, [&] { return counter.reaped == 1; }));
  CHECK_FALSE(is_running(leader));
  CHECK_FALSE(has_children());
}

TEST_CASE("who has left the group is ended with the cgroup") {
  EventLoop loop;
  Log log;
  Counter counter;
  ProcessReaper reaper(loop);
  Command command = shell(std::string(kEscape) + "wait");
  command.cgroups = reaper.cgroups(log);
  if (command.cgroups == nullptr) return;  // none can be made here
  Spawned child = spawned(command);
  const pid_t escaped = read_pid(child.output);
  REQUIRE(is_running(escaped));
  CHECK(::getpgid(escaped) != child.process.pid());
  reaper.end(std::move(child.process), nullptr, counter.bereaved());
  CHECK(holds_soon(loop, [&] { return counter.reaped == 1; }));
  CHECK(holds_soon(loop, [&] { return !is_running(escaped); }));
  CHECK(holds_soon(loop, [&] { return command.cgroups->sweep(); }));
  CHECK_FALSE(has_children());
}

TEST_CASE("a lack of descriptors does not do away with cgroups for good") {
  Log log;
  EventLoop unhampered_loop;
  const bool has_cgroups = ProcessReaper(unhampered_loop).cgroups(log) != nullptr;
  enum { fine, not_lacking, other_error, others_than_ever };
  const tests::ChildEnd end = tests::in_child([&] {
    EventLoop loop;
    ProcessReaper reaper(loop);
    std::vector<UniqueFd> all = tests::all_descriptors();
    if (reaper.cgroups(log) != nullptr) return not_lacking;
    const Result<std::string> own = own_cgroup_directory();
    if (own || own.error().os_error != EMFILE) return other_error;
    all.clear();
    return (reaper.cgroups(log) != nullptr) == has_cgroups ? fine : others_than_ever;
  });
  CHECK(end.status == fine);
}

TEST_CASE("a cgroup is removed when what the program left in the background has ended") {
  EventLoop loop;
  Log log;
  Counter counter;
  ProcessReaper reaper(loop);
  Command command = shell("sleep 100 >/dev/null 2>&1 & echo $!");
  command.cgroups = reaper.cgroups(log);
  if (command.cgroups == nullptr) return;
  Spawned child = spawned(command);
  const pid_t background = read_pid(child.output);
  reaper.await_exit(std::move(child.process), nullptr, std::chrono::seconds(60),
                    counter.bereaved());
  CHECK(holds_soon(loop, [&] { return counter.reaped == 1; }));
  CHECK(is_running(background));
  CHECK_FALSE(command.cgroups->sweep());
  ::kill(background, SIGKILL);
  CHECK(holds_soon(loop, [&] { return command.cgroups->sweep(); }));
}

TEST_CASE("a reaper that dies takes those along who have left the group") {
  EventLoop loop;
  Log log;
  Counter counter;
  pid_t escaped = 0;
  {
    ProcessReaper reaper(loop);
    Command command = shell(std::string(kEscape) + "wait");
    command.cgroups = reaper.cgroups(log);
    if (command.cgroups == nullptr) return;
    Spawned child = spawned(command);
    escaped = read_pid(child.output);
    reaper.await_exit(std::move(child.process), nullptr, std::chrono::seconds(60),
                      counter.bereaved());
  }
  CHECK_FALSE(is_running(escaped));
  CHECK_FALSE(has_children());
}

TEST_CASE("who waits for a child's end lives until then") {
  EventLoop loop;
  ProcessReaper& reaper = loop.object<ProcessReaper>();
  CHECK(&reaper == &loop.object<ProcessReaper>());
  auto counter = std::make_shared<Counter>();
  const std::weak_ptr<Counter> seen = counter;
  Spawned child = spawned(shell("read -r line"));
  reaper.await_exit(
      std::move(child.process), nullptr, std::chrono::seconds(60),
      {std::move(counter), [](void* self) { ++static_cast<Counter*>(self)->reaped; }});
  CHECK_FALSE(seen.expired());
  child.input.reset();
  CHECK(holds_soon(loop, [&] { return seen.expired(); }));
  CHECK(reaper.count() == 0);
}

TEST_CASE("a reaper that dies takes its children along") {
  EventLoop loop;
  Counter counter;
  pid_t grandchild = 0;
  {
    ProcessReaper reaper(loop);
    Spawned first = spawned(shell("trap '' TERM; sh -c 'echo $$; exec sleep 100' & wait"));
    grandchild = read_pid(first.output);
    reaper.end(std::move(first.process), nullptr, counter.bereaved());
    Spawned second = spawned(shell("exec sleep 100"));
    reaper.await_exit(std::move(second.process), nullptr, std::chrono::seconds(60),
                      counter.bereaved());
  }
  CHECK(counter.reaped == 0);
  CHECK(holds_soon(loop, [&] { return !is_running(grandchild); }));
  CHECK_FALSE(has_children());
}

TEST_CASE("a reaper that dies lets a child finish that is about to") {
  const TemporaryDirectory directory;
  EventLoop loop;
  Counter counter;
  {
    ProcessReaper reaper(loop);
    Spawned child = spawned(shell("exec >&-; sleep 0.02; echo done > " + directory.path() + "/it"));
    CHECK(read_all(child.output).empty());
    reaper.await_exit(std::move(child.process), nullptr, std::chrono::seconds(60),
                      counter.bereaved());
  }
  CHECK(std::filesystem::exists(directory.path() + "/it"));
  CHECK_FALSE(has_children());
}

TEST_CASE("a process that is dropped is killed and reaped") {
  { Spawned child = spawned(shell("exec sleep 100")); }
  CHECK_FALSE(has_children());
}

namespace {

std::string logged(const std::string& script) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  EventLoop loop;
  Log log;
  REQUIRE(log.open(path, LogLevel::info).has_value());
  Spawned child = spawned(shell(script));
  {
    ErrorLines lines(loop, log, std::move(child.errors), "7-1", "prog: ");
    REQUIRE(holds_soon(loop, [&] { return child.process.exited().has_value(); }));
  }
  child.process.reap();
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

std::size_t count_lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("ErrorLines logs each line with its prefix, and the last without its end") {
  const std::string log = logged("printf 'one\\n\\ntwo \\033[1m\\nthree' >&2");
  CHECK(count_lines(log) == 3);
  CHECK(log.find("warn 7-1: prog: one\n") != std::string::npos);
  CHECK(log.find("prog: two \\x1b[1m\n") != std::string::npos);
  CHECK(log.find("prog: three\n") != std::string::npos);
}

TEST_CASE("ErrorLines cuts long lines") {
  const std::string log =
      logged("head -c 5000 /dev/zero | tr '\\0' a >&2; echo >&2; echo next >&2");
  CHECK(log.find(std::string(LineLog::kLineBytes, 'a') + " ...\n") != std::string::npos);
  CHECK(log.find("prog: next\n") != std::string::npos);
  CHECK(count_lines(log) == 2);
}

TEST_CASE("ErrorLines reads but does not log without end, and says so once") {
  const std::string log = logged("yes aaaaaaaaa | head -c 1000000 >&2");
  CHECK(count_lines(log) == LineLog::kTotalBytes / std::string_view("prog: aaaaaaaaa").size() + 1);
  CHECK(log.find("more to standard error than is logged") != std::string::npos);
}

}  // namespace uvhttpd
