// SPDX-License-Identifier: MIT
#include "io/cgroup.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <utility>

#include "io/child_start.h"

namespace uvhttpd {
namespace {

constexpr int kMostTries = 16;  // for a name that nobody has left behind
constexpr char kDoing[] = "making a cgroup";

Error no_cgroup2() { return {"no cgroup version 2", ENOENT}; }

Result<std::ifstream> open_lines(const char* path) {
  std::ifstream file(path);
  if (!file) return Unexpected(Error::from_errno(errno, path));
  return file;
}

// "/system.slice/uvhttpd.service" as /proc/self/cgroup has it.
Result<std::string> own_path() {
  TRY_ASSIGN(std::ifstream file, open_lines("/proc/self/cgroup"));
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::/")) return line.substr(3);
  }
  return Unexpected(no_cgroup2());
}

struct Mount {
  std::string root;  // the part of the hierarchy that is seen there
  std::string point;
};

// "39 31 0:38 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw"
Result<Mount> cgroup2_mount() {
  TRY_ASSIGN(std::ifstream file, open_lines("/proc/self/mountinfo"));
  for (std::string line; std::getline(file, line);) {
    if (line.find(" - cgroup2 ") == std::string::npos) continue;
    std::istringstream fields(line);
    std::string skipped;
    Mount mount;
    fields >> skipped >> skipped >> skipped >> mount.root >> mount.point;
    if (fields) return mount;
  }
  return Unexpected(no_cgroup2());
}

void write_to(int directory, const char* file, std::string_view text) {
  const UniqueFd fd(::openat(directory, file, O_WRONLY | O_CLOEXEC));
  if (fd) (void)!::write(fd.get(), text.data(), text.size());
}

}  // namespace

Result<std::string> own_cgroup_directory() {
  TRY_ASSIGN(const std::string path, own_path());
  TRY_ASSIGN(const Mount mount, cgroup2_mount());
  if (mount.root == "/") return mount.point + path;
  const bool is_below = path.starts_with(mount.root) &&
                        (path.size() == mount.root.size() || path[mount.root.size()] == '/');
  if (!is_below) return Unexpected(no_cgroup2());
  return mount.point + path.substr(mount.root.size());
}

Cgroup::Cgroup(std::shared_ptr<const UniqueFd> parent, std::string name, UniqueFd directory)
    : parent_(std::move(parent)), name_(std::move(name)), directory_(std::move(directory)) {}

Cgroup& Cgroup::operator=(Cgroup&& other) noexcept {
  if (this == &other) return *this;
  remove();
  parent_ = std::move(other.parent_);
  name_ = std::move(other.name_);
  directory_ = std::move(other.directory_);
  events_ = std::move(other.events_);
  was_killed_ = other.was_killed_;
  return *this;
}

void Cgroup::kill() {
  was_killed_ = true;
  if (directory_) write_to(directory_.get(), "cgroup.kill", "1");
}

bool Cgroup::remove() {
  if (!parent_) return true;
  if (::unlinkat(parent_->get(), name_.c_str(), AT_REMOVEDIR) != 0 && errno == EBUSY) return false;
  parent_.reset();
  close();
  return true;
}

bool Cgroup::is_empty() {
  if (!events_) {
    events_.reset(::openat(directory_.get(), "cgroup.events", O_RDONLY | O_CLOEXEC));
  }
  char text[128];
  const ssize_t got = events_ ? ::pread(events_.get(), text, sizeof text, 0) : -1;
  if (got <= 0) return false;
  return std::string_view(text, static_cast<std::size_t>(got)).find("populated 0") !=
         std::string_view::npos;
}

bool Cgroup::is_empty_within(Duration longest) {
  if (is_empty()) return true;
  if (!events_) return false;
  pollfd change{events_.get(), POLLPRI, 0};
  (void)::poll(&change, 1, static_cast<int>(longest.count()));
  return is_empty();
}

Result<ProgramCgroups> ProgramCgroups::open() {
  if (!can_start_in_cgroup()) return Unexpected(Error{"clone3 is not allowed", ENOSYS});
  TRY_ASSIGN(const std::string path, own_cgroup_directory());
  UniqueFd own(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // The kernel wants this of who starts a child further down.
  if (!own || ::faccessat(own.get(), "cgroup.procs", W_OK, AT_EACCESS) != 0) {
    return Unexpected(Error::from_errno(errno, path));
  }
  ProgramCgroups cgroups(std::move(own));
  TRY_ASSIGN(const Cgroup trial, cgroups.make());
  if (::faccessat(trial.directory(), "cgroup.kill", W_OK, AT_EACCESS) != 0) {
    return Unexpected(Error::from_errno(errno, path + ": cgroup.kill"));
  }
  return cgroups;
}

Result<Cgroup> ProgramCgroups::make() {
  if (!spare_.empty()) {
    Cgroup spare = std::move(spare_.back());
    spare_.pop_back();
    return spare;
  }
  // The kernel's number of the thread is nobody else's, but a server that crashed may have had it.
  const std::string prefix = "program-" + std::to_string(::syscall(SYS_gettid)) + "-";
  for (int tries = 0; tries < kMostTries; ++tries) {
    std::string name = prefix + std::to_string(++made_);
    if (::mkdirat(own_->get(), name.c_str(), 0755) != 0) {
      if (errno == EEXIST) continue;
      return Unexpected(Error::from_errno(errno, kDoing));
    }
    UniqueFd directory(
        ::openat(own_->get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    const int failure = errno;
    Cgroup cgroup(own_, std::move(name), std::move(directory));
    if (cgroup.directory() < 0) return Unexpected(Error::from_errno(failure, kDoing));
    return cgroup;
  }
  return Unexpected(Error{std::string(kDoing) + ": the names are taken", EEXIST});
}

bool ProgramCgroups::discard(Cgroup cgroup) {
  if (spare_.size() < kMostSpare && cgroup.can_be_used_again()) {
    spare_.push_back(std::move(cgroup));
    return true;
  }
  if (cgroup.remove()) return true;
  cgroup.close();
  if (left_.size() < kMostLeft) left_.push_back(std::move(cgroup));
  return false;
}

bool ProgramCgroups::sweep() {
  std::erase_if(left_, [](Cgroup& cgroup) { return cgroup.remove(); });
  return left_.empty();
}

}  // namespace uvhttpd
