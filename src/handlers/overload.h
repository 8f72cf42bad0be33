// SPDX-License-Identifier: MIT
// handlers/overload.h: how those are turned away for whom there is no room at the moment.
#pragma once

#include <array>

#include "base/clock.h"
#include "http/response_encoder.h"

namespace uvhttpd {

// With the 503.
constexpr std::array<http::ResponseField, 1> kRetryAfter{{{"Retry-After", "1"}}};

// Refusals come in crowds: the log hears of one a second.
class OverloadNotice {
 public:
  bool is_due(TimePoint now) {
    if (now - told_ < kInterval) return false;
    told_ = now;
    return true;
  }

 private:
  static constexpr Duration kInterval{1'000};
  TimePoint told_{};
};

}  // namespace uvhttpd
