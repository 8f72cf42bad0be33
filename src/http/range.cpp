// SPDX-License-Identifier: MIT
// http/range.cpp: sets of byte ranges, reduced to those that are worth sending.
#include "http/range.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace uvhttpd::http {
namespace {

// One member of a set by itself; `whole` when it is malformed.
struct Member {
  RangeVerdict verdict;
  ByteRange range{};  // means something for `partial` only
};
constexpr Member kWhole{RangeVerdict::whole};
constexpr Member kUnsatisfiable{RangeVerdict::unsatisfiable};

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
Member parse_suffix(std::string_view text, std::uint64_t size) {
  const std::optional<Number> length = parse_number(text);
  if (!length) return kWhole;
  if (length->is_zero()) return kUnsatisfiable;
  if (size == 0) return kWhole;
  return {RangeVerdict::partial, {size - std::min(length->clamped(), size), size - 1}};
}

Member parse_member(std::string_view text, std::uint64_t size) {
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
  return {RangeVerdict::partial, {first->clamped(), end}};
}

// A satisfiable range and which of them it was in the field.
struct Asked {
  ByteRange range;
  int place;
};

// The satisfiable members of a set, in the order of the field.
class AskedRanges {
 public:
  void add(const ByteRange& range) {
    asked_[count_] = {range, static_cast<int>(count_)};
    ++count_;
  }
  std::size_t count() const { return count_; }
  std::span<const Asked> all() const { return {asked_.data(), count_}; }

  // Joins those that cost less together; the order of what remains is that of the field.
  void coalesce() {
    const auto begin = asked_.begin();
    const auto end = begin + static_cast<std::ptrdiff_t>(count_);
    std::sort(begin, end,
              [](const Asked& a, const Asked& b) { return a.range.first < b.range.first; });
    auto joined = begin;
    for (auto next = begin + 1; next < end; ++next) {
      if (!are_near(joined->range, next->range)) {
        *++joined = *next;
        continue;
      }
      joined->range.last = std::max(joined->range.last, next->range.last);
      joined->place = std::min(joined->place, next->place);
    }
    std::sort(begin, joined + 1, [](const Asked& a, const Asked& b) { return a.place < b.place; });
    count_ = static_cast<std::size_t>(joined - begin) + 1;
  }

  // Whether sending these takes fewer octets than sending all `size` of them.
  bool are_worth_it(std::uint64_t size) const {
    std::uint64_t rest = size;
    for (const Asked& asked : all()) rest -= asked.range.last - asked.range.first + 1;
    return rest > (count_ > 1 ? count_ * kPartHeadBytes : 0);
  }

 private:
  // `next` does not begin before `range` does.
  static bool are_near(const ByteRange& range, const ByteRange& next) {
    return next.first <= range.last || next.first - range.last - 1 < kPartHeadBytes;
  }

  std::array<Asked, kMaxRanges> asked_;
  std::size_t count_ = 0;
};

// What the members of `set` come to; the satisfiable ones are added to `asked`.
RangeVerdict read_members(std::string_view set, std::uint64_t size, AskedRanges& asked) {
  int members = 0;
  while (!set.empty()) {
    const std::size_t comma = std::min(set.find(','), set.size());
    const std::string_view text = trim_ows(set.substr(0, comma));
    set.remove_prefix(std::min(comma + 1, set.size()));
    if (text.empty()) continue;
    if (++members > kMaxRanges) return RangeVerdict::whole;

    const Member member = parse_member(text, size);
    if (member.verdict == RangeVerdict::whole) return RangeVerdict::whole;
    if (member.verdict == RangeVerdict::partial) asked.add(member.range);
  }
  if (members == 0) return RangeVerdict::whole;
  return asked.count() == 0 ? RangeVerdict::unsatisfiable : RangeVerdict::partial;
}

}  // namespace

RangeSet parse_ranges(std::string_view value, std::uint64_t size, Arena& arena) {
  const std::size_t equals = value.find('=');
  if (equals == std::string_view::npos) return {};
  if (!equals_ignoring_case(value.substr(0, equals), "bytes")) return {};

  AskedRanges asked;
  const RangeVerdict verdict = read_members(value.substr(equals + 1), size, asked);
  if (verdict != RangeVerdict::partial) return {verdict};
  if (asked.count() > 1) {
    asked.coalesce();
    if (!asked.are_worth_it(size)) return {};
  }
  const std::span<ByteRange> ranges = arena.make_array<ByteRange>(asked.count());
  std::transform(asked.all().begin(), asked.all().end(), ranges.begin(),
                 [](const Asked& one) { return one.range; });
  return {RangeVerdict::partial, ranges};
}

std::string_view content_range(const ByteRange& range, std::uint64_t size, Arena& arena) {
  return arena.copy(fmt::format("bytes {}-{}/{}", range.first, range.last, size));
}

}  // namespace uvhttpd::http
