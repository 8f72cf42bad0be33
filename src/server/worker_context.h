// SPDX-License-Identifier: MIT
// server/worker_context.h: what the connections of one worker share. One thread's, no locks.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/intrusive_list.h"
#include "base/log.h"
#include "base/recv_buffer.h"
#include "base/send_queue.h"
#include "http/date.h"
#include "http/request_parser.h"
#include "io/deadline_list.h"
#include "io/event_loop.h"
#include "server/access_log.h"
#include "server/activity.h"
#include "server/connection_quota.h"
#include "server/exchange.h"
#include "server/refusal_log.h"
#include "server/runtime.h"
#include "server/send_share.h"

namespace uvhttpd {

class Connection;

// Objects that are used again instead of being freed, up to a bound.
template <class T, std::size_t kMaxFree>
class FreeList {
 public:
  std::unique_ptr<T> acquire() {
    if (free_.empty()) return std::make_unique<T>();
    std::unique_ptr<T> object = std::move(free_.back());
    free_.pop_back();
    return object;
  }
  // The object must be as a new one.
  void release(std::unique_ptr<T> object) {
    if (free_.size() < kMaxFree) free_.push_back(std::move(object));
  }

 private:
  std::vector<std::unique_ptr<T>> free_;
};

class WorkerContext {
 public:
  WorkerContext(EventLoop& loop, Log& log, Activity& activity, unsigned number);
  WorkerContext(const WorkerContext&) = delete;
  WorkerContext& operator=(const WorkerContext&) = delete;
  // All connections must be gone.
  ~WorkerContext();

  // New exchanges use it from now on; also its limits and its access log. Call between turns only.
  void use_runtime(std::shared_ptr<const Runtime> runtime);
  const std::shared_ptr<const Runtime>& runtime() const { return runtime_; }

  // "Sun, 06 Nov 1994 08:49:37 GMT", formatted once a second.
  std::string_view date();
  std::uint64_t next_exchange_number() {
    figures.requests.add(1);
    return ++exchanges_;
  }

  // Takes a reference that an exchange gives up. The last one to a runtime of before a reload is
  // let go of between turns: what calls back at this moment may belong to it.
  void retire(std::shared_ptr<const Runtime> runtime) {
    if (runtime != runtime_) retired_.push_back(std::move(runtime));
  }

  // Closes one of those connections that have been in their handshake longest. False when none is.
  bool give_up_a_handshake();
  // Closes one of those kept connections that have waited longest for another request, and for
  // which none has come meanwhile. False when there is none.
  bool give_up_an_idle_connection();
  // While it does so: whose turn it is has to give way.
  bool is_making_room() const { return is_making_room_; }

  // To the log, soon. `why` is one of few, and lives as long as the program.
  void note_refused_certificate(const PeerAddress& client, std::string_view why);
  void note_refused_request(const PeerAddress& client, std::string_view why);

  // Runs advance() of the connection in the next turn of the loop.
  void schedule(Connection& connection);
  void unschedule(Connection& connection);
  // Takes the connection over; it is freed when no callback of its own is running any more.
  void bury(Connection& connection);

  EventLoop& loop;
  Log& log;
  // In front of the numbers of exchanges: of 48 random bits, so that they differ from those of
  // other workers, other servers and earlier starts.
  const std::uint64_t exchange_series;
  WorkerFigures& figures;  // the worker's own
  AccessLog access_log;
  DeadlineClock clock;
  static constexpr int kLooksPerSendTimeout = 4;
  // A connection that was used so lately may have a request on its way when the server stops.
  static constexpr Duration kDrainGrace{1'200};
  struct Deadlines {
    DeadlineList* handshake = nullptr;
    DeadlineList* head = nullptr;
    DeadlineList* body = nullptr;
    DeadlineList* send = nullptr;
    DeadlineList* pace = nullptr;
    DeadlineList* keep_alive = nullptr;
    DeadlineList* linger = nullptr;
    DeadlineList* probe = nullptr;
    DeadlineList* drain = nullptr;
  } deadlines;
  http::RequestLimits request_limits;
  std::unique_ptr<RecvBuffer> received;  // of the connection that is advancing
  Connection* advancing = nullptr;
  SendQueue piece;  // of a chunked body
  SendShare send_share;
  FreeList<Exchange, 64> exchanges;
  FreeList<SendQueue, 64> queues;
  IntrusiveList<ListNode> connections;
  std::size_t connection_count = 0;
  ConnectionQuota* quota = nullptr;  // all workers' together; absent in tests
  RefusalLog refusal_log;
  bool keeps_pace = true;  // send_rate is in force; not in rehearsals
  bool draining = false;
  std::function<void()> on_all_closed;  // called when the last connection closes, if set
  // Hears of every exchange that is over, if set; for rehearsals.
  struct ExchangeObserver {
    void (*on_end)(void* owner, const Exchange& exchange) = nullptr;
    void* owner = nullptr;
  } observer;

 private:
  using Lists = std::map<Duration, std::unique_ptr<DeadlineList>>;
  void note_refused(const PeerAddress& client, const Refusals::Names& names);
  DeadlineList& list_of(Duration duration, Lists& lists);
  static bool expire_first_of(const Lists& lists);
  DeadlineList& list_of(Duration duration) { return list_of(duration, lists_); }
  void run_scheduled();
  void sweep();

  Lists lists_;
  Lists handshake_lists_;  // in which nothing but handshakes is
  Lists idle_lists_;       // and nothing but kept connections
  bool is_making_room_ = false;
  std::shared_ptr<const Runtime> runtime_;
  std::vector<std::shared_ptr<const Runtime>> retired_;
  std::map<std::string, std::shared_ptr<Refusals>> refusals_;  // by why
  std::int64_t date_second_ = -1;
  http::DateText date_{};
  std::uint64_t exchanges_ = 0;
  Timer resume_;
  std::vector<Connection*> scheduled_;
  std::vector<std::unique_ptr<Connection>> buried_;
};

}  // namespace uvhttpd
