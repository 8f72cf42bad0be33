// SPDX-License-Identifier: MIT
#include "handlers/program_files.h"

#include <sys/stat.h>

#include <set>
#include <tuple>
#include <utility>

#include "base/file.h"

namespace uvhttpd {

ProgramFiles::ProgramFiles(const config::Config& config) {
  std::set<std::string> known_places;
  std::set<std::tuple<std::string, std::string>> known_types;
  for (const config::Site& site : config.sites) {
    for (std::string& place : config::program_places(site)) {
      if (!known_places.insert(place).second) continue;
      std::string real = real_path(place);
      identities_.push_back(identify(place));
      places_.push_back({std::move(place), std::move(real)});
    }
    for (config::ProgramType& type : config::program_types(site)) {
      if (known_types.insert({type.extension, type.root}).second) types_.push_back(std::move(type));
    }
  }
}

ProgramFiles::Identity ProgramFiles::identify(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

void ProgramFiles::look_again(TimePoint now, Duration interval) {
  if (now - looked_ < interval) return;
  looked_ = now;
  bool has_moved = false;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const Identity seen = identify(places_[i].written);
    if (seen == identities_[i]) continue;
    identities_[i] = seen;
    places_[i].real = real_path(places_[i].written);
    has_moved = true;
  }
  if (has_moved) ++generation_;
}

}  // namespace uvhttpd
