// SPDX-License-Identifier: MIT
// http/conditional.h: conditional requests, RFC 9110 section 13, evaluated in one place.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/message.h"

namespace uvhttpd::http {

// The validators of the selected representation.
struct Validators {
  std::string_view etag;  // with its quotes, `W/` in front when weak; empty: none
  std::optional<std::int64_t> last_modified{};  // seconds since 1970
};

// What to answer instead of the representation: nothing, 304, or 412.
enum class Precondition { proceed, not_modified, failed };

// Section 13.2.2, in its order: If-Match, else If-Unmodified-Since; then If-None-Match, else
// If-Modified-Since (GET and HEAD only). The mere presence of an entity-tag field hides the date
// field beside it. For a representation that exists: "*" holds in If-Match, and not in
// If-None-Match. A match of If-None-Match is not_modified for GET and HEAD and failed otherwise.
// CONNECT, OPTIONS and TRACE always proceed (section 13.2.1).
//
// Entity-tag lists may have several field lines, empty members, tabs, and commas inside tags.
// A malformed member ends its field line: what follows it there is not read. An If-Match with one
// is false; in If-None-Match the tags in front of it and on other lines still count. "*" counts
// only without any tag or malformed member beside it.
//
// A date field is ignored when it does not parse, comes more than once, or there is no
// last_modified to compare it with; `now_seconds` is for two-digit years.
Precondition evaluate_preconditions(const RequestHead& request, const Validators& validators,
                                    std::int64_t now_seconds);

// Section 13.1.5: whether a Range field is to be honoured. True without If-Range; with an entity
// tag only on strong comparison; with a date only when it equals last_modified exactly and is a
// strong validator, that is at least a second older than `now_seconds` (section 8.8.2.2). False
// when If-Range is anything else or comes more than once.
bool if_range_holds(const RequestHead& request, const Validators& validators,
                    std::int64_t now_seconds);

}  // namespace uvhttpd::http
