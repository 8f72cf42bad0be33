// SPDX-License-Identifier: MIT
// handlers/placeholders.h: {path}, {query}, {host} and {scheme} in texts of the configuration.
#pragma once

#include <string>
#include <string_view>

namespace uvhttpd {

struct PlaceholderValues {
  std::string_view path;  // what the route's `*` matched
  std::string_view query;
  bool has_query = false;
  std::string_view host;  // as the client wrote it, with the port
  std::string_view scheme;
};

// How a value is written so that it cannot mean anything but itself.
using Escape = std::string (*)(std::string_view value);

// Fills the placeholders in; any other `{…}` stays as it is.
std::string fill_placeholders(std::string_view text, const PlaceholderValues& values,
                              Escape escape);

}  // namespace uvhttpd
