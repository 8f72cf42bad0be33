// SPDX-License-Identifier: MIT
// server/refusal_log.h: that clients are turned away is told, but not once for each of them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/log.h"
#include "io/event_loop.h"
#include "io/socket.h"

namespace uvhttpd {

// What is turned away for one reason, by all workers together. May be used from every thread.
class Refusals {
 public:
  // For lines as "rate_limit: 10.0.0.1 and others: 253 requests refused (example.org)": of these
  // `where` is the first word, `what` is "request" and `limit` stands in parentheses.
  struct Names {
    std::string where;
    std::string what;
    std::string limit;
    LogLevel level = LogLevel::warn;
  };
  explicit Refusals(Names names) : names_(std::move(names)) {}
  Refusals(const Refusals&) = delete;
  Refusals& operator=(const Refusals&) = delete;

  // True when it is the first one that tell() has not told of: the caller must see to that.
  bool add(const PeerAddress& client);
  // One line for all since the last call, if there are any.
  void tell(Log& log);

 private:
  const Names names_;
  std::mutex mutex_;
  std::uint64_t count_ = 0;
  PeerAddress first_;
  bool has_others_ = false;
};

// A worker's part in it: each line comes a second after the first refusal that it is about, so that
// there is one a second at most for each reason.
class RefusalLog {
 public:
  // Both must outlive it.
  RefusalLog(EventLoop& loop, Log& log);
  RefusalLog(const RefusalLog&) = delete;
  RefusalLog& operator=(const RefusalLog&) = delete;
  // What is untold is told.
  ~RefusalLog();

  void add(const std::shared_ptr<Refusals>& refusals, const PeerAddress& client);

 private:
  static constexpr Duration kDelay{1'000};
  struct Due {
    TimePoint at;
    std::shared_ptr<Refusals> refusals;
  };
  void on_timer();

  EventLoop& loop_;
  Log& log_;
  Timer timer_;
  std::deque<Due> due_;  // in order; each of the Refusals once at most
};

}  // namespace uvhttpd
