// SPDX-License-Identifier: MIT
#include "io/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/passing.h"

namespace uvhttpd {
namespace {

constexpr Duration kTermGrace{2'000};  // for the leader
constexpr Duration kLastGrace{200};    // all together, when their reaper goes
constexpr Duration kOrphanGrace{200};  // for the rest of a group whose leader has obeyed
// Between looks at cgroups that are not empty yet: those that were killed are so very soon, those
// of programs in the background perhaps never.
constexpr Duration kFirstSweep{5};
constexpr Duration kLastSweep{10'000};

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
void make_nonblocking(const UniqueFd& end) { ASSERT(::fcntl(end.get(), F_SETFL, O_NONBLOCK) == 0); }

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

Error spawn_error(const ChildFailure& failure, const Command& command) {
  const std::string& program = command.program;
  const int code = failure.code;
  Error error = Error::from_errno(code, failure.doing + program);
  if (code == ENOENT && ::access(program.c_str(), F_OK) == 0) {
    error.message += ": the interpreter that its first line names is missing";
  }
  const bool may_run = command.identity == nullptr && ::access(program.c_str(), X_OK) == 0;
  if (code == EACCES && command.confinement != nullptr && may_run) {
    error.message +=
        ": its own permissions are no hindrance, so the sandbox leaves out this file, or the "
        "interpreter that its first line names";
  }
  if (code == ENOEXEC) error.message += ": no binary, and no script with a #! line";
  return error;
}

// None when none can be made: a program must not fail for that.
Cgroup make_cgroup(ProgramCgroups* cgroups) {
  if (cgroups == nullptr) return {};
  Result<Cgroup> made = cgroups->make();
  return made ? *std::move(made) : Cgroup();
}

Duration time_until(std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<Duration>(deadline - std::chrono::steady_clock::now());
  return std::max(left, Duration{0});
}

}  // namespace

std::string Process::Exit::text() const {
  if (signal == 0) return "exit status " + std::to_string(status);
  const char* name = ::sigdescr_np(signal);
  if (signal == SIGSYS) return "signal 31 (Bad system call: one that the sandbox refuses)";
  return "signal " + std::to_string(signal) + " (" + (name != nullptr ? name : "unknown") + ")";
}

Process& Process::operator=(Process&& other) noexcept {
  if (this == &other) return *this;
  kill_and_reap();
  pid_ = std::exchange(other.pid_, 0);
  pidfd_ = std::move(other.pidfd_);
  cgroup_ = std::move(other.cgroup_);
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

void Process::terminate() const {
  ASSERT(pid_ > 0);
  ::kill(-pid_, SIGTERM);
}

void Process::kill() {
  ASSERT(pid_ > 0);
  cgroup_.kill();
  ::kill(-pid_, SIGKILL);
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
  kill();
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

  if (command.identity != nullptr) {
    // So that it may open /dev/stdout and the like by name; it can do without.
    for (const UniqueFd* end : {&output.write, &errors.write}) {
      (void)::fchown(end->get(), command.identity->user, command.identity->group);
    }
  }

  const std::vector<char*> arguments = pointers_to(command.arguments);
  const std::vector<char*> environment = pointers_to(command.environment);
  Cgroup cgroup = make_cgroup(command.cgroups);
  ChildStart start{
      .program = command.program.c_str(),
      .arguments = arguments.data(),
      .environment = environment.data(),
      .directory = command.directory,
      .input = command.input < 0 ? input.read.get() : command.input,
      .output = output.write.get(),
      .errors = errors.write.get(),
      .cgroup = cgroup.directory(),
      .descriptors = command.descriptors,
      .ignored = command.ignored_signals,
      .identity = command.identity,
      .confinement = command.confinement,
  };
  auto started = start_child(start);
  const bool is_lack = !started && is_passing(started.error().code);
  if (!started && cgroup && !started.error().in_child && !is_lack) {
    // Perhaps it cannot be born there; the group still holds it together.
    cgroup.remove();
    start.cgroup = -1;
    started = start_child(start);
  }
  if (!started) return Unexpected(spawn_error(started.error(), command));
  UniqueFd pidfd = std::move(started->pidfd);
  if (!pidfd) pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, started->pid, 0)));
  const int failure = errno;
  Process process(started->pid, std::move(pidfd), std::move(cgroup));
  if (process.pidfd() < 0) {
    return Unexpected(Error::from_errno(failure, "watching " + command.program));
  }
  return Spawned{std::move(process), std::move(input.write), std::move(output.read),
                 std::move(errors.read)};
}

ProcessReaper::Ward::Ward(ProcessReaper& in, Process child, std::unique_ptr<ErrorLines> lines,
                          Bereaved whose)
    : reaper(in),
      process(std::move(child)),
      errors(std::move(lines)),
      bereaved(std::move(whose)),
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

ProcessReaper::ProcessReaper(EventLoop& loop)
    : loop_(loop),
      sweep_timer_(
          loop, [](void* self) { static_cast<ProcessReaper*>(self)->sweep(); }, this),
      told_timer_(
          loop, [](void* self) { static_cast<ProcessReaper*>(self)->tell_bereaved(); }, this) {}

ProgramCgroups* ProcessReaper::cgroups(Log& log) {
  if (has_looked_for_cgroups_) return cgroups_ ? &*cgroups_ : nullptr;
  Result<ProgramCgroups> opened = ProgramCgroups::open();
  has_looked_for_cgroups_ = opened || !is_passing(opened.error().os_error);
  if (opened) {
    cgroups_ = *std::move(opened);
  } else {
    log.debug("process", "no cgroup{}, only process groups: {}",
              has_looked_for_cgroups_ ? "s for programs" : " for a program now",
              opened.error().message);
  }
  return cgroups_ ? &*cgroups_ : nullptr;
}

ProcessReaper::~ProcessReaper() {
  // Those that have done their work are let finish: they are usually about to exit.
  const auto deadline = std::chrono::steady_clock::now() + kLastGrace;
  for (const auto& ward : wards_) {
    if (ward->stage == Stage::awaiting) (void)ward->process.ends_within(time_until(deadline));
  }
  std::vector<Cgroup> killed;
  for (const auto& ward : wards_) {
    const std::optional<Process::Exit> exit = ward->process.exited();
    if (ward->told) ward->told(exit);
    if (ward->stage == Stage::awaiting && exit) continue;
    ward->process.kill();
    killed.push_back(ward->process.take_cgroup());
  }
  for (const auto& ward : wards_) ward->process.reap();
  // A directory can be removed when the last one in it is gone, which is not always our child.
  const auto removal_deadline = std::chrono::steady_clock::now() + kLastGrace;
  for (Cgroup& cgroup : killed) {
    if (cgroup) (void)cgroup.is_empty_within(time_until(removal_deadline));
  }
}

ProcessReaper::Ward& ProcessReaper::take(Process process, std::unique_ptr<ErrorLines> errors,
                                         Bereaved bereaved) {
  ASSERT(process);
  wards_.push_back(
      std::make_unique<Ward>(*this, std::move(process), std::move(errors), std::move(bereaved)));
  Ward& ward = *wards_.back();
  ward.place = std::prev(wards_.end());
  return ward;
}

void ProcessReaper::await_exit(Process process, std::unique_ptr<ErrorLines> errors,
                               Duration patience, Bereaved bereaved, Told told) {
  // Most have exited by now, and need not be watched.
  if (const std::optional<Process::Exit> exit = process.exited()) {
    errors.reset();  // with what it had to say itself
    if (told) told(exit);
    return bury(std::move(process), std::move(bereaved));
  }
  Ward& ward = take(std::move(process), std::move(errors), std::move(bereaved));
  ward.told = std::move(told);
  const Duration first = ward.told ? std::min(patience, kEndWait) : patience;
  ward.patience_left = patience - first;
  ward.timer.start(first);
}

void ProcessReaper::bury(Process process, Bereaved bereaved) {
  process.reap();
  discard(process.take_cgroup());
  if (to_be_told_.empty()) told_timer_.start(Duration{0});
  to_be_told_.push_back(std::move(bereaved));
}

void ProcessReaper::tell_bereaved() {
  for (const Bereaved& bereaved : std::exchange(to_be_told_, {})) {
    if (bereaved.reaped != nullptr) bereaved.reaped(bereaved.owner.get());
  }
}

void ProcessReaper::end(Process process, std::unique_ptr<ErrorLines> errors, Bereaved bereaved) {
  terminate(take(std::move(process), std::move(errors), std::move(bereaved)));
}

void ProcessReaper::terminate(Ward& ward) {
  ward.process.terminate();
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
    case Stage::awaiting:
      // The loop may have been late, and the child not.
      if (ward.told) std::exchange(ward.told, {})(ward.process.exited());
      if (ward.patience_left == Duration{0}) return terminate(ward);
      return ward.timer.start(std::exchange(ward.patience_left, Duration{0}));
    case Stage::terminated:
      ward.process.kill();
      ward.stage = Stage::killed;
      return;
    case Stage::leaderless: ward.process.kill(); return release(ward);
    case Stage::killed: return;
  }
}

void ProcessReaper::release(Ward& ward) {
  // Only now is it sure, and whoever has started it may have gone without knowing.
  const std::optional<Process::Exit> exit = ward.process.exited();
  const Told told = std::move(ward.told);
  if (exit && exit->signal == SIGSYS && ward.errors && !told) {
    ward.errors->note("ended by " + exit->text());
  }
  ward.process.reap();
  discard(ward.process.take_cgroup());
  const Bereaved bereaved = std::move(ward.bereaved);
  wards_.erase(ward.place);
  if (told) told(exit);
  if (bereaved.reaped != nullptr) bereaved.reaped(bereaved.owner.get());
}

void ProcessReaper::discard(Cgroup cgroup) {
  if (!cgroup) return;
  ASSERT(cgroups_);  // it can only have come from there
  if (cgroups_->discard(std::move(cgroup))) return;
  sweep_delay_ = kFirstSweep;
  sweep_timer_.start(sweep_delay_);
}

void ProcessReaper::sweep() {
  if (cgroups_->sweep()) return;
  sweep_delay_ = std::min(sweep_delay_ * 2, kLastSweep);
  sweep_timer_.start(sweep_delay_);
}

}  // namespace uvhttpd
