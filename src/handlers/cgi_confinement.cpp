// SPDX-License-Identifier: MIT
#include "handlers/cgi_confinement.h"

#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <utility>

#include "base/passing.h"
#include "handlers/server_secrets.h"

namespace uvhttpd {
namespace {

using namespace path_right;

constexpr const char* kSystem[] = {"/usr",   "/bin",    "/sbin", "/lib",       "/lib32",
                                   "/lib64", "/libx32", "/opt",  "/nix/store", "/gnu/store"};
constexpr const char* kDeviceFiles[] = {"/dev/null",   "/dev/zero",    "/dev/full",
                                        "/dev/random", "/dev/urandom", "/dev/tty"};
// What is in /etc for all to know, by patterns of glob(3). The rest may be anybody's secrets.
constexpr const char* kSettings[] = {
    // who and where
    "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/hosts", "/etc/hosts.allow",
    "/etc/hosts.deny", "/etc/hostname", "/etc/host.conf", "/etc/resolv.conf", "/etc/gai.conf",
    "/etc/networks", "/etc/services", "/etc/protocols", "/etc/rpc", "/etc/machine-id",
    "/etc/*release", "/etc/debian_version", "/etc/mtab",
    // time, language and terminals
    "/etc/localtime", "/etc/timezone", "/etc/locale*", "/etc/default/locale", "/etc/terminfo",
    "/etc/inputrc", "/etc/profile*", "/etc/bash*",
    // libraries and programs
    "/etc/ld.so.*", "/etc/alternatives", "/etc/perl", "/etc/php.ini", "/etc/php.d",
    "/etc/php/*/cli", "/etc/php/*/cgi", "/etc/php/*/mods-available", "/etc/python[0-9]*",
    "/etc/ruby[0-9]*", "/etc/java-[0-9]*", "/etc/R", "/etc/gitconfig", "/etc/gitweb*",
    "/etc/cgitrc", "/etc/mercurial",
    // cryptography: whom to trust
    "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/ca-certificates*", "/etc/pki/tls/certs",
    "/etc/pki/tls/openssl.cnf", "/etc/pki/ca-trust", "/etc/crypto-policies", "/etc/gnutls",
    // documents and pictures
    "/etc/mime.types", "/etc/mailcap", "/etc/magic*", "/etc/xml", "/etc/sgml", "/etc/fonts",
    "/etc/ImageMagick*", "/etc/ghostscript", "/etc/papersize", "/etc/paperspecs", "/etc/libpaper.d",
    "/etc/texmf"};
// Where those are replaced, /etc/passwd by whoever adds a user.
constexpr const char* kSettingsIn[] = {"/etc", "/etc/ssl", "/etc/default", "/etc/pki/tls"};
constexpr const char* kTemporary[] = {"/tmp", "/var/tmp", "/dev/shm"};

using Stamp = std::pair<std::int64_t, std::int64_t>;

// When something was made, removed or renamed in it.
Stamp stamp_of(const std::string& directory) {
  struct stat info {};
  if (::stat(directory.c_str(), &info) != 0) return {};
  return {info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

struct Divided {
  Stamp changed;  // as it was before it was read
  std::string path;
};

Result<std::vector<std::string>> settings() {
  std::vector<std::string> paths;
  const auto is_serious = [](const char*, int os_error) { return is_passing(os_error) ? 1 : 0; };
  for (const char* pattern : kSettings) {
    glob_t found{};
    const int failure = ::glob(pattern, 0, is_serious, &found);
    if (failure == 0) {
      paths.insert(paths.end(), found.gl_pathv, found.gl_pathv + found.gl_pathc);
    }
    ::globfree(&found);
    if (failure == GLOB_NOSPACE) return Unexpected(Error::from_errno(ENOMEM, pattern));
    if (failure == GLOB_ABORTED) return Unexpected(Error::from_errno(EMFILE, pattern));
  }
  return paths;
}

// A domain can only be given things, so what is beside a secret is given piece by piece. The
// directories of which that is so go to `divided`: what is new in them has no rule.
Result<void> add_all_but(const ServerSecrets& secrets, const PathRule& rule,
                         std::vector<PathRule>& rules, std::vector<Divided>& divided) {
  if (!secrets.are_below(rule.path)) {
    rules.push_back(rule);
    return {};
  }
  divided.push_back({stamp_of(rule.path), rule.path});
  std::error_code error;
  std::filesystem::directory_iterator entries(rule.path, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const std::string path = entries->path().string();
    if (secrets.include(path)) continue;
    // A link into another directory is followed when that is named, and only then.
    std::error_code gone;
    if (entries->is_symlink(gone) && secrets.are_below(path)) continue;
    TRY(add_all_but(secrets, {path, rule.rights}, rules, divided));
  }
  if (is_passing(error.value())) return Unexpected(Error::from_errno(error.value(), rule.path));
  return {};
}

// What lies beside a file usually belongs to it, but not in /etc.
std::string surroundings_of(const std::string& file) {
  std::string directory = directory_of(file);
  return directory == "/etc" ? file : directory;
}

void add_surroundings_of(const std::string& file, LandlockRules& rules) {
  rules.paths.push_back({surroundings_of(file), kRead | kExecute});
  rules.paths.push_back({surroundings_of(resolved(file)), kRead | kExecute});
}

}  // namespace

std::vector<PathRule> system_rules_for_programs() {
  std::vector<PathRule> rules;
  for (const char* path : kSystem) rules.push_back({path, kRead | kExecute});
  // Often a link to where whoever manages the network writes it.
  constexpr char kResolver[] = "/etc/resolv.conf";
  if (const std::string file = resolved(kResolver); file != kResolver) {
    rules.push_back({surroundings_of(file), kRead});
  }
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
  if (!handler.program.empty()) add_surroundings_of(handler.program, rules);
  for (const auto& [extension, interpreter] : handler.interpreter) {
    add_surroundings_of(interpreter, rules);
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
    std::vector<PathRule> wanted = std::exchange(rules.paths, {});
    divided.clear();
    for (const char* path : kSettingsIn) note(path);
    for (const std::string& path : directories_of_secrets(config)) note(path);
    TRY_ASSIGN(const std::vector<std::string> known, settings());
    std::vector<std::string> needed = known;
    for (const PathRule& rule : wanted) needed.push_back(rule.path);
    const ServerSecrets secrets(config, needed);
    for (const std::string& path : known) {
      if (!secrets.include(path)) wanted.push_back({path, kRead});
    }
    for (const PathRule& rule : wanted) {
      // What may be written to the operator has named, or it is anybody's.
      if ((rule.rights & kWrite) != 0 || is_named(rule.path)) {
        rules.paths.push_back(rule);
      } else {
        TRY(add_all_but(secrets, rule, rules.paths, divided));
      }
    }
    TRY_ASSIGN(ruleset, make_ruleset(rules));
    is_stale = false;
    confinement.ruleset = ruleset.get();
    return {};
  }
  // Each is looked at for each program.
  void note(const std::string& directory) {
    if (const Stamp changed = stamp_of(directory); changed != Stamp{}) {
      divided.push_back({changed, directory});
    }
  }
  Result<void> watch(const std::string& path) {
    if (path.empty()) return {};
    auto directory = Directory::open(path);
    if (directory) {
      directories.push_back(*std::move(directory));
    } else if (is_passing(directory.error().os_error)) {
      return Unexpected(std::move(directory).error());
    }
    return {};
  }
  // News are news until there is a ruleset that knows them.
  bool has_news() {
    if (!ruleset) return false;
    for (Directory& directory : directories) {
      is_stale = directory.reopen_if_replaced() || is_stale;
    }
    is_stale = is_stale || have_divided_changed();
    return is_stale;
  }
  bool is_named(const std::string& path) const {
    return std::find(handler.readable.begin(), handler.readable.end(), path) !=
           handler.readable.end();
  }
  bool have_divided_changed() const {
    return std::any_of(divided.begin(), divided.end(),
                       [](const Divided& each) { return stamp_of(each.path) != each.changed; });
  }

  const config::CgiHandler& handler;
  const config::Config& config;
  const std::string document_root;
  SyscallFilter filter;
  const sock_fprog filter_program;
  UniqueFd ruleset;
  std::vector<Directory> directories;
  std::vector<Divided> divided;
  bool is_stale = true;
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
    TRY(state->watch(handler.root));
    TRY(state->watch(document_root));
    for (const auto* paths : {&handler.readable, &handler.writable}) {
      for (const std::string& path : *paths) TRY(state->watch(path));
    }
    state->confinement.ruleset_flags = tell_audit_of_programs();
    TRY(state->make());
  }
  if (has_seccomp()) state->confinement.filter = &state->filter_program;
  made.state_ = std::move(state);
  return made;
}

Result<const ChildConfinement*> CgiConfinement::current() {
  if (!state_) return static_cast<const ChildConfinement*>(nullptr);
  if (state_->has_news()) TRY(state_->make());
  return static_cast<const ChildConfinement*>(&state_->confinement);
}

}  // namespace uvhttpd
