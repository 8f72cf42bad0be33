// SPDX-License-Identifier: MIT
#include "base/file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <vector>

namespace uvhttpd {
namespace {

constexpr int kMaxLinks = 40;           // as the kernel's own limit
constexpr std::size_t kMaxDepth = 256;  // directories held open by one walk
constexpr int kMaxTries = 8;            // openat2 gives EAGAIN while the tree is being renamed

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

// Whether openat2 is there; learnt from its first refusal (ENOSYS on old kernels, EPERM in some
// sandboxes) and never asked again.
std::atomic<bool> openat2_works{true};

int open_by_kernel(int directory, const std::string& path, int flags, SymlinkPolicy policy) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  if (policy == SymlinkPolicy::deny) how.resolve |= RESOLVE_NO_SYMLINKS;
  for (int tries = 0; tries < kMaxTries; ++tries) {
    const long fd = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return -errno;
}

Result<OpenedFile> open_at(int directory, std::string_view path, int flags, SymlinkPolicy policy) {
  const std::string name = path.empty() ? "." : std::string(path);
  if (name.front() == '/') return Unexpected(Error::from_errno(EXDEV, name));
  int fd = -ENOSYS;
  if (policy == SymlinkPolicy::follow) {
    fd = ::openat(directory, name.c_str(), flags);
    if (fd < 0) fd = -errno;
  } else if (openat2_works.load(std::memory_order_relaxed)) {
    fd = open_by_kernel(directory, name, flags, policy);
    if (fd == -ENOSYS || fd == -EPERM) openat2_works.store(false, std::memory_order_relaxed);
  }
  if (policy != SymlinkPolicy::follow && (fd == -ENOSYS || fd == -EPERM)) {
    fd = open_by_walking(directory, path, flags, policy);
  }
  if (fd < 0) return Unexpected(Error::from_errno(-fd, name));
  OpenedFile opened{UniqueFd(fd), {}};
  struct stat status {};
  if (::fstat(fd, &status) != 0) return Unexpected(Error::from_errno(errno, name));
  opened.info = FileInfo::from(status);
  return opened;
}

// A slash at the end becomes a segment ".": what stands before it must be a directory.
std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> segments;
  const bool is_directory = path.ends_with('/');
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (!segment.empty()) segments.emplace_back(segment);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  if (is_directory) segments.emplace_back(".");
  return segments;
}

}  // namespace

FileInfo FileInfo::from(const struct stat& status) {
  return {status.st_dev,
          status.st_ino,
          static_cast<std::uint64_t>(status.st_size),
          nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim),
          status.st_nlink,
          status.st_mode};
}

int open_by_walking(int directory, std::string_view path, int flags, SymlinkPolicy policy) {
  if (path.starts_with('/')) return -EXDEV;
  if (path.size() >= PATH_MAX) return -ENAMETOOLONG;
  std::vector<UniqueFd> entered;  // directories below `directory`, the innermost last
  std::vector<std::string> todo = split_path(path);
  std::vector<std::string> rest(todo.rbegin(), todo.rend());  // the next segment is at the back
  const auto here = [&] { return entered.empty() ? directory : entered.back().get(); };
  int links = 0;
  while (!rest.empty()) {
    const std::string segment = rest.back();
    rest.pop_back();
    if (segment == ".") continue;
    if (segment == "..") {
      if (entered.empty()) return -EXDEV;
      entered.pop_back();
      continue;
    }
    const bool last = rest.empty();
    const int wanted = last ? flags | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const int fd = ::openat(here(), segment.c_str(), wanted);
    const int failure = fd < 0 ? errno : 0;
    char target[PATH_MAX];
    // A link shows itself as ELOOP, as ENOTDIR where a directory was wanted, or, with O_PATH, as an
    // open handle on the link itself.
    const bool maybe_link =
        failure == ELOOP || failure == ENOTDIR || (fd >= 0 && (flags & O_PATH) != 0);
    const ssize_t length =
        maybe_link ? ::readlinkat(here(), segment.c_str(), target, sizeof target) : -1;
    if (length >= 0) {
      if (fd >= 0) ::close(fd);
      if (policy == SymlinkPolicy::deny || ++links > kMaxLinks) return -ELOOP;
      const std::string_view text(target, static_cast<std::size_t>(length));
      if (text.starts_with('/')) return -EXDEV;
      const std::vector<std::string> more = split_path(text);
      rest.insert(rest.end(), more.rbegin(), more.rend());
      continue;
    }
    if (fd < 0) return -failure;
    if (last) return fd;
    entered.emplace_back(fd);
    if (entered.size() > kMaxDepth) return -ENAMETOOLONG;
  }
  const int fd = ::openat(here(), ".", flags);
  return fd >= 0 ? fd : -errno;
}

Result<Directory> Directory::open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return Unexpected(Error::from_errno(errno, path));
  return Directory(path, std::move(fd));
}

Result<OpenedFile> Directory::open_below(std::string_view path, SymlinkPolicy policy) const {
  return open_at(fd_.get(), path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, policy);
}

Result<OpenedFile> Directory::locate_below(std::string_view path, SymlinkPolicy policy) const {
  return open_at(fd_.get(), path, O_PATH | O_CLOEXEC, policy);
}

Result<Directory> Directory::duplicate() const {
  UniqueFd fd(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!fd) return Unexpected(Error::from_errno(errno, path_));
  return Directory(path_, std::move(fd));
}

bool Directory::reopen_if_replaced() {
  struct stat at_path {};
  struct stat held {};
  if (::stat(path_.c_str(), &at_path) != 0 || ::fstat(fd_.get(), &held) != 0) return false;
  if (at_path.st_dev == held.st_dev && at_path.st_ino == held.st_ino) return false;
  UniqueFd fd(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return false;
  fd_ = std::move(fd);
  return true;
}

std::string path_of_open(int fd) {
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  char path[PATH_MAX];
  const ssize_t length = ::readlink(link.c_str(), path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : std::string();
}

std::string real_path(const std::string& path) {
  std::error_code error;
  const std::string real = std::filesystem::weakly_canonical(path, error).string();
  return error ? path : real;
}

bool has_hidden_segment(std::string_view path) {
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    if (segment.starts_with('.') && segment != ".well-known") return true;
    at = end + 1;
  }
  return false;
}

std::string acting_user() {
  constexpr std::size_t kMaxEntry = 16 << 10;
  std::string buffer(kMaxEntry, '\0');
  passwd entry{};
  passwd* found = nullptr;
  const uid_t user = ::geteuid();
  const int error = ::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found);
  return error == 0 && found != nullptr ? entry.pw_name : std::to_string(user);
}

std::string reason_not_opened(const std::string& path, int error) {
  std::string reason = std::generic_category().message(error);
  if (error != EACCES) return reason;
  if (::access(path.c_str(), R_OK) != 0) {
    reason += " (as user " + acting_user() + ")";
  } else {
    reason +=
        ": its own permissions are no hindrance, so a sandbox leaves it out; if that is the "
        "server's own, a restart lets it in";
  }
  return reason;
}

Result<std::string> read_file(int fd, std::uint64_t size, std::uint64_t limit) {
  if (size > limit) return Unexpected(Error::from_errno(EFBIG, "reading"));
  std::string content(size, '\0');
  std::size_t filled = 0;
  while (filled < content.size()) {
    const ssize_t got =
        ::pread(fd, content.data() + filled, content.size() - filled, static_cast<off_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unexpected(Error::from_errno(errno, "reading"));
    if (got == 0) return Unexpected(Error{"reading: the file became shorter", EIO});
    filled += static_cast<std::size_t>(got);
  }
  return content;
}

}  // namespace uvhttpd
