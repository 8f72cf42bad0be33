// SPDX-License-Identifier: MIT
// handlers/program_files.h: which files of all sites are programs, and where those are on the disk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "config/programs.h"

namespace uvhttpd {

// One for all sites of a worker, since they may share files: what is known of a place is learnt
// once, however many sites and places there are.
class ProgramFiles {
 public:
  struct Place {
    std::string written;  // absolute
    std::string real;     // with links resolved
  };

  // Looks at the disk. The configuration need not live longer.
  explicit ProgramFiles(const config::Config& config);

  // Looks at the disk again, unless that was done less than `interval` before.
  void look_again(TimePoint now, Duration interval);
  // Another number whenever look_again() has found a place to be another directory or file.
  unsigned generation() const { return generation_; }

  // Directories all of which routes run, and single programs; each once.
  const std::vector<Place>& places() const { return places_; }
  // Of what routes run for its extension; each once.
  const std::vector<config::ProgramType>& types() const { return types_; }

 private:
  // What is at a place, whatever links lead there.
  struct Identity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    bool operator==(const Identity&) const = default;
  };
  static Identity identify(const std::string& path);

  std::vector<config::ProgramType> types_;
  std::vector<Place> places_;
  std::vector<Identity> identities_;  // of the places, in their order
  TimePoint looked_{};
  unsigned generation_ = 0;
};

}  // namespace uvhttpd
