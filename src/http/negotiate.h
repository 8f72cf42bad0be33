// SPDX-License-Identifier: MIT
// http/negotiate.h: Accept-Encoding, RFC 9110 section 12.5.3.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "http/message.h"

namespace uvhttpd::http {

enum class Coding : std::uint8_t { identity, gzip, brotli, zstd };
constexpr unsigned kCodings = 4;

// "gzip", "br", "zstd"; "identity" for identity.
std::string_view coding_name(Coding coding);
// In any case; "x-gzip" is gzip (section 8.4.1.3). nullopt for a coding that we do not know.
std::optional<Coding> coding_of(std::string_view name);

// A weight (section 12.4.2) in thousandths: "0" or "1", a point, and up to three digits; nullopt
// when malformed.
std::optional<unsigned> parse_quality(std::string_view text);

// What the client takes: a quality of 0 (not acceptable) to 1000 for each coding. Without the field
// everything is acceptable, but identity is what we choose. Several field lines, empty members,
// tabs, any case of names and of `q`, "*", "identity;q=0" and "x-gzip" are understood; a malformed
// member is ignored, as is one with other parameters than a weight. A coding named more than once
// has the highest of its qualities. "*" stands for every coding not named, identity among them;
// identity that neither a name nor "*" covers is acceptable, but the last resort.
class AcceptedCodings {
 public:
  static constexpr unsigned kBest = 1000;
  static constexpr unsigned kLastResort = 1;

  static AcceptedCodings from(const RequestHead& request);
  unsigned quality(Coding coding) const { return quality_[static_cast<unsigned>(coding)]; }
  bool field_present() const { return present_; }

 private:
  unsigned quality_[kCodings] = {kBest, 0, 0, 0};
  bool present_ = false;
};

// In which codings an answer can be sent: bit `1 << coding` for each. Identity always can be.
struct CodingChoices {
  std::span<const Coding> preference;  // the best first; the rest follows as zstd, brotli, gzip
  unsigned ready = 0;                  // encoded already
  unsigned makeable = 0;               // can be encoded for this answer
};

// Highest quality first; among equals what is ready, then the order of preference, and identity
// last. Identity also when nothing that we have is acceptable (section 12.5.3 lets us).
Coding choose_coding(const AcceptedCodings& accepted, const CodingChoices& choices);

}  // namespace uvhttpd::http
