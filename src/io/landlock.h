// SPDX-License-Identifier: MIT
// io/landlock.h: what the kernel's Landlock leaves to a thread and to all that it starts: files,
// TCP ports, and whom it may signal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace uvhttpd {

// What rules are made for: the directory that the path is in, and where its links lead, the path
// itself where that cannot be told.
std::string directory_of(const std::string& path);
std::string resolved(const std::string& path);

// Of a file or of all that is below a directory; combined with |.
namespace path_right {
constexpr unsigned kRead = 1;          // files and the names in directories
constexpr unsigned kExecute = 2;       // files, as programs
constexpr unsigned kWrite = 4;         // files that are there
constexpr unsigned kCreate = 8;        // new files
constexpr unsigned kRemove = 16;       // files, sockets and links
constexpr unsigned kSockets = 32;      // making them, for a server to listen on
constexpr unsigned kDirectories = 64;  // making and removing them
constexpr unsigned kLinks = 128;       // making links and named pipes; moving between directories
constexpr unsigned kDevices = 256;     // what ioctl() does to them
constexpr unsigned kOwn = kRead | kWrite | kCreate | kRemove | kSockets | kDirectories | kLinks;
}  // namespace path_right

struct PathRule {
  std::string path;
  unsigned rights = 0;
  bool is_required = false;  // a path that cannot be looked at is an error and not skipped
};

// Everything that is not in here is refused, as far as the kernel can: it ignores what its version
// of Landlock does not know.
struct LandlockRules {
  std::vector<PathRule> paths;
  bool confines_bind = true;
  std::vector<std::uint16_t> bind_ports;  // TCP; 0: any that the kernel picks
  bool confines_connect = true;
  std::vector<std::uint16_t> connect_ports;  // TCP
  bool confines_abstract_sockets = true;     // of others than those under the same rules
  bool confines_signals = true;              // likewise
};

// The versions that brought what a caller has to know of.
constexpr int kLandlockWithTcp = 4;
constexpr int kLandlockWithScopes = 6;
constexpr int kLandlockWithAudit = 7;

// The version of the kernel's Landlock; 0: there is none, or a filter of system calls hides it.
int landlock_abi();

// For landlock_restrict_self, by a process that may gain no new privileges. The paths are opened
// now: what takes their place later is not what the rules are about. A lack of descriptors or
// memory is an error also for paths that are not required.
Result<UniqueFd> make_ruleset(const LandlockRules& rules);

// Flags for landlock_restrict_self in a process that is about to run a program: the kernel's audit,
// where it is on, tells what the program is refused. 0 where it cannot.
unsigned tell_audit_of_programs();

// For this thread and those that it starts from now on; never to be taken back. The thread gives up
// gaining privileges by running programs.
Result<void> restrict_self(const UniqueFd& ruleset);

}  // namespace uvhttpd
