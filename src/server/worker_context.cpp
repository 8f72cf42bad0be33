// SPDX-License-Identifier: MIT
#include "server/worker_context.h"

#include <algorithm>
#include <random>

#include "server/connection.h"
#include "server/send_pace.h"

namespace uvhttpd {
namespace {

constexpr std::size_t kReceiveBytes = 64 << 10;
constexpr Duration kLinger{2'000};
constexpr Duration kProbe{2'000};
constexpr int kMostAskedToGiveWay = 8;

std::uint64_t draw_series() {
  std::random_device random;
  return (std::uint64_t{random()} << 16) ^ (random() & 0xffff);
}

}  // namespace

WorkerContext::WorkerContext(EventLoop& loop_, Log& log_, Activity& activity, unsigned number)
    : loop(loop_),
      log(log_),
      exchange_series(draw_series()),
      figures(activity.add_worker(number)),
      access_log(loop_, log_),
      clock(loop_),
      received(std::make_unique<RecvBuffer>(kReceiveBytes)),
      refusal_log(loop_, log_),
      resume_(
          loop_, [](void* self) { static_cast<WorkerContext*>(self)->run_scheduled(); }, this) {
  loop.set_turn_hook([](void* self) { static_cast<WorkerContext*>(self)->sweep(); }, this);
}

WorkerContext::~WorkerContext() {
  sweep();
  ASSERT(connections.empty());
  loop.set_turn_hook(nullptr, nullptr);
}

void WorkerContext::use_runtime(std::shared_ptr<const Runtime> runtime) {
  ASSERT(advancing == nullptr);
  runtime_ = std::move(runtime);
  const config::Limits& limits = runtime_->config().limits;
  request_limits = {limits.target_bytes, limits.head_bytes, limits.head_fields};
  deadlines = {&list_of(limits.handshake_timeout, handshake_lists_),
               &list_of(limits.head_timeout),
               &list_of(limits.body_timeout),
               &list_of(std::max(limits.send_timeout / kLooksPerSendTimeout, Duration{1})),
               &list_of(SendPace::kPause),
               &list_of(limits.keep_alive_timeout, idle_lists_),
               &list_of(kLinger),
               &list_of(kProbe),
               &list_of(kDrainGrace)};
  const std::size_t wanted = std::max<std::size_t>(kReceiveBytes, 2 * limits.head_bytes);
  if (wanted > received->capacity()) received = std::make_unique<RecvBuffer>(wanted);
}

DeadlineList& WorkerContext::list_of(Duration duration, Lists& lists) {
  std::unique_ptr<DeadlineList>& list = lists[duration];
  if (!list) list = std::make_unique<DeadlineList>(clock, duration);
  return *list;
}

bool WorkerContext::expire_first_of(const Lists& lists) {
  return std::any_of(lists.begin(), lists.end(),
                     [](const auto& each) { return each.second->expire_first(); });
}

bool WorkerContext::give_up_a_handshake() { return expire_first_of(handshake_lists_); }

bool WorkerContext::give_up_an_idle_connection() {
  is_making_room_ = true;
  const std::size_t before = connection_count;
  for (int tries = 0; tries < kMostAskedToGiveWay && connection_count == before; ++tries) {
    if (!expire_first_of(idle_lists_)) break;
  }
  is_making_room_ = false;
  return connection_count < before;
}

void WorkerContext::note_refused_certificate(const PeerAddress& client, std::string_view why) {
  note_refused(client, {"tls", "client certificate", std::string(why), LogLevel::info});
}

void WorkerContext::note_refused_request(const PeerAddress& client, std::string_view why) {
  note_refused(client, {"listener", "request", std::string(why)});
}

void WorkerContext::note_refused(const PeerAddress& client, const Refusals::Names& names) {
  std::shared_ptr<Refusals>& refusals = refusals_[names.limit];
  if (!refusals) refusals = std::make_shared<Refusals>(names);
  refusal_log.add(refusals, client);
}

std::string_view WorkerContext::date() {
  const std::int64_t now = loop.wall_seconds();
  if (now != date_second_) {
    date_second_ = now;
    date_ = http::format_date(now);
  }
  return {date_.data(), date_.size()};
}

void WorkerContext::schedule(Connection& connection) {
  if (std::find(scheduled_.begin(), scheduled_.end(), &connection) != scheduled_.end()) return;
  scheduled_.push_back(&connection);
  resume_.start(Duration{0});
}

void WorkerContext::unschedule(Connection& connection) { std::erase(scheduled_, &connection); }

void WorkerContext::run_scheduled() {
  std::vector<Connection*> now;
  now.swap(scheduled_);
  while (!now.empty()) {
    Connection* connection = now.back();
    now.pop_back();
    if (!connection->is_buried()) connection->advance();
  }
}

void WorkerContext::bury(Connection& connection) {
  unschedule(connection);
  buried_.emplace_back(&connection);
}

void WorkerContext::sweep() {
  send_share.end_turn();
  buried_.clear();
  retired_.clear();
}

}  // namespace uvhttpd
