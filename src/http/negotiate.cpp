// SPDX-License-Identifier: MIT
// http/negotiate.cpp: lists of codings with weights, and the choice among them.
#include "http/negotiate.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <tuple>

#include "base/text.h"

namespace uvhttpd::http {
namespace {

struct Weighted {
  std::string_view name;
  unsigned quality;
};

// "gzip", "gzip;q=0.5", "gzip ; Q=0.5"; nullopt when malformed.
std::optional<Weighted> parse_weighted(std::string_view member) {
  const std::size_t semicolon = member.find(';');
  if (semicolon == std::string_view::npos) return Weighted{member, AcceptedCodings::kBest};
  const std::string_view weight = trim_ows(member.substr(semicolon + 1));
  if (!equals_ignoring_case(weight.substr(0, 2), "q=")) return std::nullopt;
  const std::optional<unsigned> quality = parse_quality(weight.substr(2));
  if (!quality) return std::nullopt;
  return Weighted{trim_ows(member.substr(0, semicolon)), *quality};
}

// The qualities that a field states, for each coding and for "*".
struct Stated {
  std::optional<unsigned> of_coding[kCodings];
  std::optional<unsigned> of_others;

  void read_line(std::string_view line) {
    while (!line.empty()) {
      const std::size_t comma = std::min(line.find(','), line.size());
      if (const auto member = parse_weighted(trim_ows(line.substr(0, comma)))) add(*member);
      line.remove_prefix(std::min(comma + 1, line.size()));
    }
  }

 private:
  void add(const Weighted& member) {
    if (member.name == "*") {
      raise(of_others, member.quality);
    } else if (const std::optional<Coding> coding = coding_of(member.name)) {
      raise(of_coding[static_cast<unsigned>(*coding)], member.quality);
    }
  }
  static void raise(std::optional<unsigned>& quality, unsigned to) {
    quality = std::max(quality.value_or(0), to);
  }
};

// All but identity, the ones that make shorter content first.
constexpr Coding kEncoded[] = {Coding::zstd, Coding::brotli, Coding::gzip};

bool has(unsigned codings, Coding coding) {
  return (codings >> static_cast<unsigned>(coding) & 1) != 0;
}

// What speaks for a coding, the most important thing first.
struct Merit {
  unsigned quality;
  bool is_ready;
  std::size_t place;  // in the order of preference

  bool operator<(const Merit& other) const {
    return std::tie(quality, is_ready, other.place) <
           std::tie(other.quality, other.is_ready, place);
  }
};

// Codings that nobody put in order come after those of the order, as in kEncoded.
std::size_t place_of(Coding coding, std::span<const Coding> preference) {
  const auto found = std::find(preference.begin(), preference.end(), coding);
  if (found != preference.end()) return static_cast<std::size_t>(found - preference.begin());
  const auto* usual = std::find(std::begin(kEncoded), std::end(kEncoded), coding);
  return preference.size() + static_cast<std::size_t>(usual - std::begin(kEncoded));
}

}  // namespace

std::optional<unsigned> parse_quality(std::string_view text) {
  constexpr std::size_t kMaxLength = 5;
  if (text.empty() || text.size() > kMaxLength) return std::nullopt;
  if (text[0] != '0' && text[0] != '1') return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  unsigned quality = text[0] == '1' ? 1000 : 0;
  unsigned unit = 100;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (!is_digit(c)) return std::nullopt;
    quality += static_cast<unsigned>(c - '0') * unit;
    unit /= 10;
  }
  return quality <= 1000 ? std::optional(quality) : std::nullopt;
}

std::optional<Coding> coding_of(std::string_view name) {
  if (equals_ignoring_case(name, "gzip")) return Coding::gzip;
  if (equals_ignoring_case(name, "br")) return Coding::brotli;
  if (equals_ignoring_case(name, "zstd")) return Coding::zstd;
  if (equals_ignoring_case(name, "identity")) return Coding::identity;
  if (equals_ignoring_case(name, "x-gzip")) return Coding::gzip;  // section 8.4.1.3
  return std::nullopt;
}

std::string_view coding_name(Coding coding) {
  switch (coding) {
    case Coding::identity: return "identity";
    case Coding::gzip: return "gzip";
    case Coding::brotli: return "br";
    case Coding::zstd: return "zstd";
  }
  return "identity";
}

AcceptedCodings AcceptedCodings::from(const RequestHead& request) {
  AcceptedCodings accepted;
  if (!request.fields.has(FieldName::accept_encoding)) return accepted;
  accepted.present_ = true;

  Stated stated;
  request.fields.for_each(FieldName::accept_encoding,
                          [&](std::string_view line) { stated.read_line(line); });
  for (unsigned i = 0; i < kCodings; ++i) {
    const unsigned unstated = i == static_cast<unsigned>(Coding::identity) ? kLastResort : 0;
    accepted.quality_[i] = stated.of_coding[i].value_or(stated.of_others.value_or(unstated));
  }
  return accepted;
}

Coding choose_coding(const AcceptedCodings& accepted, const CodingChoices& choices) {
  Coding best = Coding::identity;
  Merit best_merit{accepted.quality(best), false, SIZE_MAX};
  for (const Coding coding : kEncoded) {
    const bool is_ready = has(choices.ready, coding);
    if (!is_ready && !has(choices.makeable, coding)) continue;
    const Merit merit{accepted.quality(coding), is_ready, place_of(coding, choices.preference)};
    if (merit.quality == 0 || !(best_merit < merit)) continue;
    best = coding;
    best_merit = merit;
  }
  return best;
}

}  // namespace uvhttpd::http
