// SPDX-License-Identifier: MIT
// server/send_share.h: how much each connection may send before the others have their turn.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace uvhttpd {

// One for all connections of a worker. A turn of the loop lasts as long as all take together, and
// whoever has a small request meanwhile waits: the more there is to send, the smaller the share.
class SendShare {
 public:
  static constexpr std::size_t kMost = 256 << 10;
  static constexpr std::size_t kLeast = 16 << 10;           // a record of TLS
  static constexpr std::uint64_t kTogether = 8 << 20;       // octets a turn that shares aim at
  static constexpr std::uint64_t kTooMuch = 2 * kTogether;  // so far nobody has seen it coming

  // Of one connection in this turn.
  std::size_t octets() const { return spent_ < kTooMuch ? share_ : kLeast; }
  void spend(std::size_t octets) { spent_ += octets; }

  void end_turn() {
    if (spent_ > kTogether) {
      share_ = std::max<std::size_t>(kLeast, share_ * kTogether / spent_);
    } else if (spent_ < kTogether / 2) {
      share_ = std::min(kMost, share_ * 2);
    }
    spent_ = 0;
  }

 private:
  std::size_t share_ = kMost;
  std::uint64_t spent_ = 0;
};

}  // namespace uvhttpd
