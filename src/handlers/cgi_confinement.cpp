// SPDX-License-Identifier: MIT
#include "handlers/cgi_confinement.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

namespace uvhttpd {
namespace {

using namespace path_right;

constexpr const char* kSystem[] = {"/usr",   "/bin",    "/sbin", "/lib",       "/lib32",
                                   "/lib64", "/libx32", "/opt",  "/nix/store", "/gnu/store"};
constexpr const char* kDeviceFiles[] = {"/dev/null",   "/dev/zero",    "/dev/full",
                                        "/dev/random", "/dev/urandom", "/dev/tty"};
constexpr const char* kSettings = "/etc";
constexpr const char* kSecrets[] = {
    "/etc/shadow",      "/etc/shadow-",     "/etc/gshadow", "/etc/gshadow-", "/etc/ssl/private",
    "/etc/letsencrypt", "/etc/pki/private", "/etc/ssh",     "/etc/sudoers",  "/etc/sudoers.d",
    "/etc/krb5.keytab", "/etc/wireguard",   "/etc/uvhttpd"};
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

// Of /etc. What the configuration keeps elsewhere is in no domain of programs, unless they are
// given the directory.
std::vector<std::string> secrets_of(const config::Config& config) {
  std::vector<std::string> secrets(std::begin(kSecrets), std::end(kSecrets));
  const auto add = [&secrets](const std::string& file) {
    if (file.empty()) return;
    secrets.push_back(file);
    secrets.push_back(resolved(file));
  };
  add(config.file);
  for (const config::Site& site : config.sites) {
    if (site.tls) {
      for (const config::KeyPair& pair : site.tls->key_pairs) add(pair.key);
    }
    if (site.auth) add(site.auth->users);
    for (const config::Route& route : site.routes) {
      if (route.auth) add(route.auth->users);
    }
  }
  return secrets;
}

bool is_below(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

// A domain can only be given things, so what is beside a secret is given piece by piece.
void add_all_but(const std::string& directory, const std::vector<std::string>& secrets,
                 std::vector<PathRule>& rules) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string path = entry.path().string();
    const auto is_secret = [&](const std::string& secret) { return secret == path; };
    const auto has_secret = [&](const std::string& secret) { return is_below(secret, path); };
    if (std::any_of(secrets.begin(), secrets.end(), is_secret)) continue;
    if (std::any_of(secrets.begin(), secrets.end(), has_secret)) {
      if (entry.is_directory(error)) add_all_but(path, secrets, rules);
    } else {
      rules.push_back({path, kRead});
    }
  }
}

void add_directory_of(const std::string& file, LandlockRules& rules) {
  rules.paths.push_back({parent_of(file), kRead | kExecute});
  rules.paths.push_back({parent_of(resolved(file)), kRead | kExecute});
}

}  // namespace

std::vector<PathRule> system_rules_for_programs() {
  std::vector<PathRule> rules;
  for (const char* path : kSystem) rules.push_back({path, kRead | kExecute});
  // Usually a link to where whoever manages the network writes it.
  rules.push_back({parent_of(resolved("/etc/resolv.conf")), kRead});
  rules.push_back({"/proc", kRead});
  for (const char* path : kDeviceFiles) {
    rules.push_back({path, kRead | kWrite | kDevices});
  }
  for (const char* path : kTemporary) rules.push_back({path, kOwn});
  return rules;
}

std::vector<PathRule> settings_for_programs(const config::Config& config) {
  std::vector<PathRule> rules;
  add_all_but(kSettings, secrets_of(config), rules);
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
  State(const config::CgiHandler& its_handler, std::string its_document_root,
        const config::Config& its_config)
      : handler(its_handler),
        config(its_config),
        document_root(std::move(its_document_root)),
        filter(program_filter(its_handler.network)),
        filter_program{static_cast<unsigned short>(filter.size()), filter.data()} {}

  Result<void> make() {
    LandlockRules rules = rules_for_programs(handler, document_root);
    for (PathRule& rule : settings_for_programs(config)) rules.paths.push_back(std::move(rule));
    TRY_ASSIGN(ruleset, make_ruleset(rules));
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
  // Files there are replaced, /etc/passwd by whoever adds a user.
  bool have_settings_changed() {
    struct stat info {};
    if (::stat(kSettings, &info) != 0) return false;
    const std::pair<std::int64_t, std::int64_t> now{info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
    return std::exchange(settings_changed, now) != now;
  }

  const config::CgiHandler& handler;
  const config::Config& config;
  const std::string document_root;
  SyscallFilter filter;
  const sock_fprog filter_program;
  UniqueFd ruleset;
  std::vector<Directory> directories;
  std::pair<std::int64_t, std::int64_t> settings_changed;
  ChildConfinement confinement;
};

CgiConfinement::CgiConfinement() = default;
CgiConfinement::CgiConfinement(CgiConfinement&& other) noexcept = default;
CgiConfinement::~CgiConfinement() = default;

Result<CgiConfinement> CgiConfinement::prepare(const config::CgiHandler& handler, bool has_identity,
                                               const std::string& document_root,
                                               const config::Config& config) {
  CgiConfinement made;
  if (config.server.sandbox == config::Sandbox::off) return made;
  auto state = std::make_unique<State>(handler, document_root, config);
  state->confinement.drop_capabilities = !has_identity && ::geteuid() == 0;
  if (landlock_abi() > 0) {
    state->watch(handler.root);
    state->watch(document_root);
    (void)state->have_settings_changed();
    TRY(state->make());
  }
  if (has_seccomp()) state->confinement.filter = &state->filter_program;
  made.state_ = std::move(state);
  return made;
}

Result<const ChildConfinement*> CgiConfinement::current() {
  if (!state_) return static_cast<const ChildConfinement*>(nullptr);
  // Both are to be asked.
  const bool were_replaced = state_->were_replaced();
  if (state_->have_settings_changed() || were_replaced) TRY(state_->make());
  return static_cast<const ChildConfinement*>(&state_->confinement);
}

}  // namespace uvhttpd
