// SPDX-License-Identifier: MIT
// handlers/cgi_confinement.h: what the programs of a route may do, which is less than the server
// may.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "config/config.h"
#include "io/child_start.h"
#include "io/landlock.h"
#include "io/seccomp.h"

namespace uvhttpd {

// What programs of any kind need of the system, none of it anybody's own: programs and libraries,
// /proc, the devices that are no devices, and /tmp, /var/tmp and /dev/shm to write to. A
// CgiConfinement adds what is in /etc for all to know: names and addresses, languages, certificates
// of authorities, the settings of interpreters.
std::vector<PathRule> system_rules_for_programs();

// Of the handler's programs; the above come first. Home directories are in it only where the
// configuration names them. A CgiConfinement leaves out of all that may only be read what is
// nobody's business but the server's (ServerSecrets).
LandlockRules rules_for_programs(const config::CgiHandler& handler,
                                 const std::string& document_root);

// One route's, on one worker.
class CgiConfinement {
 public:
  // Of programs that are as confined as the server.
  CgiConfinement();
  CgiConfinement(CgiConfinement&& other) noexcept;
  ~CgiConfinement();
  // With Sandbox::automatic no more than the kernel can. `handler` outlives the result.
  // `has_identity`: they do not run as the server's user.
  static Result<CgiConfinement> prepare(const config::CgiHandler& handler, bool has_identity,
                                        const std::string& document_root,
                                        const config::Config& config);

  // For the next program: what has taken the place of a directory counts as that directory, and
  // what is new beside a secret, and none itself, may be read. Absent: nothing besides what the
  // server has. Valid until the next call. Errors carry errno: EMFILE, ENFILE or ENOMEM when the
  // means are lacking to see what there is, and the next call tries again.
  Result<const ChildConfinement*> current();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace uvhttpd
