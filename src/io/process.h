// SPDX-License-Identifier: MIT
// io/process.h: child processes, each the leader of a process group of its own, and none left a
// zombie.
#pragma once

#include <sys/types.h>

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "io/error_lines.h"
#include "io/fd_watcher.h"

namespace uvhttpd {

// What to run. Nothing of the server is inherited: no variables, no descriptors, no signal
// settings.
struct Command {
  std::string program;                   // a path; PATH is not searched
  std::vector<std::string> arguments;    // argv, its first element included
  std::vector<std::string> environment;  // "NAME=value"
  int directory = -1;  // to work in, a descriptor (O_PATH will do); -1: the server's own
  int input = -1;      // becomes standard input; -1: a pipe
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
  Process(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  Process(Process&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)) {}
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
  void signal_group(int signal) const;
  // Waits for the leader and gives it up; the pidfd stays open as long as the object. Blocks unless
  // the leader has exited.
  void reap();
  void kill_and_reap();

 private:
  pid_t pid_ = 0;
  UniqueFd pidfd_;
};

struct Spawned {
  Process process;
  UniqueFd input;  // our ends of the pipes, non-blocking; input only when Command::input was -1
  UniqueFd output;
  UniqueFd errors;
};

// Errors carry errno. ENOENT: also when the interpreter that a script's first line names is
// missing, and the message says which; ENOEXEC: neither a binary nor a script; EACCES, E2BIG,
// EMFILE, ENFILE, EAGAIN, ENOMEM as the kernel has it.
Result<Spawned> spawn(const Command& command);

// Sees children to their end. When it is destroyed it kills those that are left and waits for them;
// who is about to exit by itself gets a moment (200 ms for all) to do so.
class ProcessReaper {
 public:
  using Reaped = void (*)(void* owner);
  // `reaped` is called from the loop each time a child is gone, never from within the functions
  // here.
  ProcessReaper(EventLoop& loop, Reaped reaped, void* owner);
  ~ProcessReaper();
  ProcessReaper(const ProcessReaper&) = delete;
  ProcessReaper& operator=(const ProcessReaper&) = delete;

  // The child is about to exit by itself; after `patience` it is ended. `errors` (may be null) is
  // read until then.
  void await_exit(Process process, std::unique_ptr<ErrorLines> errors, Duration patience);
  // Ends the whole group: TERM, and KILL 2 s later, or soon after the leader has obeyed.
  void end(Process process, std::unique_ptr<ErrorLines> errors);
  // Children that are not gone yet.
  std::size_t count() const { return wards_.size(); }

 private:
  enum class Stage { awaiting, terminated, leaderless, killed };
  struct Ward {
    Ward(ProcessReaper& in, Process child, std::unique_ptr<ErrorLines> lines);
    ProcessReaper& reaper;
    Process process;
    std::unique_ptr<ErrorLines> errors;
    FdWatcher watcher;
    Timer timer;
    Stage stage = Stage::awaiting;
    std::list<std::unique_ptr<Ward>>::iterator place;
  };
  Ward& take(Process process, std::unique_ptr<ErrorLines> errors);
  void terminate(Ward& ward);
  void on_exit(Ward& ward);
  void on_timer(Ward& ward);
  void release(Ward& ward);

  EventLoop& loop_;
  Reaped reaped_;
  void* owner_;
  std::list<std::unique_ptr<Ward>> wards_;
};

}  // namespace uvhttpd
