// SPDX-License-Identifier: MIT
#include "io/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

namespace uvhttpd {
namespace {

constexpr Duration kTermGrace{2'000};  // for the leader
constexpr Duration kLastGrace{200};    // all together, when their reaper goes
constexpr Duration kOrphanGrace{200};  // for the rest of a group whose leader has obeyed

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Unexpected(Error::from_errno(errno, "making a pipe"));
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  // The loop's own descriptors hold 0 to 2 when nothing else does: no end is in the way of dup2.
  ASSERT(ends[0] > STDERR_FILENO && ends[1] > STDERR_FILENO);
  return pipe;
}

// Each end of a pipe has flags of its own: the child's stays blocking.
void make_nonblocking(const UniqueFd& fd) {
  ASSERT(::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK) == 0);
}

// How the child differs from its parent when it begins.
class SpawnPlan {
 public:
  SpawnPlan() {
    sigset_t all;
    sigset_t none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    ASSERT(::posix_spawn_file_actions_init(&actions_) == 0);
    ASSERT(::posix_spawnattr_init(&attributes_) == 0);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  void work_in(int directory) {
    ASSERT(::posix_spawn_file_actions_addfchdir_np(&actions_, directory) == 0);
  }
  void put(int fd, int at) { ASSERT(::posix_spawn_file_actions_adddup2(&actions_, fd, at) == 0); }
  void close_the_rest() {
    ASSERT(::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1) == 0);
  }
  // 0 with `pid`, or the errno of what failed, be it in the child.
  int start(const Command& command, pid_t& pid) {
    std::vector<char*> arguments = pointers_to(command.arguments);
    std::vector<char*> environment = pointers_to(command.environment);
    return ::posix_spawn(&pid, command.program.c_str(), &actions_, &attributes_, arguments.data(),
                         environment.data());
  }

 private:
  static std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
  }
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

Error spawn_error(int code, const std::string& program) {
  Error error = Error::from_errno(code, "running " + program);
  if (code == ENOENT && ::access(program.c_str(), F_OK) == 0) {
    error.message += ": the interpreter that its first line names is missing";
  }
  if (code == ENOEXEC) error.message += ": no binary, and no script with a #! line";
  return error;
}

void wait_until(std::chrono::steady_clock::time_point deadline, const Process& process) {
  const auto left =
      std::chrono::duration_cast<Duration>(deadline - std::chrono::steady_clock::now());
  pollfd exit{process.pidfd(), POLLIN, 0};
  if (left.count() > 0) (void)::poll(&exit, 1, static_cast<int>(left.count()));
}

}  // namespace

std::string Process::Exit::text() const {
  if (signal == 0) return "exit status " + std::to_string(status);
  const char* name = ::sigdescr_np(signal);
  return "signal " + std::to_string(signal) + " (" + (name != nullptr ? name : "unknown") + ")";
}

Process& Process::operator=(Process&& other) noexcept {
  if (this == &other) return *this;
  kill_and_reap();
  pid_ = std::exchange(other.pid_, 0);
  pidfd_ = std::move(other.pidfd_);
  return *this;
}

std::optional<Process::Exit> Process::exited() const {
  siginfo_t info{};
  const int failure = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
  if (failure != 0 && errno != EINTR) return Exit{};  // reaped by somebody else: gone all the same
  if (failure != 0 || info.si_pid == 0) return std::nullopt;
  return info.si_code == CLD_EXITED ? Exit{info.si_status, 0} : Exit{0, info.si_status};
}

bool Process::ends_within(Duration longest) const {
  pollfd exit{pidfd_.get(), POLLIN, 0};
  return ::poll(&exit, 1, static_cast<int>(longest.count())) == 1;
}

void Process::signal_group(int signal) const {
  ASSERT(pid_ > 0);
  ::kill(-pid_, signal);
}

void Process::reap() {
  ASSERT(pid_ > 0);
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0 && errno == EINTR) {
  }
  pid_ = 0;
}

void Process::kill_and_reap() {
  if (pid_ <= 0) return;
  signal_group(SIGKILL);
  reap();
}

Result<Spawned> spawn(const Command& command) {
  Pipe input;
  if (command.input < 0) {
    TRY_ASSIGN(input, make_pipe());
    make_nonblocking(input.write);
  }
  TRY_ASSIGN(Pipe output, make_pipe());
  TRY_ASSIGN(Pipe errors, make_pipe());
  make_nonblocking(output.read);
  make_nonblocking(errors.read);

  SpawnPlan plan;
  if (command.directory >= 0) plan.work_in(command.directory);
  plan.put(command.input < 0 ? input.read.get() : command.input, STDIN_FILENO);
  plan.put(output.write.get(), STDOUT_FILENO);
  plan.put(errors.write.get(), STDERR_FILENO);
  plan.close_the_rest();
  pid_t pid = 0;
  if (const int failure = plan.start(command, pid); failure != 0) {
    return Unexpected(spawn_error(failure, command.program));
  }
  Process process(pid, UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
  if (process.pidfd() < 0) {
    return Unexpected(Error::from_errno(errno, "watching " + command.program));
  }
  return Spawned{std::move(process), std::move(input.write), std::move(output.read),
                 std::move(errors.read)};
}

ProcessReaper::Ward::Ward(ProcessReaper& in, Process child, std::unique_ptr<ErrorLines> lines)
    : reaper(in),
      process(std::move(child)),
      errors(std::move(lines)),
      watcher(
          in.loop_, process.pidfd(),
          [](void* self, unsigned) {
            auto* ward = static_cast<Ward*>(self);
            ward->reaper.on_exit(*ward);
          },
          this),
      timer(
          in.loop_,
          [](void* self) {
            auto* ward = static_cast<Ward*>(self);
            ward->reaper.on_timer(*ward);
          },
          this) {
  watcher.watch(ready::kReadable);
}

ProcessReaper::ProcessReaper(EventLoop& loop, Reaped reaped, void* owner)
    : loop_(loop), reaped_(reaped), owner_(owner) {}

ProcessReaper::~ProcessReaper() {
  // Those that have done their work are let finish: they are usually about to exit.
  const auto deadline = std::chrono::steady_clock::now() + kLastGrace;
  for (const auto& ward : wards_) {
    if (ward->stage == Stage::awaiting) wait_until(deadline, ward->process);
  }
  for (const auto& ward : wards_) {
    const bool has_finished = ward->stage == Stage::awaiting && ward->process.exited();
    if (!has_finished) ward->process.signal_group(SIGKILL);
  }
  for (const auto& ward : wards_) ward->process.reap();
}

ProcessReaper::Ward& ProcessReaper::take(Process process, std::unique_ptr<ErrorLines> errors) {
  ASSERT(process);
  wards_.push_back(std::make_unique<Ward>(*this, std::move(process), std::move(errors)));
  Ward& ward = *wards_.back();
  ward.place = std::prev(wards_.end());
  return ward;
}

void ProcessReaper::await_exit(Process process, std::unique_ptr<ErrorLines> errors,
                               Duration patience) {
  take(std::move(process), std::move(errors)).timer.start(patience);
}

void ProcessReaper::end(Process process, std::unique_ptr<ErrorLines> errors) {
  terminate(take(std::move(process), std::move(errors)));
}

void ProcessReaper::terminate(Ward& ward) {
  ward.process.signal_group(SIGTERM);
  ward.stage = Stage::terminated;
  ward.timer.start(kTermGrace);
}

void ProcessReaper::on_exit(Ward& ward) {
  switch (ward.stage) {
    case Stage::awaiting: return release(ward);
    case Stage::killed: return release(ward);
    case Stage::terminated:
      // Unreaped it holds the group's number for the KILL that may still be needed.
      ward.stage = Stage::leaderless;
      ward.watcher.watch(ready::kNothing);
      ward.timer.start(kOrphanGrace);
      return;
    case Stage::leaderless: return;
  }
}

void ProcessReaper::on_timer(Ward& ward) {
  switch (ward.stage) {
    case Stage::awaiting: return terminate(ward);
    case Stage::terminated:
      ward.process.signal_group(SIGKILL);
      ward.stage = Stage::killed;
      return;
    case Stage::leaderless: ward.process.signal_group(SIGKILL); return release(ward);
    case Stage::killed: return;
  }
}

void ProcessReaper::release(Ward& ward) {
  ward.process.reap();
  wards_.erase(ward.place);
  reaped_(owner_);
}

}  // namespace uvhttpd
