// SPDX-License-Identifier: MIT
// server/error_pages.h: the bodies of error answers: ours, small and plain, or the operator's
// files.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/file.h"
#include "config/config.h"
#include "http/status.h"

namespace uvhttpd {

// A ready body with its type.
struct ErrorPage {
  std::shared_ptr<const std::string> body;
  std::string type;
};

// The page that the server brings itself. `explanation` is a sentence of HTML, or nothing.
ErrorPage plain_error_page(http::Status status, std::string_view explanation = {});

// One site's pages. Files are read when they are needed, and are good for as long as the cache's
// entries are.
class ErrorPages {
 public:
  // Both outlive the object.
  ErrorPages(const config::Config& config, const config::Site& site);
  // The operator's page for the status, else for its class, else the plain one. A page that cannot
  // be read gives the plain one.
  // The result lives until the next call.
  const ErrorPage& page(http::Status status, TimePoint now);

 private:
  struct Entry {
    std::string path;  // below the root
    ErrorPage page;    // without a body when there is none
    TimePoint looked_at = TimePoint::min();
  };
  Entry* find(http::Status status);
  void look_at(Entry& entry) const;
  const ErrorPage& plain_page(http::Status status);
  const config::Config& config_;
  const config::Site& site_;
  std::map<http::Status, Entry> pages_;
  std::map<http::Status, Entry> classes_;
  std::map<http::Status, ErrorPage> plain_;  // made when first needed
};

constexpr std::uint64_t kMaxErrorPageBytes = 1 << 20;

}  // namespace uvhttpd
