// SPDX-License-Identifier: MIT
// server/access_rules.h: which clients a route or a site answers, by their addresses.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "config/config.h"
#include "io/socket.h"

namespace uvhttpd {

// config::Access made ready for being asked: its networks are cut into ranges of which each has
// one answer, so that asking takes one binary search, however many networks there are.
class AccessRules {
 public:
  // Lets everybody in.
  AccessRules() = default;
  // `access` outlives the rules.
  explicit AccessRules(const config::Access& access);

  struct Verdict {
    bool lets_in = true;
    const config::Network* network = nullptr;  // that decided; absent: the client is in none
  };
  // A client without an address, behind a Unix socket, is in no network.
  Verdict judge(const PeerAddress& client) const;
  // Nobody is ever refused.
  bool is_open() const { return !has_rules_; }

 private:
  using Octets = std::array<std::uint8_t, 16>;
  // Up to the next range, or the end of all addresses.
  struct Range {
    Octets first{};
    Verdict verdict;
  };
  static std::vector<Range> ranges_of(const config::Access& access, bool is_ipv6);

  bool has_rules_ = false;
  bool lets_in_others_ = true;
  std::vector<Range> ipv4_;
  std::vector<Range> ipv6_;
};

}  // namespace uvhttpd
