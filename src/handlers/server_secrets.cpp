// SPDX-License-Identifier: MIT
#include "handlers/server_secrets.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>
#include <variant>

#include "base/text.h"
#include "io/landlock.h"

namespace uvhttpd {
namespace {

namespace filesystem = std::filesystem;

constexpr std::size_t kMaxLinks = 40;  // in a row: what the kernel follows
// What is right below them belongs to many packages.
constexpr const char* kHierarchies[] = {"/usr", "/usr/local"};

bool is_below(const std::string& path, const std::string& directory) {
  if (directory == "/") return path.size() > 1 && path.starts_with('/');
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

std::string name_of(const std::string& path) { return filesystem::path(path).filename().string(); }

// With a directory that no links lead to; the last name may be a link.
std::string place_of(const std::string& path) {
  return (filesystem::path(resolved(directory_of(path))) / name_of(path)).string();
}

// Of the file and, if it is a link, of all that it leads to, be they there or not.
std::vector<std::string> places_of(const std::string& file) {
  std::vector<std::string> places{place_of(file)};
  while (places.size() <= kMaxLinks) {
    std::error_code no_link;
    const filesystem::path target = filesystem::read_symlink(places.back(), no_link);
    if (no_link) break;
    places.push_back(place_of((directory_of(places.back()) / target).string()));
  }
  return places;
}

struct RootOf {
  std::string operator()(const config::StaticHandler& handler) const { return handler.files.root; }
  std::string operator()(const config::CgiHandler& handler) const { return handler.root; }
  std::string operator()(const config::FastCgiHandler& handler) const {
    return handler.script.root;
  }
  std::string operator()(const config::ScgiHandler& handler) const { return handler.script.root; }
  template <class Other>
  std::string operator()(const Other&) const {
    return {};
  }
};

// "users~", "users.bak", and not "usersguide".
bool goes_on_from(std::string_view name, std::string_view secret) {
  if (!name.starts_with(secret)) return false;
  if (name.size() == secret.size()) return true;
  const char next = static_cast<char>(name[secret.size()] | 0x20);  // in lower case
  return next < 'a' || next > 'z';
}

void add(const std::string& path, std::set<std::string>& paths) {
  if (path.empty()) return;
  paths.insert(path);
  paths.insert(resolved(path));
}

std::set<std::string> roots_of(const config::Config& config) {
  std::set<std::string> roots;
  for (const config::Site& site : config.sites) {
    add(site.files.root, roots);
    for (const config::Route& route : site.routes) {
      add(std::visit(RootOf{}, route.handler), roots);
    }
  }
  return roots;
}

class NeededDirectories {
 public:
  NeededDirectories(const config::Config& config, const std::vector<std::string>& needed)
      : roots_(roots_of(config)), paths_(roots_) {
    for (const std::string& path : needed) add(path, paths_);
  }
  // Of a directory that no links lead to.
  bool include(const std::string& directory) const {
    return is_of_hierarchy(directory) ||
           std::any_of(paths_.begin(), paths_.end(),
                       [&](const std::string& path) {
                         return path == directory || is_below(path, directory);
                       }) ||
           std::any_of(roots_.begin(), roots_.end(), [&](const std::string& root) {
             return is_below(directory, root) && !is_hidden_in(root, directory);
           });
  }

 private:
  static bool is_of_hierarchy(const std::string& directory) {
    return std::find(std::begin(kHierarchies), std::end(kHierarchies), directory_of(directory)) !=
           std::end(kHierarchies);
  }
  static bool is_hidden_in(const std::string& root, const std::string& directory) {
    return directory.find("/.", root.size() - 1) != std::string::npos;
  }

  const std::set<std::string> roots_;
  std::set<std::string> paths_;
};

// The file and, as long as the directory around is a link, which may be turned to another one, that
// directory.
std::vector<std::string> turned_with(const std::string& file, const NeededDirectories& needed) {
  std::vector<std::string> paths{file};
  for (;;) {
    std::string around = directory_of(paths.back());
    std::error_code error;
    if (!filesystem::is_symlink(around, error) || needed.include(resolved(around))) return paths;
    paths.push_back(std::move(around));
  }
}

std::set<std::string> keys_and_passwords_of(const config::Config& config) {
  std::set<std::string> files;
  for (const config::Site& site : config.sites) {
    if (site.tls) {
      for (const config::KeyPair& pair : site.tls->key_pairs) files.insert(pair.key);
    }
    if (site.auth) files.insert(site.auth->users);
    for (const config::Route& route : site.routes) {
      if (route.auth) files.insert(route.auth->users);
    }
  }
  files.erase("");
  return files;
}

}  // namespace

std::set<std::string> directories_of_secrets(const config::Config& config) {
  std::set<std::string> directories;
  for (const std::string& file : keys_and_passwords_of(config)) {
    std::error_code error;
    const std::string directory = directory_of(file);
    if (filesystem::is_symlink(file, error) || resolved(directory) != directory) {
      directories.insert(directory);
    }
  }
  return directories;
}

ServerSecrets::ServerSecrets(const config::Config& config, const std::vector<std::string>& needed) {
  paths_.emplace_back("/etc/uvhttpd");
  const NeededDirectories directories(config, needed);
  if (!config.file.empty()) add(config.file);
  for (const std::string& file : keys_and_passwords_of(config)) {
    for (const std::string& path : turned_with(file, directories)) {
      add(path);
      for (const std::string& place : places_of(path)) {
        std::string directory = directory_of(place);
        if (!directories.include(directory)) paths_.push_back(std::move(directory));
      }
    }
  }
}

void ServerSecrets::add(const std::string& file) {
  paths_.push_back(file);
  for (std::string& place : places_of(file)) {
    likenesses_.push_back({directory_of(place), Name(place)});
    paths_.push_back(std::move(place));
  }
}

bool ServerSecrets::include(const std::string& path) const {
  const std::string target = resolved(path);
  return std::any_of(paths_.begin(), paths_.end(),
                     [&](const std::string& secret) {
                       return secret == path || secret == target || is_below(target, secret);
                     }) ||
         is_like_one(path) || is_like_one(target);
}

bool ServerSecrets::are_below(const std::string& path) const {
  const std::string target = resolved(path);
  return std::any_of(paths_.begin(), paths_.end(), [&](const std::string& secret) {
    return is_below(secret, path) || is_below(secret, target);
  });
}

bool ServerSecrets::is_like_one(const std::string& path) const {
  const Name name(path);
  return std::any_of(likenesses_.begin(), likenesses_.end(), [&](const Likeness& secret) {
    return name.is_like(secret.name) && resolved(directory_of(path)) == secret.directory;
  });
}

ServerSecrets::Name::Name(const std::string& path) : bare(name_of(path)) {
  bare.erase(0, bare.find_first_not_of(".#"));
  std::copy_if(bare.begin(), bare.end(), std::back_inserter(unnumbered),
               [](char c) { return !is_digit(c); });
}

bool ServerSecrets::Name::is_like(const Name& secret) const {
  if (secret.unnumbered.empty()) return unnumbered.empty() || goes_on_from(bare, secret.bare);
  return goes_on_from(unnumbered, secret.unnumbered);
}

}  // namespace uvhttpd
