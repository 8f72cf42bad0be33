// SPDX-License-Identifier: MIT
#include "io/identity.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace uvhttpd {
namespace {

constexpr std::size_t kFirstBytes = 1024;
constexpr std::size_t kMostBytes = 1 << 20;  // of an entry; a group may have many members
constexpr int kMostGroups = 65'536;          // NGROUPS_MAX

// Calls one of the getXXnam_r functions with a buffer that is large enough. False: no such entry.
template <class Entry, class Get>
bool look_up(const std::string& name, Get get, Entry& entry, std::vector<char>& buffer) {
  for (std::size_t size = kFirstBytes; size <= kMostBytes; size *= 2) {
    buffer.resize(size);
    Entry* found = nullptr;
    const int failure = get(name.c_str(), &entry, buffer.data(), size, &found);
    if (failure != ERANGE) return failure == 0 && found != nullptr;
  }
  return false;
}

std::vector<gid_t> groups_of(const std::string& user, gid_t group) {
  int count = 64;
  std::vector<gid_t> groups;
  do {
    groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(user.c_str(), group, groups.data(), &count) >= 0) break;
  } while (count <= kMostGroups);
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

// To signal them, too: a program that the server could not end would be worse than none.
bool may_have_others_as_children() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  constexpr std::uint32_t kNeeded = 1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_KILL;
  return (data[0].effective & kNeeded) == kNeeded;
}

}  // namespace

Result<std::optional<Identity>> identity_of(const std::string& user, const std::string& group) {
  if (user.empty() && group.empty()) return std::optional<Identity>{};
  Identity identity{::geteuid(), ::getegid(), {}};
  std::vector<char> buffer;
  if (!user.empty()) {
    passwd entry{};
    if (!look_up(user, ::getpwnam_r, entry, buffer)) {
      return Unexpected(Error{"no user " + user, 0});
    }
    identity.user = entry.pw_uid;
    identity.group = entry.pw_gid;
  }
  if (!group.empty()) {
    struct group entry {};
    if (!look_up(group, ::getgrnam_r, entry, buffer)) {
      return Unexpected(Error{"no group " + group, 0});
    }
    identity.group = entry.gr_gid;
  }
  identity.groups =
      user.empty() ? std::vector<gid_t>{identity.group} : groups_of(user, identity.group);
  if (may_have_others_as_children()) return std::optional(std::move(identity));
  const bool is_ours = identity.user == ::geteuid() && identity.group == ::getegid();
  if (is_ours) return std::optional<Identity>{};
  return Unexpected(
      Error{"running programs as " + (user.empty() ? "group " + group : "user " + user) +
                " needs root, or the capabilities CAP_SETUID, CAP_SETGID and CAP_KILL",
            EPERM});
}

}  // namespace uvhttpd
