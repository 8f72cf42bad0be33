// SPDX-License-Identifier: MIT
// http/accept.cpp: media ranges with parameters and weights, and which of them match a type.
#include "http/accept.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "http/negotiate.h"
#include "http/octets.h"

namespace uvhttpd::http {
namespace {

constexpr unsigned kBest = 1000;

struct MediaRange {
  std::string_view name;
  unsigned quality = kBest;
  bool is_narrower = false;  // a parameter asks for something that we do not have
};

// Takes what stands before the next `separator` outside quoted strings, or all, off the front.
std::string_view take_until(char separator, std::string_view& rest) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < rest.size() && (quoted || rest[end] != separator); ++end) {
    if (rest[end] == '"') quoted = !quoted;
    if (rest[end] == '\\' && quoted && end + 1 < rest.size()) ++end;
  }
  const std::string_view piece = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return trim_ows(piece);
}

bool is_token(std::string_view text) {
  return !text.empty() && all_are_of(octet_class::kToken, text);
}

bool is_media_range(std::string_view name) {
  const std::size_t slash = name.find('/');
  return slash != std::string_view::npos && is_token(name.substr(0, slash)) &&
         is_token(name.substr(slash + 1));
}

// False when malformed.
bool read_parameter(std::string_view text, MediaRange& range) {
  const std::size_t equals = std::min(text.find('='), text.size());
  const std::string_view name = text.substr(0, equals);
  std::string_view value = text.substr(std::min(equals + 1, text.size()));
  if (!is_token(name)) return false;
  if (equals_ignoring_case(name, "q")) {
    const std::optional<unsigned> quality = parse_quality(value);
    if (quality) range.quality = *quality;
    return quality.has_value();
  }
  if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"')) {
    value = value.substr(1, value.size() - 2);
  } else if (!is_token(value)) {
    return false;
  }
  if (!equals_ignoring_case(name, "charset") || !equals_ignoring_case(value, "utf-8")) {
    range.is_narrower = true;
  }
  return true;
}

std::optional<MediaRange> parse_range(std::string_view member) {
  MediaRange range;
  range.name = take_until(';', member);
  if (!is_media_range(range.name)) return std::nullopt;
  while (!member.empty()) {
    const std::string_view parameter = take_until(';', member);
    if (!parameter.empty() && !read_parameter(parameter, range)) return std::nullopt;
  }
  return range;
}

// MediaPreference::precision; 0 when the range does not match.
unsigned precision_of(const MediaRange& range, std::string_view media_type) {
  if (range.is_narrower) return 0;
  if (range.name == "*/*") return 1;
  if (equals_ignoring_case(range.name, media_type)) return 3;
  const std::size_t type_end = media_type.find('/') + 1;
  const bool is_of_type =
      range.name.size() == type_end + 1 && range.name.ends_with('*') &&
      equals_ignoring_case(range.name.substr(0, type_end), media_type.substr(0, type_end));
  return is_of_type ? 2 : 0;
}

}  // namespace

MediaPreference media_preference(const FieldList& fields, std::string_view media_type) {
  if (!fields.has(FieldName::accept)) return {kBest, 0};
  MediaPreference best;
  fields.for_each(FieldName::accept, [&](std::string_view line) {
    while (!line.empty()) {
      const std::optional<MediaRange> range = parse_range(take_until(',', line));
      if (!range) continue;
      const unsigned precision = precision_of(*range, media_type);
      if (precision == 0 || precision < best.precision) continue;
      const bool is_as_precise = precision == best.precision;
      best = {is_as_precise ? std::max(best.quality, range->quality) : range->quality, precision};
    }
  });
  return best;
}

}  // namespace uvhttpd::http
