// SPDX-License-Identifier: MIT
#include "app/confinement.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

#include "handlers/cgi_confinement.h"
#include "handlers/spool.h"
#include "io/cgroup.h"

namespace uvhttpd {
namespace {

using namespace path_right;
namespace filesystem = std::filesystem;

constexpr std::uint16_t kDnsPort = 53;
constexpr std::string_view kSandboxOff = "takes a restart, or sandbox = \"off\"";

// Of the C library's: names of hosts and users, and the modules that know them.
constexpr const char* kSystem[] = {"/etc", "/usr", "/lib", "/lib64"};

// So near the top of the tree, or a home directory: what is beside a root there is none of ours.
bool is_others_too(const filesystem::path& directory) {
  const filesystem::path parent = directory.parent_path();
  if (directory == "/srv") return false;
  return directory == "/" || parent == "/" || parent == "/home";
}

class Rules {
 public:
  // One that is not there is for those to complain about who open it.
  void need(const std::string& path, unsigned rights) {
    std::error_code error;
    add(path, rights, filesystem::exists(path, error));
  }
  void use(const std::string& path, unsigned rights) { add(path, rights, false); }

  // Deployments put another directory in a root's place, or turn a link.
  void need_root(const std::string& root, unsigned rights = kRead) {
    if (root.empty()) return;
    need(root, rights);
    std::vector<std::string> around{directory_of(root), directory_of(resolved(root))};
    std::error_code error;
    for (filesystem::path part = root; part.has_relative_path(); part = part.parent_path()) {
      if (filesystem::is_symlink(part, error)) around.push_back(part.parent_path().string());
    }
    for (const std::string& parent : around) {
      if (!is_others_too(parent)) use(parent, rights);
    }
  }

  // A file that others write anew, or that is a link which they turn; so may a directory above it
  // be, and then they lead it to one beside that where it is now.
  void need_directory_of(const std::string& file) {
    if (file.empty()) return;
    need(directory_of(file), kRead);
    need(directory_of(resolved(file)), kRead);
    std::error_code error;
    for (filesystem::path part = directory_of(file); part.has_relative_path();
         part = part.parent_path()) {
      if (!filesystem::is_symlink(part, error)) continue;
      const std::string around = directory_of(resolved(part));
      if (!is_others_too(around)) use(around, kRead);
    }
  }

  // Rotation takes the file away.
  void need_log(const std::string& target) {
    if (!target.starts_with('/')) return;
    use(target, kWrite);
    if (!target.starts_with("/dev/")) need(directory_of(target), kWrite | kCreate);
  }

  void need_links_of(const config::FileRules& files) {
    if (!files.root.empty() && files.symlinks == config::Symlinks::follow) need("/", kRead);
  }

  std::vector<PathRule> take() { return std::move(rules_); }

 private:
  void add(const std::string& path, unsigned rights, bool is_required) {
    const auto known = std::find_if(rules_.begin(), rules_.end(),
                                    [&](const PathRule& rule) { return rule.path == path; });
    if (known == rules_.end()) {
      rules_.push_back({path, rights, is_required});
      return;
    }
    known->rights |= rights;
    known->is_required = known->is_required || is_required;
  }

  std::vector<PathRule> rules_;
};

class ConfinementWriter {
 public:
  void add(const config::Config& config) {
    if (!config.file.empty()) rules_.need_directory_of(config.file);
    for (const char* path : kSystem) rules_.use(path, kRead);
    rules_.use(directory_of(resolved("/etc/resolv.conf")), kRead);
    rules_.use("/proc/self", kRead);
    rules_.use("/dev/null", kRead | kWrite);
    rules_.use("/dev/urandom", kRead);
    rules_.use(spool_directory(), kRead | kWrite | kCreate | kRemove);
    rules_.need_log(config.server.log);
    rules_.need_log(config.access_log.path);
    for (const config::Listener& listener : config.listeners) add(listener);
    for (const config::Site& site : config.sites) add(site);
    if (confinement_.runs_programs) {
      if (const Result<std::string> own = own_cgroup_directory()) {
        rules_.use(*own, kRead | kWrite | kDirectories);
      }
    }
  }

  Confinement take() {
    confinement_.rules.paths = rules_.take();
    return std::move(confinement_);
  }

  void operator()(const config::StaticHandler& handler) {
    rules_.need_root(handler.files.root);
    rules_.need_links_of(handler.files);
  }
  void operator()(const config::CgiHandler& handler) {
    confinement_.runs_programs = true;
    rules_.need_root(handler.root, kRead | kExecute);
    const LandlockRules rules = rules_for_programs(handler, {});
    for (const PathRule& rule : rules.paths) {
      rule.is_required ? rules_.need(rule.path, rule.rights) : rules_.use(rule.path, rule.rights);
    }
    if (handler.network) confinement_.rules.confines_connect = false;
  }
  void operator()(const config::FastCgiHandler& handler) { add(handler.script); }
  void operator()(const config::ScgiHandler& handler) { add(handler.script); }
  void operator()(const config::ProxyHandler& handler) { add(handler.pool); }
  void operator()(const config::RedirectHandler&) {}
  void operator()(const config::RespondHandler&) {}
  void operator()(const config::StatusHandler&) {}

 private:
  void add(const config::Listener& listener) {
    using Kind = config::Listener::Kind;
    if (listener.kind == Kind::ip) confinement_.rules.bind_ports.push_back(listener.port);
    if (listener.kind == Kind::unix_socket) {
      rules_.need(directory_of(listener.path), kRead | kSockets | kRemove);
    }
  }

  void add(const config::Site& site) {
    rules_.need_root(site.files.root);
    rules_.need_links_of(site.files);
    if (site.tls) {
      for (const config::KeyPair& pair : site.tls->key_pairs) {
        rules_.need_directory_of(pair.certificate);
        rules_.need_directory_of(pair.key);
      }
      rules_.need_directory_of(site.tls->client_ca);
    }
    if (site.auth) rules_.need_directory_of(site.auth->users);
    for (const config::Route& route : site.routes) {
      if (route.auth) rules_.need_directory_of(route.auth->users);
      std::visit(*this, route.handler);
    }
  }

  void add(const config::ScriptRules& script) {
    if (script.local_files) rules_.need_root(script.root);
    add(script.pool);
  }

  void add(const config::UpstreamRules& pool) {
    std::vector<std::uint16_t>& ports = confinement_.rules.connect_ports;
    for (const config::Upstream& upstream : pool.upstreams) {
      if (upstream.kind != config::Upstream::Kind::unix_socket) ports.push_back(upstream.port);
      if (upstream.kind == config::Upstream::Kind::name) ports.push_back(kDnsPort);
    }
  }

  Rules rules_;
  Confinement confinement_;
};

void make_unique(std::vector<std::uint16_t>& ports) {
  std::sort(ports.begin(), ports.end());
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
}

std::string paths_with(const std::vector<PathRule>& rules, unsigned rights) {
  std::set<std::string> paths;
  std::error_code error;
  for (const PathRule& rule : rules) {
    if ((rule.rights & rights) != 0 && filesystem::exists(rule.path, error)) {
      paths.insert(rule.path);
    }
  }
  std::string text;
  for (const std::string& path : paths) text += (text.empty() ? "" : " ") + path;
  return text.empty() ? "nothing" : text;
}

std::string ports_of(const std::vector<std::uint16_t>& ports) {
  std::string text;
  for (const std::uint16_t port : ports) text += (text.empty() ? "" : " ") + std::to_string(port);
  return text.empty() ? "none" : text;
}

void describe_programs(const config::Config& config, std::vector<std::string>& lines) {
  for (const config::Site& site : config.sites) {
    for (const config::Route& route : site.routes) {
      const auto* cgi = std::get_if<config::CgiHandler>(&route.handler);
      if (cgi == nullptr) continue;
      const std::string& document_root = site.files.root.empty() ? cgi->root : site.files.root;
      const LandlockRules rules = rules_for_programs(*cgi, document_root);
      const std::size_t system = system_rules_for_programs().size();
      const std::vector<PathRule> own(rules.paths.begin() + static_cast<std::ptrdiff_t>(system),
                                      rules.paths.end());
      lines.push_back(
          fmt::format("sandbox: programs of {}: besides the system and temporary files read {}; "
                      "run {}; write {}; {}",
                      route.path.text, paths_with(own, kRead), paths_with(own, kExecute),
                      paths_with(own, kWrite), cgi->network ? "TCP" : "no TCP"));
    }
  }
}

std::string naming(unsigned rights) {
  return (rights & (kWrite | kCreate | kRemove | kSockets)) != 0 ? "writing to " : "reading ";
}

void add_missing_ports(const std::vector<std::uint16_t>& have,
                       const std::vector<std::uint16_t>& want, std::string_view doing,
                       std::vector<std::string>& missing) {
  for (const std::uint16_t port : want) {
    if (std::find(have.begin(), have.end(), port) != have.end()) continue;
    missing.push_back(fmt::format("{} the TCP port {} {}", doing, port, kSandboxOff));
  }
}

}  // namespace

Confinement confinement_for(const config::Config& config) {
  ConfinementWriter writer;
  writer.add(config);
  Confinement confinement = writer.take();
  make_unique(confinement.rules.bind_ports);
  make_unique(confinement.rules.connect_ports);
  return confinement;
}

std::vector<std::string> describe(const config::Config& config) {
  if (config.server.sandbox == config::Sandbox::off) return {"sandbox: off"};
  const Confinement confinement = confinement_for(config);
  const LandlockRules& rules = confinement.rules;
  const int abi = landlock_abi();
  std::vector<std::string> lines;
  if (abi == 0) {
    lines.emplace_back("sandbox: no Landlock in this kernel: files and ports are not confined");
  } else {
    lines.push_back("sandbox: read " + paths_with(rules.paths, kRead));
    lines.push_back("sandbox: write " + paths_with(rules.paths, kWrite | kSockets));
    if (confinement.runs_programs)
      lines.push_back("sandbox: run " + paths_with(rules.paths, kExecute));
    if (abi < kLandlockWithTcp) {
      lines.emplace_back(
          "sandbox: the Landlock of this kernel knows no TCP: ports are not confined");
    } else {
      lines.push_back("sandbox: listen on the TCP ports " + ports_of(rules.bind_ports));
      lines.push_back("sandbox: connect to the TCP ports " +
                      (rules.confines_connect ? ports_of(rules.connect_ports) : "any"));
    }
    describe_programs(config, lines);
  }
  lines.emplace_back(!has_seccomp() ? "sandbox: no filter of system calls"
                     : confinement.runs_programs
                         ? "sandbox: system calls that programs usually make"
                         : "sandbox: system calls that the server makes, no programs");
  return lines;
}

Result<void> check_sandbox(const config::Config& config) {
  if (config.server.sandbox != config::Sandbox::on) return {};
  const std::string on = "server.sandbox is \"on\": ";
  if (landlock_abi() == 0) return Unexpected(Error{on + "no Landlock in this kernel", ENOSYS});
  if (!knows_seccomp())
    return Unexpected(Error{on + "this build has no filter of system calls", ENOSYS});
  if (!has_seccomp()) return Unexpected(Error{on + "no seccomp in this kernel", ENOSYS});
  return {};
}

Result<void> Sandbox::forbid_rings(const config::Config& config) {
  if (config.server.sandbox == config::Sandbox::off || !has_seccomp()) return {};
  return apply(no_rings_filter());
}

Result<void> Sandbox::enter(const config::Config& config, EventLoop& loop, Log& log) {
  if (config.server.sandbox == config::Sandbox::off) return {};
  TRY(check_sandbox(config));
  entered_ = confinement_for(config);
  entered_.rules.confines_abstract_sockets = confines_abstract_sockets_;
  if (landlock_abi() > 0) {
    TRY(enter_landlock(entered_));
  } else {
    log.info("sandbox", "no Landlock in this kernel: files and ports are not confined");
  }
  if (has_seccomp()) {
    (void)::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    refused_calls_.emplace(loop, log);
    TRY(apply(entered_.runs_programs ? server_with_programs_filter() : server_filter()));
    has_filter_ = true;
  } else if (knows_seccomp()) {
    log.info("sandbox", "no filter of system calls in this kernel");
  } else {
    log.debug("sandbox", "this build has no filter of system calls");
  }
  return {};
}

Result<void> Sandbox::enter_landlock(const Confinement& confinement) {
  TRY_ASSIGN(const UniqueFd ruleset, make_ruleset(confinement.rules));
  for (const PathRule& rule : confinement.rules.paths) {
    struct stat status {};
    if (::stat(rule.path.c_str(), &status) != 0) continue;
    granted_.push_back({status.st_dev, status.st_ino, rule.rights});
  }
  landlock_ = landlock_abi();
  return restrict_self(ruleset);
}

// As the kernel adds them up, from the path's end to the root of the tree.
unsigned Sandbox::rights_at(const std::string& path) const {
  unsigned rights = 0;
  for (filesystem::path at = resolved(path);; at = at.parent_path()) {
    struct stat status {};
    if (::stat(at.c_str(), &status) == 0) {
      for (const Granted& each : granted_) {
        if (each.device == status.st_dev && each.inode == status.st_ino) rights |= each.rights;
      }
    }
    if (at == at.parent_path()) return rights;
  }
}

std::vector<std::string> Sandbox::missing_for(const config::Config& config) const {
  const Confinement wanted = confinement_for(config);
  std::vector<std::string> missing;
  if (has_filter_ && wanted.runs_programs && !entered_.runs_programs) {
    missing.push_back(fmt::format("running programs {}", kSandboxOff));
  }
  if (landlock_ == 0) return missing;
  for (const PathRule& rule : wanted.rules.paths) {
    const unsigned lacking = rule.rights & ~rights_at(rule.path);
    if (!rule.is_required || lacking == 0) continue;
    missing.push_back(naming(lacking) + rule.path + " " + std::string(kSandboxOff));
  }
  if (landlock_ < kLandlockWithTcp) return missing;
  add_missing_ports(entered_.rules.bind_ports, wanted.rules.bind_ports, "listening on", missing);
  if (!entered_.rules.confines_connect) return missing;
  if (!wanted.rules.confines_connect) {
    missing.push_back(fmt::format("programs with network = true: it {}", kSandboxOff));
  }
  add_missing_ports(entered_.rules.connect_ports, wanted.rules.connect_ports, "connecting to",
                    missing);
  return missing;
}

}  // namespace uvhttpd
