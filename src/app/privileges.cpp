// SPDX-License-Identifier: MIT
#include "app/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <set>
#include <variant>

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

// So that logs can be opened again after a rotation.
Result<void> hand_over(const std::string& file, uid_t uid, gid_t gid) {
  if (!file.starts_with('/')) return {};
  const UniqueFd fd(
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return Unexpected(Error::from_errno(errno, file));
  if (S_ISREG(status.st_mode) && ::fchown(fd.get(), uid, gid) != 0) {
    return Unexpected(Error::from_errno(errno, "giving " + file + " to the user"));
  }
  return {};
}

}  // namespace

Result<void> become(const std::string& user, const std::string& group,
                    const std::vector<std::string>& files) {
  if (user.empty() && group.empty()) return {};
  uid_t uid = ::getuid();
  gid_t gid = ::getgid();
  if (!user.empty()) {
    errno = 0;
    const passwd* entry = ::getpwnam(user.c_str());
    if (entry == nullptr) return Unexpected(Error{"server.user: no user " + user, errno});
    uid = entry->pw_uid;
    gid = entry->pw_gid;
  }
  if (!group.empty()) {
    errno = 0;
    const struct group* entry = ::getgrnam(group.c_str());
    if (entry == nullptr) return Unexpected(Error{"server.group: no group " + group, errno});
    gid = entry->gr_gid;
  }
  if (::geteuid() != 0 && uid == ::geteuid() && gid == ::getegid()) return {};
  for (const std::string& file : files) TRY(hand_over(file, uid, gid));
  const bool changed =
      (user.empty() ? ::setgroups(0, nullptr) : ::initgroups(user.c_str(), gid)) == 0 &&
      ::setresgid(gid, gid, gid) == 0 && ::setresuid(uid, uid, uid) == 0;
  if (!changed) return Unexpected(Error::from_errno(errno, "becoming the user " + user));
  if (uid != 0 && ::setuid(0) == 0) return Unexpected(Error{"root could be regained", EPERM});
  return {};
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
