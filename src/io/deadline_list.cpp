// SPDX-License-Identifier: MIT
#include "io/deadline_list.h"

#include <algorithm>

namespace uvhttpd {

DeadlineClock::DeadlineClock(EventLoop& loop)
    : loop_(loop),
      timer_(
          loop, [](void* self) { static_cast<DeadlineClock*>(self)->on_timer(); }, this) {}

void DeadlineClock::note(TimePoint due) {
  if (due >= wakes_at_) return;
  wakes_at_ = due;
  timer_.start(due - loop_.now());
}

void DeadlineClock::on_timer() {
  wakes_at_ = TimePoint::max();
  const TimePoint now = loop_.now();
  TimePoint next = TimePoint::max();
  // By index: a callback may add a list.
  for (std::size_t i = 0; i < lists_.size(); ++i) {
    IntrusiveList<DeadlineNode>& nodes = lists_[i]->nodes_;
    while (!nodes.empty() && nodes.front().due_ <= now) {
      DeadlineNode& node = nodes.front();
      node.unlink();
      node.on_expired_(node.owner_);
    }
    if (!nodes.empty()) next = std::min(next, nodes.front().due_);
  }
  if (next != TimePoint::max()) note(next);
}

DeadlineList::DeadlineList(DeadlineClock& clock, Duration duration)
    : clock_(clock), duration_(duration) {
  clock_.lists_.push_back(this);
}

DeadlineList::~DeadlineList() { std::erase(clock_.lists_, this); }

void DeadlineList::arm(DeadlineNode& node) {
  node.unlink();
  node.due_ = clock_.loop_.now() + duration_;
  nodes_.push_back(node);
  clock_.note(node.due_);
}

bool DeadlineList::expire_first() {
  if (nodes_.empty()) return false;
  DeadlineNode& first = nodes_.front();
  first.unlink();
  first.on_expired_(first.owner_);
  return true;
}

}  // namespace uvhttpd
