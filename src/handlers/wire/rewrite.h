// SPDX-License-Identifier: MIT
// handlers/wire/rewrite.h: URLs and paths of an upstream in its answers, told as the client must
// ask for them.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace uvhttpd::wire {

// How the paths of one upstream and ours are related. The views need to live for the call only.
struct UpstreamView {
  // "app.example:9000", "[::1]:80": what the upstream may call itself, each in lower case and with
  // its port.
  std::span<const std::string> authorities;
  std::string_view base;    // "/app": what the upstream's paths have that ours have not, or empty
  std::string_view prefix;  // "/shop": what ours have that the upstream's have not, or empty
  std::string_view scheme;  // as the client asked us
  std::string_view authority;  // of ours, as the client wrote it; empty: unknown
};

// A Location (RFC 9110 section 10.2.2). URLs of the upstream, or of ours as it knows us, and
// absolute paths become paths of ours; all others stay as they are, and so does what lies outside
// of the base. The result names no other server than the value did.
std::string rewrite_location(std::string_view value, const UpstreamView& view);

// The value of a Set-Cookie (RFC 6265 section 4.1). Path becomes a path of ours; a Domain that is
// the upstream's own name goes, so that the cookie is the client's for us. The rest stays, and
// so does all of a cookie whose name begins with "__Host-".
std::string rewrite_cookie(std::string_view value, const UpstreamView& view);

}  // namespace uvhttpd::wire
