// SPDX-License-Identifier: MIT
// server/send_pace.h: how much one connection may be sent by when, where a send_rate is set.
#pragma once

#include <cstdint>
#include <limits>

#include "base/clock.h"

namespace uvhttpd {

// A token bucket of octets, which begins full. It holds what comes in a second, and 64 KiB at
// least.
class SendPace {
 public:
  // Where nothing may be sent, it is worth asking again after this time.
  static constexpr Duration kPause{100};

  explicit SendPace(TimePoint now) : filled_at_(now) {}

  // Octets a second from now on; 0: no limit, and what is sent is not counted.
  void set_rate(std::uint64_t rate);
  // How many of the `wanted` octets may be sent now; 0 when that would be too few to be worth it.
  std::uint64_t allowance(std::uint64_t wanted, TimePoint now);
  // So many were sent.
  void spend(std::uint64_t octets);

 private:
  // Thousandths of octets, so that a millisecond brings a whole number of them.
  using Millioctets = std::int64_t;
  Millioctets capacity() const;
  void fill(TimePoint now);

  std::uint64_t rate_ = 0;
  Millioctets left_ =
      std::numeric_limits<Millioctets>::max();  // capacity() at most, once there is a rate
  TimePoint filled_at_;
};

}  // namespace uvhttpd
