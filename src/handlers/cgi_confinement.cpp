// SPDX-License-Identifier: MIT
#include "handlers/cgi_confinement.h"

#include <filesystem>
#include <utility>

namespace uvhttpd {
namespace {

using namespace path_right;

constexpr const char* kSystem[] = {"/usr",   "/bin",    "/sbin", "/lib",       "/lib32",
                                   "/lib64", "/libx32", "/opt",  "/nix/store", "/gnu/store"};
constexpr const char* kDeviceFiles[] = {"/dev/null",   "/dev/zero",    "/dev/full",
                                        "/dev/random", "/dev/urandom", "/dev/tty"};
constexpr const char* kTemporary[] = {"/tmp", "/var/tmp"};

std::string parent_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

// Where the links of a path lead; the path itself where that cannot be told.
std::string resolved(const std::string& path) {
  std::error_code error;
  const std::filesystem::path found = std::filesystem::canonical(path, error);
  return error ? path : found.string();
}

void add_directory_of(const std::string& file, LandlockRules& rules) {
  rules.paths.push_back({parent_of(file), kRead | kExecute});
  rules.paths.push_back({parent_of(resolved(file)), kRead | kExecute});
}

}  // namespace

std::vector<PathRule> system_rules_for_programs() {
  std::vector<PathRule> rules;
  for (const char* path : kSystem) rules.push_back({path, kRead | kExecute});
  rules.push_back({"/etc", kRead});
  // Usually a link to where whoever manages the network writes it.
  rules.push_back({parent_of(resolved("/etc/resolv.conf")), kRead});
  rules.push_back({"/proc", kRead});
  for (const char* path : kDeviceFiles) {
    rules.push_back({path, kRead | kWrite | kDevices});
  }
  for (const char* path : kTemporary) rules.push_back({path, kOwn});
  return rules;
}

LandlockRules rules_for_programs(const config::CgiHandler& handler,
                                 const std::string& document_root) {
  LandlockRules rules;
  rules.paths = system_rules_for_programs();
  if (!handler.root.empty()) rules.paths.push_back({handler.root, kRead | kExecute, true});
  if (!handler.program.empty()) add_directory_of(handler.program, rules);
  for (const auto& [extension, interpreter] : handler.interpreter) {
    add_directory_of(interpreter, rules);
  }
  if (!document_root.empty()) rules.paths.push_back({document_root, kRead});
  // What can be read can be run by an interpreter: to forbid the rest would only be in the way.
  for (const std::string& path : handler.readable)
    rules.paths.push_back({path, kRead | kExecute, true});
  for (const std::string& path : handler.writable)
    rules.paths.push_back({path, kOwn | kExecute, true});
  rules.confines_connect = !handler.network;
  return rules;
}

struct CgiConfinement::State {
  State(const config::CgiHandler& its_handler, std::string its_document_root)
      : handler(its_handler),
        document_root(std::move(its_document_root)),
        filter(program_filter(its_handler.network)),
        filter_program{static_cast<unsigned short>(filter.size()), filter.data()} {}

  Result<void> make() {
    TRY_ASSIGN(ruleset, make_ruleset(rules_for_programs(handler, document_root)));
    confinement.ruleset = ruleset.get();
    return {};
  }
  void watch(const std::string& path) {
    if (path.empty()) return;
    if (auto directory = Directory::open(path)) directories.push_back(*std::move(directory));
  }
  bool were_replaced() {
    bool any = false;
    for (Directory& directory : directories) any = directory.reopen_if_replaced() || any;
    return any;
  }

  const config::CgiHandler& handler;
  const std::string document_root;
  SyscallFilter filter;
  const sock_fprog filter_program;
  UniqueFd ruleset;
  std::vector<Directory> directories;
  ChildConfinement confinement;
};

CgiConfinement::CgiConfinement() = default;
CgiConfinement::CgiConfinement(CgiConfinement&& other) noexcept = default;
CgiConfinement::~CgiConfinement() = default;

Result<CgiConfinement> CgiConfinement::prepare(const config::CgiHandler& handler,
                                               const std::string& document_root,
                                               config::Sandbox sandbox) {
  CgiConfinement made;
  if (sandbox == config::Sandbox::off) return made;
  auto state = std::make_unique<State>(handler, document_root);
  if (landlock_abi() > 0) {
    state->watch(handler.root);
    state->watch(document_root);
    TRY(state->make());
  }
  if (has_seccomp()) state->confinement.filter = &state->filter_program;
  made.state_ = std::move(state);
  return made;
}

Result<const ChildConfinement*> CgiConfinement::current() {
  if (!state_) return static_cast<const ChildConfinement*>(nullptr);
  if (state_->were_replaced()) TRY(state_->make());
  return static_cast<const ChildConfinement*>(&state_->confinement);
}

}  // namespace uvhttpd
