// SPDX-License-Identifier: MIT
// handlers/placeholders.h: {path}, {host} and their like in texts of the configuration.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace uvhttpd {

// What stands for {name}.
struct Placeholder {
  std::string_view name;
  std::string_view value;
};

// What redirects and fixed answers know.
struct PlaceholderValues {
  std::string_view path;  // what the route's `*` matched
  std::string_view query;
  bool has_query = false;
  std::string_view host;  // as the client wrote it, with the port
  std::string_view scheme;
};

// What fields of a request to an upstream know.
struct ForwardedValues {
  std::string_view client;  // its address
  std::string_view host;    // as the client wrote it, with the port
  std::string_view scheme;
  std::string_view upstream;  // as configured
  std::string_view request_id;
  std::string_view user = {};  // that `auth` has let in; empty: nobody was asked
  // Of its certificate, "NONE" and empty without one.
  std::string_view client_verify = "NONE";
  std::string_view client_subject = {};
  std::string_view client_serial = {};
  std::string_view client_fingerprint = {};
};

// How a value is written so that it cannot mean anything but itself.
using Escape = std::string (*)(std::string_view value);

// Fills the placeholders in; any other `{…}` stays as it is, and so does what a value holds.
std::string fill_placeholders(std::string_view text, std::span<const Placeholder> placeholders,
                              Escape escape);
std::string fill_placeholders(std::string_view text, const PlaceholderValues& values,
                              Escape escape);
// The values are octets that a field may hold (RFC 9110 section 5.5), and need no escape.
std::string fill_placeholders(std::string_view text, const ForwardedValues& values);

}  // namespace uvhttpd
