// SPDX-License-Identifier: MIT
// handlers/served_names.h: which names the files of a site must not have to be given away.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace uvhttpd {

// Copies are independent: one may go along to another thread.
class ServedNames {
 public:
  // `root` is the directory that paths are below, absolute. Programs are those of all sites, since
  // sites may share files. Looks at the disk: their places are compared as they are when links are
  // resolved, too.
  ServedNames(const config::FileRules& rules, const config::Config& config,
              const std::string& root);
  // Whether a place of programs is now another directory or file: then a new object is due.
  bool has_moved() const;

  // The key of the configuration that refuses a file of that path, and why; "" when none does.
  std::string refusal(std::string_view path) const;
  // The same for a path of which is not known yet what it is, or whether it is anything.
  std::string refusal_of_any(std::string_view path) const;
  // The same for what an open file is, whatever links led to it.
  std::string refusal_of_real(std::string_view absolute, bool is_directory) const;
  // False when refusal_of_real never refuses.
  bool guards_programs() const { return !program_places_.empty() || !program_extensions_.empty(); }

 private:
  std::string refusal_of_source(std::string_view path) const;
  std::string refusal_of_place(std::string_view absolute) const;

  // What is at a place, whatever links lead there.
  struct Identity {
    std::string path;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    bool operator==(const Identity&) const = default;
  };
  static Identity identify(const std::string& path);

  bool hidden_files_;
  std::string root_;
  std::vector<std::string> program_extensions_;  // ".php": of files that routes run
  std::vector<std::string> program_places_;      // absolute paths of what they run, below the root
  std::vector<Identity> watched_;                // all of their places
};

}  // namespace uvhttpd
