// SPDX-License-Identifier: MIT
// http/accept.h: Accept, RFC 9110 section 12.5.1.
#pragma once

#include <compare>
#include <string_view>

#include "http/message.h"

namespace uvhttpd::http {

// How much a client wants a media type. The larger is the more wanted one: by the quality, and at
// the same quality by how exactly the type was asked for.
struct MediaPreference {
  unsigned quality = 0;    // 0 (not acceptable) to 1000
  unsigned precision = 0;  // 3: "text/html", 2: "text/*", 1: "*/*", 0: not asked for
  auto operator<=>(const MediaPreference&) const = default;
};

// What Accept says of `media_type` (type, "/" and subtype, in UTF-8 where it is text). Of the
// ranges that match, the most precise one counts, of equal ones the best quality. Several field
// lines, empty members, quoted strings, any case and a `q` at any place are understood; a malformed
// member is ignored. A range with a parameter other than q and charset=utf-8 is one of another
// representation. Without the field everything is acceptable.
MediaPreference media_preference(const FieldList& fields, std::string_view media_type);

}  // namespace uvhttpd::http
