// SPDX-License-Identifier: MIT
#include "server/rate_limiter.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "io/network.h"
#include "server/exchange.h"

namespace uvhttpd {
namespace {

using std::chrono::nanoseconds;

// So that sums of two of them, and the time now, are representable.
constexpr std::int64_t kLongest = std::numeric_limits<std::int64_t>::max() / 4;

std::int64_t interval_of(const config::RateLimit& limit) {
  const auto requests = static_cast<std::int64_t>(
      std::clamp<std::uint64_t>(limit.requests, 1, static_cast<std::uint64_t>(kLongest)));
  const std::int64_t most = kLongest / nanoseconds(Duration{1}).count();
  const std::int64_t per = nanoseconds(Duration{std::min(limit.per.count(), most)}).count();
  return std::max<std::int64_t>(per / requests, 1);
}

std::int64_t capacity_of(const config::RateLimit& limit, std::int64_t interval) {
  const auto most = static_cast<std::uint64_t>(kLongest / interval);
  return static_cast<std::int64_t>(std::clamp<std::uint64_t>(limit.burst, 1, most)) * interval;
}

}  // namespace

RateLimiter::RateLimiter(const config::RateLimit& limit, const std::string& name)
    : limit_(limit),
      interval_(interval_of(limit)),
      capacity_(capacity_of(limit, interval_)),
      sets_(static_cast<Set*>(std::calloc(kSets, sizeof(Set)))),
      refusals_(std::make_shared<Refusals>(Refusals::Names{"rate_limit", "request", name})) {
  ASSERT(sets_ != nullptr);
}

std::uint64_t RateLimiter::key_of(const Request& request) const {
  std::string_view value;
  if (!limit_.key.empty()) value = request.head.fields.value_of(limit_.key);
  if (!value.empty()) return hash_(value);
  // The first octet is one that no field's value has.
  const PeerAddress client = counted_client(request.client);
  std::array<char, 1 + sizeof client.ip> octets{static_cast<char>(client.kind)};
  std::copy(client.ip.begin(), client.ip.end(), octets.begin() + 1);
  return hash_({octets.data(), octets.size()});
}

// That of the key, or else the one that is given up for it.
RateLimiter::Entry& RateLimiter::entry_of(Set& set, std::uint64_t key) {
  Entry* fullest = &set.front();
  for (Entry& entry : set) {
    if (entry.key == key && entry.full_at != 0) return entry;
    if (entry.full_at < fullest->full_at) fullest = &entry;
  }
  *fullest = {key, 0};
  return *fullest;
}

std::chrono::seconds RateLimiter::take(std::uint64_t key, TimePoint now) {
  const Nanoseconds time = nanoseconds(now.time_since_epoch()).count();
  const std::size_t place = key % kSets;
  const std::lock_guard lock(shards_[place % kShards].mutex);
  Entry& entry = entry_of(sets_[place], key);
  const Nanoseconds full_at = std::max(entry.full_at, time) + interval_;
  const Nanoseconds wait = full_at - time - capacity_;
  if (wait > 0) return std::chrono::ceil<std::chrono::seconds>(nanoseconds(wait));
  entry.full_at = full_at;
  return std::chrono::seconds{0};
}

std::shared_ptr<RateLimiter> RateLimiters::get(const std::string& name,
                                               const config::RateLimit& limit) {
  const std::lock_guard lock(mutex_);
  std::erase_if(limiters_, [](const auto& each) { return each.second.expired(); });
  const std::string key = fmt::format("{} {} {} {} {}", limit.requests, limit.per.count(),
                                      limit.burst, limit.key, name);
  std::weak_ptr<RateLimiter>& known = limiters_[key];
  std::shared_ptr<RateLimiter> limiter = known.lock();
  if (!limiter) known = limiter = std::make_shared<RateLimiter>(limit, name);
  return limiter;
}

}  // namespace uvhttpd
