// SPDX-License-Identifier: MIT
// server/verdict_cache.h: what lately came of checking passwords, for a short while and without the
// passwords.
#pragma once

#include <cstddef>
#include <cstring>
#include <list>
#include <optional>
#include <unordered_map>

#include "base/clock.h"
#include "io/keyed_hash.h"

namespace uvhttpd {

// Right and wrong passwords have room of their own, so that guesses push out guesses only. When
// there is no more, the oldest goes.
class VerdictCache {
 public:
  using Key = KeyedHash::Digest;
  struct Bounds {
    std::size_t entries;
    Duration lifetime;
  };
  static constexpr Bounds kRight{1024, Duration{60'000}};
  // Long enough for a browser that asks for a page and all that is in it.
  static constexpr Bounds kWrong{256, Duration{5'000}};

  void add(const Key& key, bool is_right, TimePoint now) {
    (is_right ? right_ : wrong_).add(key, now);
  }
  // Nullopt: nothing is known.
  std::optional<bool> find(const Key& key, TimePoint now) {
    if (right_.has(key, now)) return true;
    if (wrong_.has(key, now)) return false;
    return std::nullopt;
  }
  std::size_t size() const { return right_.size() + wrong_.size(); }

 private:
  // All live equally long, so the order of their coming is that of their going.
  class Set {
   public:
    explicit Set(Bounds bounds) : bounds_(bounds) {}

    void add(const Key& key, TimePoint now) {
      drop_expired(now);
      if (index_.contains(key)) return;
      if (order_.size() == bounds_.entries) drop_oldest();
      order_.push_back({key, now + bounds_.lifetime});
      index_.emplace(key, now + bounds_.lifetime);
    }
    bool has(const Key& key, TimePoint now) const {
      const auto found = index_.find(key);
      return found != index_.end() && found->second > now;
    }
    std::size_t size() const { return order_.size(); }

   private:
    struct Entry {
      Key key;
      TimePoint ends;
    };
    // The keys are random already.
    struct FirstOctets {
      std::size_t operator()(const Key& key) const {
        std::size_t value = 0;
        std::memcpy(&value, key.data(), sizeof value);
        return value;
      }
    };
    void drop_oldest() {
      index_.erase(order_.front().key);
      order_.pop_front();
    }
    void drop_expired(TimePoint now) {
      while (!order_.empty() && order_.front().ends <= now) drop_oldest();
    }

    Bounds bounds_;
    std::list<Entry> order_;
    std::unordered_map<Key, TimePoint, FirstOctets> index_;
  };

  Set right_{kRight};
  Set wrong_{kWrong};
};

}  // namespace uvhttpd
