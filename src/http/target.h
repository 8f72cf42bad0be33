// SPDX-License-Identifier: MIT
// http/target.h: the request target and Host (RFC 9112 section 3.2, RFC 3986), split and
// normalised.
#pragma once

#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "http/message.h"
#include "http/status.h"

namespace uvhttpd::http {

// RFC 8615: what programs look for, below this.
constexpr std::string_view kWellKnown = "/.well-known/";

struct Target {
  enum class Form { origin, absolute, asterisk, authority };
  Form form = Form::origin;
  std::string_view raw_path;  // as received, without the query
  // Percent-decoded once, dot segments resolved, runs of slashes merged; begins with "/" (but "*"
  // in asterisk form, empty in authority form). May hold any octet but NUL.
  std::string_view path = "/";
  std::string_view query;  // as received, without the "?"
  bool has_query = false;
  bool has_encoded_slash = false;  // raw_path has %2F: `path` cannot tell it from a real one
  std::string_view host;  // lower case, without port and trailing dot; empty: HTTP/1.0 without Host
  std::string_view authority;  // host and port as received
};

// Validates Host (exactly once in HTTP/1.1) and the target. An absolute target's authority replaces
// Host (RFC 9112 section 3.2.2). Views live as long as the head and the arena.
Result<Target, Refusal> parse_target(const RequestHead& head, Arena& arena);

struct Authority {
  std::string_view host;
  std::string_view port;  // digits, or empty
};
// host [ ":" port ] as in RFC 3986 section 3.2, without user information; nullopt when malformed or
// empty.
std::optional<Authority> parse_authority(std::string_view text);

// Decodes, resolves and merges as described at Target::path. The refusal is a 400.
Result<std::string_view, Refusal> normalize_path(std::string_view raw, Arena& arena,
                                                 bool& has_encoded_slash);

// Without what stands between a ";" and the end of its segment: parameters, to some (RFC 3986
// section 3.3).
std::string_view without_parameters(std::string_view raw_path, Arena& arena);

// The path percent-encoded again, for a Location field: unreserved, sub-delims, ":", "@" and "/"
// stay.
std::string_view encode_path(std::string_view path, Arena& arena);

}  // namespace uvhttpd::http
