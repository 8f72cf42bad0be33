// SPDX-License-Identifier: MIT
// io/deadline_list.h: what must act by a certain time, ordered. All entries of a list share one
// duration, so appending keeps the order and costs nothing; one timer serves all lists of a loop.
#pragma once

#include <vector>

#include "base/intrusive_list.h"
#include "io/event_loop.h"

namespace uvhttpd {

class DeadlineNode : public ListNode {
 public:
  using Callback = void (*)(void* owner);
  DeadlineNode(Callback on_expired, void* owner) : on_expired_(on_expired), owner_(owner) {}
  ~DeadlineNode() { unlink(); }
  bool is_armed() const { return is_linked(); }
  void disarm() { unlink(); }
  TimePoint due() const { return due_; }

 private:
  friend class DeadlineList;
  friend class DeadlineClock;
  TimePoint due_{};
  Callback on_expired_;
  void* owner_;
};

class DeadlineList;

// The timer behind the lists of one loop.
class DeadlineClock {
 public:
  explicit DeadlineClock(EventLoop& loop);
  DeadlineClock(const DeadlineClock&) = delete;
  DeadlineClock& operator=(const DeadlineClock&) = delete;

 private:
  friend class DeadlineList;
  void note(TimePoint due);
  void on_timer();

  EventLoop& loop_;
  Timer timer_;
  TimePoint wakes_at_ = TimePoint::max();
  std::vector<DeadlineList*> lists_;
};

// Must be empty when it is destroyed, and the clock must outlive it.
class DeadlineList {
 public:
  DeadlineList(DeadlineClock& clock, Duration duration);
  ~DeadlineList();
  DeadlineList(const DeadlineList&) = delete;
  DeadlineList& operator=(const DeadlineList&) = delete;

  // The node, wherever it was armed before, expires `duration` from now: it is disarmed and its
  // callback called once. The callback may arm and disarm any node, and destroy its own.
  void arm(DeadlineNode& node);
  // Expires the node that is due first, before its time. False when there is none.
  bool expire_first();
  Duration duration() const { return duration_; }

 private:
  friend class DeadlineClock;
  DeadlineClock& clock_;
  Duration duration_;
  IntrusiveList<DeadlineNode> nodes_;
};

}  // namespace uvhttpd
