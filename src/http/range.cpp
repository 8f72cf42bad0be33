// SPDX-License-Identifier: MIT
// http/range.cpp: sets of byte ranges, reduced to the one range that can be sent.
#include "http/range.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace uvhttpd::http {
namespace {

constexpr RangeResult kWhole{RangeVerdict::whole};
constexpr RangeResult kUnsatisfiable{RangeVerdict::unsatisfiable};

// A number of any length: its digits without leading zeros, so that "0" has none.
struct Number {
  std::string_view digits;

  bool is_zero() const { return digits.empty(); }
  std::uint64_t clamped() const {
    return is_zero() ? 0 : parse_decimal(digits).value_or(UINT64_MAX);
  }
  bool operator<(const Number& other) const {
    if (digits.size() != other.digits.size()) return digits.size() < other.digits.size();
    return digits < other.digits;
  }
};

std::optional<Number> parse_number(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
  return Number{text};
}

// "-500": the last so many octets.
RangeResult parse_suffix(std::string_view text, std::uint64_t size) {
  const std::optional<Number> length = parse_number(text);
  if (!length) return kWhole;
  if (length->is_zero()) return kUnsatisfiable;
  if (size == 0) return kWhole;
  return {RangeVerdict::single, {size - std::min(length->clamped(), size), size - 1}};
}

// One member of the set by itself; `whole` when it is malformed.
RangeResult parse_member(std::string_view text, std::uint64_t size) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return kWhole;
  const std::string_view last_text = text.substr(dash + 1);
  if (dash == 0) return parse_suffix(last_text, size);

  const std::optional<Number> first = parse_number(text.substr(0, dash));
  const std::optional<Number> last = parse_number(last_text);
  if (!first || (!last && !last_text.empty())) return kWhole;
  if (last && *last < *first) return kWhole;
  if (first->clamped() >= size) return kUnsatisfiable;
  const std::uint64_t end = last ? std::min(last->clamped(), size - 1) : size - 1;
  return {RangeVerdict::single, {first->clamped(), end}};
}

}  // namespace

RangeResult parse_range(std::string_view value, std::uint64_t size) {
  const std::size_t equals = value.find('=');
  if (equals == std::string_view::npos) return kWhole;
  if (!equals_ignoring_case(value.substr(0, equals), "bytes")) return kWhole;

  std::optional<RangeResult> found;
  bool several = false;
  int members = 0;
  for (std::string_view rest = value.substr(equals + 1); !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view member = trim_ows(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (member.empty()) continue;
    if (++members > kMaxRanges) return kWhole;

    const RangeResult one = parse_member(member, size);
    if (one.verdict == RangeVerdict::whole) return kWhole;
    if (one.verdict == RangeVerdict::unsatisfiable) {
      if (!found) found = kUnsatisfiable;
      continue;
    }
    several = several || (found && found->verdict == RangeVerdict::single);
    found = one;
  }
  return several ? kWhole : found.value_or(kWhole);
}

}  // namespace uvhttpd::http
