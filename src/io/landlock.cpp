// SPDX-License-Identifier: MIT
#include "io/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>

#include "base/passing.h"

namespace uvhttpd {

std::string directory_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

std::string resolved(const std::string& path) {
  std::error_code error;
  const std::filesystem::path found = std::filesystem::canonical(path, error);
  return error ? path : found.string();
}

namespace {

// Beyond Linux 5.19, whose headers may be all there is.
constexpr std::uint64_t kFsTruncate = 1ULL << 14;
constexpr std::uint64_t kFsIoctlDev = 1ULL << 15;
constexpr std::uint64_t kNetBindTcp = 1ULL << 0;
constexpr std::uint64_t kNetConnectTcp = 1ULL << 1;
constexpr std::uint64_t kScopeAbstractUnixSocket = 1ULL << 0;
constexpr std::uint64_t kScopeSignal = 1ULL << 1;
constexpr int kRuleNetPort = 2;
constexpr unsigned kLogNewExecOn = 1U << 1;

struct RulesetAttributes {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;  // from version 4
  std::uint64_t scoped = 0;              // from version 6
};

struct NetPortAttributes {
  std::uint64_t allowed_access;
  std::uint64_t port;
};

// What the versions know of file systems.
std::uint64_t known_fs(int abi) {
  std::uint64_t known = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  if (abi >= 2) known |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) known |= kFsTruncate;
  if (abi >= 5) known |= kFsIoctlDev;
  return known;
}

constexpr std::uint64_t kOfFiles = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                   LANDLOCK_ACCESS_FS_READ_FILE | kFsTruncate | kFsIoctlDev;

struct Meaning {
  unsigned right;
  std::uint64_t access;
};
constexpr Meaning kMeanings[] = {
    {path_right::kRead, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR},
    {path_right::kExecute, LANDLOCK_ACCESS_FS_EXECUTE},
    {path_right::kWrite, LANDLOCK_ACCESS_FS_WRITE_FILE | kFsTruncate},
    {path_right::kCreate, LANDLOCK_ACCESS_FS_MAKE_REG},
    {path_right::kRemove, LANDLOCK_ACCESS_FS_REMOVE_FILE},
    {path_right::kSockets, LANDLOCK_ACCESS_FS_MAKE_SOCK},
    {path_right::kDirectories, LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR},
    {path_right::kLinks,
     LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_REFER},
    {path_right::kDevices, kFsIoctlDev},
};

std::uint64_t access_of(unsigned rights) {
  std::uint64_t access = 0;
  for (const Meaning& each : kMeanings) {
    if ((rights & each.right) != 0) access |= each.access;
  }
  return access;
}

Result<void> add_path(const UniqueFd& ruleset, const PathRule& rule, int abi) {
  const UniqueFd place(::open(rule.path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status {};
  if (!place || ::fstat(place.get(), &status) != 0) {
    // One that may not even be looked at is of no use to us, but this one may be.
    if (!rule.is_required && !is_passing(errno)) return {};
    return Unexpected(Error::from_errno(errno, rule.path));
  }
  landlock_path_beneath_attr attributes{};
  attributes.allowed_access = access_of(rule.rights) & known_fs(abi);
  if (!S_ISDIR(status.st_mode)) attributes.allowed_access &= kOfFiles;
  attributes.parent_fd = place.get();
  if (attributes.allowed_access == 0) return {};
  if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &attributes, 0) ==
      0) {
    return {};
  }
  // A file of the kernel's own (a pipe behind /dev/stdout): there are no rules for those.
  if (errno == EBADFD && !rule.is_required) return {};
  return Unexpected(Error::from_errno(errno, "a Landlock rule for " + rule.path));
}

Result<void> add_ports(const UniqueFd& ruleset, const std::vector<std::uint16_t>& ports,
                       std::uint64_t access) {
  for (const std::uint16_t port : ports) {
    const NetPortAttributes attributes{access, port};
    if (::syscall(SYS_landlock_add_rule, ruleset.get(), kRuleNetPort, &attributes, 0) != 0) {
      return Unexpected(
          Error::from_errno(errno, "a Landlock rule for the port " + std::to_string(port)));
    }
  }
  return {};
}

RulesetAttributes attributes_of(const LandlockRules& rules, int abi) {
  RulesetAttributes attributes;
  attributes.handled_access_fs = known_fs(abi);
  if (abi >= kLandlockWithTcp) {
    if (rules.confines_bind) attributes.handled_access_net |= kNetBindTcp;
    if (rules.confines_connect) attributes.handled_access_net |= kNetConnectTcp;
  }
  if (abi >= kLandlockWithScopes) {
    if (rules.confines_abstract_sockets) attributes.scoped |= kScopeAbstractUnixSocket;
    if (rules.confines_signals) attributes.scoped |= kScopeSignal;
  }
  return attributes;
}

// The kernel wants no more than it knows.
std::size_t attribute_bytes(int abi) {
  if (abi >= kLandlockWithScopes) return sizeof(RulesetAttributes);
  return abi >= kLandlockWithTcp ? offsetof(RulesetAttributes, scoped)
                                 : offsetof(RulesetAttributes, handled_access_net);
}

}  // namespace

int landlock_abi() {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0},
                                 LANDLOCK_CREATE_RULESET_VERSION);
  return version < 0 ? 0 : static_cast<int>(version);
}

Result<UniqueFd> make_ruleset(const LandlockRules& rules) {
  const int abi = landlock_abi();
  if (abi == 0) return Unexpected(Error{"no Landlock in this kernel", ENOSYS});
  const RulesetAttributes attributes = attributes_of(rules, abi);
  UniqueFd ruleset(static_cast<int>(
      ::syscall(SYS_landlock_create_ruleset, &attributes, attribute_bytes(abi), 0)));
  if (!ruleset) return Unexpected(Error::from_errno(errno, "making Landlock rules"));
  for (const PathRule& rule : rules.paths) TRY(add_path(ruleset, rule, abi));
  if (abi < kLandlockWithTcp) return ruleset;
  if (rules.confines_bind) TRY(add_ports(ruleset, rules.bind_ports, kNetBindTcp));
  if (rules.confines_connect) TRY(add_ports(ruleset, rules.connect_ports, kNetConnectTcp));
  return ruleset;
}

unsigned tell_audit_of_programs() {
  return landlock_abi() >= kLandlockWithAudit ? kLogNewExecOn : 0;
}

Result<void> restrict_self(const UniqueFd& ruleset) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return Unexpected(Error::from_errno(errno, "giving up new privileges"));
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return Unexpected(Error::from_errno(errno, "entering the Landlock domain"));
  }
  return {};
}

}  // namespace uvhttpd
