// SPDX-License-Identifier: MIT
// handlers/served_names.h: which names the files of a site must not have to be given away.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace uvhttpd {

// Copies are independent: one may go along to another thread.
class ServedNames {
 public:
  ServedNames(const config::FileRules& rules, const config::Site& site);

  // The key of the configuration that refuses a file of that path, and why; "" when none does.
  std::string refusal(std::string_view path) const;
  // The same for a path of which is not known yet what it is, or whether it is anything.
  std::string refusal_of_any(std::string_view path) const;

 private:
  bool hidden_files_;
  std::vector<std::string> program_extensions_;  // ".php": of files that routes run
};

// Whether a segment begins with a dot. The segment ".well-known" (RFC 8615) does not count.
bool has_hidden_segment(std::string_view path);

}  // namespace uvhttpd
