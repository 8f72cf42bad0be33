// SPDX-License-Identifier: MIT
// handlers/absent_paths.h: paths that were lately found to be nothing, so that those who ask for
// the same missing thing again and again cost no look at the disk.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace uvhttpd {

// A fixed number of places; a path takes the place of another with the same hash.
class AbsentPaths {
 public:
  // Whether the path was added later than `since`.
  bool has(std::string_view path, TimePoint since) const {
    const Place& place = places_[index_of(path)];
    return place.seen > since && place.path == path;
  }
  void add(std::string_view path, TimePoint now) {
    if (path.size() > kLongest) return;
    places_[index_of(path)] = {std::string(path), now};
  }

 private:
  static constexpr std::size_t kPlaces = 256;
  static constexpr std::size_t kLongest = 256;
  struct Place {
    std::string path;
    TimePoint seen = TimePoint::min();
  };
  static std::size_t index_of(std::string_view path) {
    return std::hash<std::string_view>{}(path) % kPlaces;
  }
  std::array<Place, kPlaces> places_;
};

}  // namespace uvhttpd
