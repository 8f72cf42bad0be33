// SPDX-License-Identifier: MIT
// io/process.h: child processes, each the leader of a session of its own, in a cgroup of its
// own where that can be, and none left a zombie.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "io/cgroup.h"
#include "io/child_start.h"
#include "io/error_lines.h"
#include "io/fd_watcher.h"
#include "io/identity.h"

namespace uvhttpd {

// What to run. Nothing of the server is inherited: no variables, no descriptors, no signal
// settings.
struct Command {
  std::string program;                   // a path; PATH is not searched
  std::vector<std::string> arguments;    // argv, its first element included
  std::vector<std::string> environment;  // "NAME=value"
  int directory = -1;  // to work in, a descriptor (O_PATH will do); -1: the server's own
  int input = -1;      // becomes standard input; -1: a pipe
  const Identity* identity = nullptr;             // to run as; absent: the server's own
  const ChildConfinement* confinement = nullptr;  // absent: as confined as the server
  std::uint64_t descriptors = 0;                  // soft limit of open files; 0: the server's own
  SignalSet ignored_signals = kAllSignals;        // as ChildStart::ignored
  ProgramCgroups* cgroups = nullptr;              // where to make one for it; absent: nowhere
};

// A running child. The group is signalled only while its leader is not reaped, so its number cannot
// have passed to somebody else.
class Process {
 public:
  struct Exit {
    int status = 0;  // as given to exit()
    int signal = 0;  // that ended it; 0: none
    // "exit status 3", "signal 11 (Segmentation fault)"
    std::string text() const;
  };

  Process() = default;
  Process(pid_t pid, UniqueFd pidfd, Cgroup cgroup)
      : pid_(pid), pidfd_(std::move(pidfd)), cgroup_(std::move(cgroup)) {}
  Process(Process&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)),
        pidfd_(std::move(other.pidfd_)),
        cgroup_(std::move(other.cgroup_)) {}
  Process& operator=(Process&& other) noexcept;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  // Kills the group of what is still owned and waits for the leader: give it to a ProcessReaper
  // instead.
  ~Process() { kill_and_reap(); }

  explicit operator bool() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  // Readable when the leader has exited.
  int pidfd() const { return pidfd_.get(); }
  // How the leader ended, without reaping it; nullopt while it runs.
  std::optional<Exit> exited() const;
  // Waits for the leader's end, no longer than given.
  bool ends_within(Duration longest) const;
  // Asks the group to end.
  void terminate() const;
  // Kills the group, and all that is in the cgroup, whatever group or session it has moved to.
  void kill();
  // Waits for the leader and gives it up; the pidfd stays open as long as the object. Blocks unless
  // the leader has exited.
  void reap();
  void kill_and_reap();
  // None when there is none.
  Cgroup take_cgroup() { return std::move(cgroup_); }

 private:
  pid_t pid_ = 0;
  UniqueFd pidfd_;
  Cgroup cgroup_;
};

struct Spawned {
  Process process;
  UniqueFd input;  // our ends of the pipes, non-blocking; input only when Command::input was -1
  UniqueFd output;
  UniqueFd errors;
};

// Holds the thread up until the program runs: for an exec. Errors carry errno. ENOENT: also when
// the interpreter that a script's first line names is missing, and the message says which; ENOEXEC:
// neither a binary nor a script; EACCES, E2BIG, EMFILE, ENFILE, EAGAIN, ENOMEM as the kernel has
// it.
Result<Spawned> spawn(const Command& command);

// Sees the children of one loop to their end, whatever becomes of who started them. When it is
// destroyed it kills those that are left and waits for them; who is about to exit by itself gets a
// moment (200 ms for all) to do so.
class ProcessReaper {
 public:
  // Who is told that a child is gone: from the loop, never from within the functions here, and not
  // when the reaper is destroyed. `owner` lives until then at least.
  struct Bereaved {
    std::shared_ptr<void> owner;
    void (*reaped)(void* owner) = nullptr;
  };

  // Told how a child ended, once: soon after it did. Without an end when it goes on for longer than
  // kEndWait. From within the functions here, from the loop, or from the destructor.
  using Told = std::function<void(const std::optional<Process::Exit>& exit)>;
  static constexpr Duration kEndWait{100};

  // The loop may have one for all: EventLoop::object().
  explicit ProcessReaper(EventLoop& loop);
  ~ProcessReaper();
  ProcessReaper(const ProcessReaper&) = delete;
  ProcessReaper& operator=(const ProcessReaper&) = delete;

  // For Command::cgroups: absent where none can be made. Why, it tells the log when it is asked for
  // the first time, at level debug. Without the descriptors or the memory to find out, absent for
  // now.
  ProgramCgroups* cgroups(Log& log);

  // The child is about to exit by itself, or has; after `patience` it is ended. `errors` (may be
  // null) is read until then. What the child leaves behind is its own. `told` may be empty.
  void await_exit(Process process, std::unique_ptr<ErrorLines> errors, Duration patience,
                  Bereaved bereaved, Told told = {});
  // Ends the child and all it has started: TERM to the group, and KILL 2 s later, or soon after the
  // leader has obeyed.
  void end(Process process, std::unique_ptr<ErrorLines> errors, Bereaved bereaved);
  // Children of whose end nobody has been told yet.
  std::size_t count() const { return wards_.size() + to_be_told_.size(); }

 private:
  enum class Stage { awaiting, terminated, leaderless, killed };
  struct Ward {
    Ward(ProcessReaper& in, Process child, std::unique_ptr<ErrorLines> lines, Bereaved whose);
    ProcessReaper& reaper;
    Process process;
    std::unique_ptr<ErrorLines> errors;
    Bereaved bereaved;
    FdWatcher watcher;
    Timer timer;
    Stage stage = Stage::awaiting;
    Told told;                  // empty once it was called
    Duration patience_left{0};  // behind the wait for `told`
    std::list<std::unique_ptr<Ward>>::iterator place;
  };
  Ward& take(Process process, std::unique_ptr<ErrorLines> errors, Bereaved bereaved);
  void bury(Process process, Bereaved bereaved);
  void tell_bereaved();
  void terminate(Ward& ward);
  void on_exit(Ward& ward);
  void on_timer(Ward& ward);
  void release(Ward& ward);
  void discard(Cgroup cgroup);
  void sweep();

  EventLoop& loop_;
  std::optional<ProgramCgroups> cgroups_;
  bool has_looked_for_cgroups_ = false;
  Timer sweep_timer_;
  Duration sweep_delay_{0};
  std::list<std::unique_ptr<Ward>> wards_;
  Timer told_timer_;
  std::vector<Bereaved> to_be_told_;
};

}  // namespace uvhttpd
