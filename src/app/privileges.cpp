// SPDX-License-Identifier: MIT
#include "app/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <set>
#include <utility>
#include <variant>

#include "base/assert.h"
#include "base/file.h"
#include "base/unique_fd.h"

namespace uvhttpd {

std::uint64_t prepare_process() {
  std::signal(SIGPIPE, SIG_IGN);
  // Ignored by whoever started us, children would reap themselves and their group's number be free.
  std::signal(SIGCHLD, SIG_DFL);
  (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const std::uint64_t before = limit.rlim_cur;
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
  }
  return before;
}

namespace {

// The rights of an account, until it is destroyed. Only while there is one thread.
class ActingAs {
 public:
  explicit ActingAs(const Account& account) : groups_(groups_now()) {
    acts_ = ::initgroups(account.user.c_str(), account.gid) == 0 && ::setegid(account.gid) == 0 &&
            ::seteuid(account.uid) == 0;
  }
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;
  ~ActingAs() {
    const bool is_back = ::seteuid(uid_) == 0 && ::setegid(gid_) == 0 &&
                         ::setgroups(groups_.size(), groups_.data()) == 0;
    ASSERT(is_back);
  }
  bool acts() const { return acts_; }

 private:
  static std::vector<gid_t> groups_now() {
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
    const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
    groups.resize(static_cast<std::size_t>(std::max(count, 0)));
    return groups;
  }

  const uid_t uid_ = ::geteuid();
  const gid_t gid_ = ::getegid();
  const std::vector<gid_t> groups_;
  bool acts_ = false;
};

// Whether who has the rights of now could put another file in the place of the path: what one of
// its directories holds can be removed, or made.
bool can_be_replaced(const std::filesystem::path& path) {
  for (std::filesystem::path at = path; at.has_relative_path(); at = at.parent_path()) {
    const std::filesystem::path directory = at.parent_path();
    struct stat holder {};
    if (::stat(directory.c_str(), &holder) != 0) continue;  // it is out of reach
    if (holder.st_uid == ::geteuid()) return true;          // who may also change its mode
    if (::faccessat(AT_FDCWD, directory.c_str(), W_OK, AT_EACCESS) != 0) continue;
    struct stat held {};
    const bool is_kept = (holder.st_mode & S_ISVTX) != 0 && ::lstat(at.c_str(), &held) == 0 &&
                         held.st_uid != ::geteuid();
    if (!is_kept) return true;
  }
  return false;
}

// The path, and what it becomes with one link after the other resolved.
std::vector<std::filesystem::path> ways_to(std::filesystem::path path) {
  constexpr std::size_t kMostLinks = 40;  // as the kernel's
  std::vector<std::filesystem::path> ways{path};
  while (ways.size() <= kMostLinks) {
    std::error_code error;
    std::filesystem::path before;
    auto part = path.begin();
    for (; part != path.end(); ++part) {
      before /= *part;
      if (std::filesystem::is_symlink(before, error)) break;
    }
    if (part == path.end()) return ways;
    std::filesystem::path next =
        before.parent_path() / std::filesystem::read_symlink(before, error);
    for (++part; part != path.end(); ++part) next /= *part;
    path = std::move(next);
    ways.push_back(path);
  }
  return ways;
}

bool is_root_for(const std::optional<Account>& account) {
  return account && account->uid != 0 && ::geteuid() == 0;
}

}  // namespace

Result<std::optional<Account>> account_of(const config::Server& server) {
  if (server.user.empty() && server.group.empty()) return std::optional<Account>();
  Account account{server.user, ::getuid(), ::getgid()};
  if (!server.user.empty()) {
    errno = 0;
    const passwd* entry = ::getpwnam(server.user.c_str());
    if (entry == nullptr) return Unexpected(Error{"server.user: no user " + server.user, errno});
    account.uid = entry->pw_uid;
    account.gid = entry->pw_gid;
  }
  if (!server.group.empty()) {
    errno = 0;
    const struct group* entry = ::getgrnam(server.group.c_str());
    if (entry == nullptr) return Unexpected(Error{"server.group: no group " + server.group, errno});
    account.gid = entry->gr_gid;
  }
  const bool is_it = ::geteuid() != 0 && account.uid == ::geteuid() && account.gid == ::getegid();
  return is_it ? std::optional<Account>() : account;
}

Result<void> become(const std::optional<Account>& account) {
  if (!account) return {};
  const auto [user, uid, gid] = *account;
  const bool changed =
      (user.empty() ? ::setgroups(0, nullptr) : ::initgroups(user.c_str(), gid)) == 0 &&
      ::setresgid(gid, gid, gid) == 0 && ::setresuid(uid, uid, uid) == 0;
  if (!changed) return Unexpected(Error::from_errno(errno, "becoming the user " + user));
  if (uid != 0 && ::setuid(0) == 0) return Unexpected(Error{"root could be regained", EPERM});
  return {};
}

Result<void> use_file(const std::optional<Account>& account, const std::string& file,
                      const std::function<Result<void>()>& use) {
  if (!file.starts_with('/') || !is_root_for(account)) return use();
  const std::vector<std::filesystem::path> ways = ways_to(file);
  {
    const ActingAs acting(*account);
    if (!acting.acts()) {
      return Unexpected(Error::from_errno(errno, "acting as the user " + account->user));
    }
    if (std::any_of(ways.begin(), ways.end(), can_be_replaced)) {
      Result<void> used = use();
      if (used) return used;
      return Unexpected(std::move(used).error().with_context("as the user " + account->user +
                                                             ", who could replace it"));
    }
  }
  return use();
}

Result<void> hand_over(const std::optional<Account>& account, const std::string& file) {
  if (!account || !file.starts_with('/')) return {};
  return use_file(account, file, [&]() -> Result<void> {
    const UniqueFd fd(
        ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) return Unexpected(Error::from_errno(errno, file));
    // One that the account itself has opened it can open again.
    if (S_ISREG(status.st_mode) && ::geteuid() != account->uid &&
        ::fchown(fd.get(), account->uid, account->gid) != 0) {
      return Unexpected(Error::from_errno(errno, "giving " + file + " to the user"));
    }
    return {};
  });
}

std::vector<config::Diagnostic> missing_directories(const config::Config& config) {
  std::set<std::string> files{config.server.log, config.access_log.path};
  for (const config::Listener& listener : config.listeners) {
    if (listener.kind == config::Listener::Kind::unix_socket) files.insert(listener.path);
  }
  std::vector<config::Diagnostic> found;
  for (const std::string& file : files) {
    if (!file.starts_with('/')) continue;
    std::error_code error;
    const std::filesystem::path directory = std::filesystem::path(file).parent_path();
    const bool is_missing = !std::filesystem::is_directory(directory, error);
    if (!is_missing && !std::filesystem::is_directory(file, error)) continue;
    config::Diagnostic& one = found.emplace_back();
    one.file = file;
    one.message = is_missing ? "there is no directory " + directory.string() +
                                   ": a start fails unless it is made before"
                             : "a directory, where a file is to be made";
    if (is_missing) one.severity = config::Diagnostic::Severity::warning;
  }
  return found;
}

std::vector<config::Diagnostic> closed_roots(const config::Config& config) {
  std::set<std::string> roots;
  for (const config::Site& site : config.sites) {
    roots.insert(site.files.root);
    for (const config::Route& route : site.routes) {
      const auto* files = std::get_if<config::StaticHandler>(&route.handler);
      if (files != nullptr) roots.insert(files->files.root);
    }
  }
  roots.erase("");
  std::vector<config::Diagnostic> warnings;
  for (const std::string& root : roots) {
    if (::access(root.c_str(), R_OK | X_OK) == 0 || errno != EACCES) continue;
    config::Diagnostic& warning = warnings.emplace_back();
    warning.severity = config::Diagnostic::Severity::warning;
    warning.file = root;
    warning.message = "the user " + acting_user() + " may not read or enter this root";
  }
  return warnings;
}

}  // namespace uvhttpd
