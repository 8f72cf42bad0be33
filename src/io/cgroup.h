// SPDX-License-Identifier: MIT
// io/cgroup.h: a cgroup (version 2) for each program, so that none of its descendants can slip away
// when it is ended.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace uvhttpd {

// One below the server's own, or none. Removes itself as long as it is empty; whoever wants to be
// sure of that gives it to ProgramCgroups::discard().
class Cgroup {
 public:
  Cgroup() = default;
  Cgroup(std::shared_ptr<const UniqueFd> parent, std::string name, UniqueFd directory);
  Cgroup(Cgroup&& other) noexcept = default;
  Cgroup& operator=(Cgroup&& other) noexcept;
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;
  ~Cgroup() { remove(); }

  explicit operator bool() const { return parent_ != nullptr; }
  // For a child to be born in.
  int directory() const { return directory_.get(); }
  // Kills all that is inside, at once and for good.
  void kill();
  // False: somebody is still inside. True afterwards also when there was nothing to remove.
  bool remove();
  // Linux 6.18 ends at once who is born where cgroup.kill was ever used.
  bool can_be_used_again() { return !was_killed_ && is_empty(); }
  // False also when that cannot be seen.
  bool is_empty();
  // Waits, no longer than given.
  bool is_empty_within(Duration longest);
  // Only remove() is of use from now on.
  void close() {
    directory_.reset();
    events_.reset();
  }

 private:
  std::shared_ptr<const UniqueFd> parent_;
  std::string name_;
  UniqueFd directory_;
  UniqueFd events_;  // opened when it is first looked at
  bool was_killed_ = false;
};

// Where the server's own cgroup (version 2) is. ENOENT: it cannot be seen from here; other errors
// are those of reading about it.
Result<std::string> own_cgroup_directory();

// Makes cgroups, and removes them when they are empty. One thread's.
class ProgramCgroups {
 public:
  // The error says why there can be none: no cgroup version 2, one that is read-only or not
  // delegated to the server, a kernel without cgroup.kill (before 5.14), or a filter of system
  // calls that forbids clone3.
  static Result<ProgramCgroups> open();

  // Beyond, a directory stays until the server's own cgroup is removed.
  static constexpr std::size_t kMostLeft = 1024;
  // Empty ones that are kept to be used again: to make one and to remove it costs more than a third
  // of what it costs to start a program.
  static constexpr std::size_t kMostSpare = 32;

  // One that nobody is in: a new one, or one that was discarded.
  Result<Cgroup> make();
  // False: somebody is still inside, and a later sweep() removes it.
  bool discard(Cgroup cgroup);
  // True when none is left that somebody is in.
  bool sweep();

 private:
  explicit ProgramCgroups(UniqueFd own) : own_(std::make_shared<const UniqueFd>(std::move(own))) {}

  std::shared_ptr<const UniqueFd> own_;
  std::uint64_t made_ = 0;
  std::vector<Cgroup> left_;
  std::vector<Cgroup> spare_;
};

}  // namespace uvhttpd
