// SPDX-License-Identifier: MIT
#include "server/refusal_log.h"

#include "io/network.h"

namespace uvhttpd {

bool Refusals::add(const PeerAddress& client) {
  const std::lock_guard lock(mutex_);
  if (++count_ == 1) {
    first_ = counted_client(client);
    has_others_ = false;
    return true;
  }
  has_others_ = has_others_ || !(counted_client(client) == first_);
  return false;
}

void Refusals::tell(Log& log) {
  std::uint64_t count = 0;
  PeerAddress first;
  bool has_others = false;
  {
    const std::lock_guard lock(mutex_);
    count = std::exchange(count_, 0);
    first = first_;
    has_others = has_others_;
  }
  if (count == 0) return;
  const std::string network = first.kind == PeerAddress::Kind::ipv6 ? "/64" : "";
  log.write(names_.level, names_.where, "{}{}{}: {} {}{} refused ({})", first.text(), network,
            has_others ? " and others" : "", count, names_.what, count == 1 ? "" : "s",
            names_.limit);
}

RefusalLog::RefusalLog(EventLoop& loop, Log& log)
    : loop_(loop),
      log_(log),
      timer_(
          loop, [](void* self) { static_cast<RefusalLog*>(self)->on_timer(); }, this) {}

RefusalLog::~RefusalLog() {
  for (const Due& due : due_) due.refusals->tell(log_);
}

void RefusalLog::add(const std::shared_ptr<Refusals>& refusals, const PeerAddress& client) {
  if (!refusals->add(client)) return;
  if (due_.empty()) timer_.start(kDelay);
  due_.push_back({loop_.now() + kDelay, refusals});
}

void RefusalLog::on_timer() {
  const TimePoint now = loop_.now();
  while (!due_.empty() && due_.front().at <= now) {
    due_.front().refusals->tell(log_);
    due_.pop_front();
  }
  if (!due_.empty()) timer_.start(due_.front().at - now);
}

}  // namespace uvhttpd
