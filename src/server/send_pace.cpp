// SPDX-License-Identifier: MIT
#include "server/send_pace.h"

#include <algorithm>

namespace uvhttpd {
namespace {

constexpr std::int64_t kThousandths = 1'000;
constexpr std::uint64_t kLeastCapacity = 64 << 10;
constexpr std::uint64_t kHighestRate = 1'000'000'000'000;
constexpr std::int64_t kLeastPiece = 512;  // unless that takes more than a second

}  // namespace

SendPace::Millioctets SendPace::capacity() const {
  return static_cast<Millioctets>(std::max(rate_, kLeastCapacity)) * kThousandths;
}

void SendPace::set_rate(std::uint64_t rate) {
  rate_ = std::min(rate, kHighestRate);
  left_ = std::min(left_, capacity());
}

void SendPace::fill(TimePoint now) {
  if (now <= filled_at_) return;
  const Millioctets in_a_millisecond = static_cast<Millioctets>(rate_);
  const std::int64_t elapsed = (now - filled_at_).count();
  const bool is_full = elapsed > (capacity() - left_) / in_a_millisecond;
  left_ = is_full ? capacity() : left_ + elapsed * in_a_millisecond;
  filled_at_ = now;
}

std::uint64_t SendPace::allowance(std::uint64_t wanted, TimePoint now) {
  if (rate_ == 0) return wanted;
  fill(now);
  const std::int64_t whole = left_ / kThousandths;
  if (whole > 0 && static_cast<std::uint64_t>(whole) >= wanted) return wanted;
  const auto rate = static_cast<std::int64_t>(rate_);
  const std::int64_t in_a_pause = rate * kPause.count() / kThousandths;
  const std::int64_t least = std::min(rate, std::max(in_a_pause, kLeastPiece));
  return whole < least ? 0 : static_cast<std::uint64_t>(whole);
}

void SendPace::spend(std::uint64_t octets) {
  if (rate_ != 0) left_ -= static_cast<Millioctets>(octets) * kThousandths;
}

}  // namespace uvhttpd
