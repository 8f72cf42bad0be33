// SPDX-License-Identifier: MIT
// server/rate_limiter.h: how often each client may ask, counted for all workers together.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/sip_hash.h"
#include "config/config.h"
#include "server/refusal_log.h"

namespace uvhttpd {

struct Request;

// A token bucket for each key, of which only the time at which it will be full is kept. Its memory
// is bounded: of more than kEntries keys some are forgotten, and a forgotten key has a full bucket.
// The keys share sets of kWays, which nobody can choose, and of a set that key goes for a new one
// whose bucket is, or will be, full first. So many keys that are used once displace only one
// another, and to have one forgotten that is refused, kWays - 1 others of its set must have been
// used up likewise: about kEntries in all, each within the time that a bucket takes to fill. Where
// one request is all that may come at once, that is one request for each. May be used from every
// thread.
class RateLimiter {
 public:
  static constexpr std::size_t kEntries = 65'536;
  static constexpr std::size_t kWays = 16;

  // `name` is for the log: whose limit it is.
  RateLimiter(const config::RateLimit& limit, const std::string& name);
  RateLimiter(const RateLimiter&) = delete;
  RateLimiter& operator=(const RateLimiter&) = delete;

  // Zero: the request may go on, and is counted. Otherwise, in whole seconds rounded up, how long
  // the key has to wait if nobody else uses it; refused requests are not counted.
  std::chrono::seconds take(std::uint64_t key, TimePoint now);
  // What the request is counted under: the first line of the field that the limit names, or where
  // there is none, or it is empty, the client (io/network.h).
  std::uint64_t key_of(const Request& request) const;

  const config::RateLimit& limit() const { return limit_; }
  const std::shared_ptr<Refusals>& refusals() const { return refusals_; }

 private:
  using Nanoseconds = std::int64_t;
  static constexpr std::size_t kSets = kEntries / kWays;
  static constexpr std::size_t kShards = 16;  // each with a lock of its own

  struct Entry {
    std::uint64_t key;
    Nanoseconds full_at;  // 0: of nobody yet
  };
  using Set = std::array<Entry, kWays>;
  struct alignas(64) Shard {
    std::mutex mutex;
  };
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  static Entry& entry_of(Set& set, std::uint64_t key);

  const config::RateLimit limit_;
  const SipHash hash_ = SipHash::with_random_key();
  const Nanoseconds interval_;  // that pays for one request
  const Nanoseconds capacity_;  // from empty to full
  std::array<Shard, kShards> shards_;
  // From calloc: the kernel gives memory only to what is used.
  const std::unique_ptr<Set[], Free> sets_;
  const std::shared_ptr<Refusals> refusals_;
};

// The limiters of all workers and of successive configurations. May be used from every thread.
class RateLimiters {
 public:
  RateLimiters() = default;
  RateLimiters(const RateLimiters&) = delete;
  RateLimiters& operator=(const RateLimiters&) = delete;

  // The limiter of that name and limit: the same as long as somebody holds it.
  std::shared_ptr<RateLimiter> get(const std::string& name, const config::RateLimit& limit);

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<RateLimiter>> limiters_;
};

}  // namespace uvhttpd
