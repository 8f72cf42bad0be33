// SPDX-License-Identifier: MIT
// server/media_types.h: the Content-Type of a file, from its name and the configuration.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"

namespace uvhttpd {

class MediaTypes {
 public:
  // Both outlive the object. An empty charset adds none.
  MediaTypes(const config::Config& config, const std::string& charset)
      : config_(config), charset_(charset) {}

  // "text/html; charset=utf-8". `unknown` is what a name without a known extension gets.
  std::string of(std::string_view path, std::string_view unknown = kUnknown) const;

  static constexpr std::string_view kUnknown = "application/octet-stream";

 private:
  const config::Config& config_;
  const std::string& charset_;
};

}  // namespace uvhttpd
