// SPDX-License-Identifier: MIT
#include "server/access_rules.h"

#include <algorithm>
#include <tuple>

#include "base/assert.h"

namespace uvhttpd {
namespace {

using Octets = std::array<std::uint8_t, 16>;

// The last address of the network; of IPv4 with the octets that are not used set, too.
Octets last_of(const config::Network& network) {
  Octets last = network.ip;
  for (unsigned i = 0; i < last.size(); ++i) {
    const unsigned kept = network.bits > 8 * i ? std::min(network.bits - 8 * i, 8U) : 0;
    last[i] = static_cast<std::uint8_t>(last[i] | (0xffU >> kept));
  }
  return last;
}

// False when there is none behind it.
bool advance(Octets& address) {
  for (auto octet = address.rbegin(); octet != address.rend(); ++octet) {
    if (++*octet != 0) return true;
  }
  return false;
}

struct Rule {
  const config::Network* network;
  bool allows;
};

// Outer networks before those within them, and of equal ones that of `deny` last: it prevails.
bool comes_before(const Rule& a, const Rule& b) {
  return std::tuple(a.network->ip, a.network->bits, !a.allows) <
         std::tuple(b.network->ip, b.network->bits, !b.allows);
}

}  // namespace

AccessRules::AccessRules(const config::Access& access)
    : has_rules_(!access.allow.empty() || !access.deny.empty()),
      lets_in_others_(access.allow.empty()),
      ipv4_(ranges_of(access, false)),
      ipv6_(ranges_of(access, true)) {}

std::vector<AccessRules::Range> AccessRules::ranges_of(const config::Access& access, bool is_ipv6) {
  std::vector<Rule> rules;
  for (const config::Network& network : access.allow) {
    if (network.is_ipv6 == is_ipv6) rules.push_back({&network, true});
  }
  for (const config::Network& network : access.deny) {
    if (network.is_ipv6 == is_ipv6) rules.push_back({&network, false});
  }
  std::sort(rules.begin(), rules.end(), comes_before);

  std::vector<Range> ranges;
  std::vector<Rule> open;  // networks around the place that is looked at, the innermost last
  const auto begin_range = [&](const Octets& first) {
    Verdict verdict{access.allow.empty(), nullptr};
    if (!open.empty()) verdict = {open.back().allows, open.back().network};
    if (!ranges.empty() && ranges.back().first == first) ranges.pop_back();
    ranges.push_back({first, verdict});
  };
  const auto end_innermost = [&] {
    Octets behind = last_of(*open.back().network);
    open.pop_back();
    if (advance(behind)) begin_range(behind);
  };
  begin_range({});
  for (const Rule& rule : rules) {
    while (!open.empty() && last_of(*open.back().network) < rule.network->ip) end_innermost();
    open.push_back(rule);
    begin_range(rule.network->ip);
  }
  while (!open.empty()) end_innermost();
  return ranges;
}

AccessRules::Verdict AccessRules::judge(const PeerAddress& client) const {
  if (!has_rules_) return {};
  const bool has_address =
      client.kind == PeerAddress::Kind::ipv4 || client.kind == PeerAddress::Kind::ipv6;
  if (!has_address) return {lets_in_others_, nullptr};
  const std::vector<Range>& ranges = client.kind == PeerAddress::Kind::ipv4 ? ipv4_ : ipv6_;
  const auto behind = std::upper_bound(
      ranges.begin(), ranges.end(), client.ip,
      [](const Octets& address, const Range& range) { return address < range.first; });
  ASSERT(behind != ranges.begin());
  return std::prev(behind)->verdict;
}

}  // namespace uvhttpd
