// SPDX-License-Identifier: MIT
// server/activity.h: what the whole process is doing at the moment, for those who want to see it:
// counters of each worker, programs that run, upstreams and their state.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace uvhttpd {

// A number that one thread writes and any thread reads: it costs what a plain one costs.
class Tally {
 public:
  void add(std::uint64_t more) {
    value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// What one worker has done so far. Written by its thread alone, in cache lines of its own.
struct alignas(64) WorkerFigures {
  explicit WorkerFigures(unsigned of) : number(of) {}

  const unsigned number;  // of the worker
  Tally connections_accepted;
  Tally connections_closed;
  Tally requests;                // begun; those in flight are the ones neither answered nor lost
  std::array<Tally, 5> answers;  // of 1xx to 5xx, when they are over
  Tally unanswered;              // the client went before a status was decided
  Tally sent_bytes;              // to clients, heads included

  // An exchange is over; 0: without a status.
  void count_end(unsigned status) {
    const unsigned status_class = status / 100;
    (status_class >= 1 && status_class <= answers.size() ? answers[status_class - 1] : unanswered)
        .add(1);
  }
};

// A program that was started for a request.
struct Program {
  std::string request_id;
  pid_t pid = 0;
  std::string file;
  std::string request;  // "GET /cgi-bin/a?x=1": as the client wrote it
  std::string client;   // its address
  std::string site;
  std::string route;  // the pattern
  TimePoint started{};
};

// What is taken of the places that a route has for programs: by all workers, under whatever
// configuration. Written by all of them.
struct ProgramPlaces {
  explicit ProgramPlaces(std::uint64_t limit) : most_running(limit) {}

  std::atomic<std::uint64_t> most_running;  // as the configuration in force has it
  std::atomic<std::uint64_t> running{0};
  std::atomic<std::uint64_t> waiting{0};
};

enum class UpstreamState : std::uint8_t { resolving, up, down };

struct UpstreamName {
  std::string site;
  std::string route;     // the pattern
  std::string upstream;  // as configured
  auto operator<=>(const UpstreamName&) const = default;
};

// What all workers together have to do with one upstream of a route. Written by all of them.
struct UpstreamFigures {
  explicit UpstreamFigures(UpstreamName its_name) : name(std::move(its_name)) {}

  const UpstreamName name;
  std::atomic<std::uint64_t> active{0};  // requests that it is working on
  std::atomic<std::uint64_t> idle{0};    // connections kept for later
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> failures{0};

  // What became of looking its name up. False when the last worker that spoke of it said the same.
  bool is_news(const std::string& said) {
    const std::lock_guard lock(mutex_);
    return std::exchange(said_of_name_, said) != said;
  }
  // How many workers take it for resolving, up, down.
  std::array<std::uint64_t, 3> workers_by_state() const;
  std::uint64_t workers_that_say(UpstreamState state) const {
    return workers_by_state()[static_cast<std::size_t>(state)];
  }

 private:
  friend class UpstreamOpinion;
  struct Opinion {
    const void* worker;
    UpstreamState state;
  };
  mutable std::mutex mutex_;
  std::list<Opinion> opinions_;  // the newest at the end
  std::string said_of_name_;
};

// The state of an upstream as one worker knows it under one configuration. As long as this exists
// it is what the worker says, unless there is a newer one of the same worker: old configurations
// may live for long.
class UpstreamOpinion {
 public:
  // `worker` is only compared.
  UpstreamOpinion(std::shared_ptr<UpstreamFigures> figures, const void* worker,
                  UpstreamState state);
  UpstreamOpinion(UpstreamOpinion&&) noexcept = default;
  UpstreamOpinion& operator=(UpstreamOpinion&&) = delete;
  ~UpstreamOpinion();

  void set(UpstreamState state);
  UpstreamState state() const { return state_; }
  UpstreamFigures& figures() const { return *figures_; }

 private:
  std::shared_ptr<UpstreamFigures> figures_;
  std::list<UpstreamFigures::Opinion>::iterator place_;
  UpstreamState state_;
};

// May be used from every thread. Outlives all that it hands out but the figures of upstreams.
class Activity {
 public:
  Activity();
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;
  ~Activity();

  // A program stands in the list as long as this exists, or until leave().
  class Entry {
   public:
    Entry() = default;
    Entry(Entry&& other) noexcept;
    Entry& operator=(Entry&& other) noexcept;
    ~Entry() { leave(); }
    void leave();

   private:
    friend class Activity;
    Entry(Activity& activity, std::list<Program>::iterator place)
        : activity_(&activity), place_(place) {}
    Activity* activity_ = nullptr;  // absent: nothing stands in the list
    std::list<Program>::iterator place_{};
  };
  // Its start is now; of its request the beginning is kept.
  static constexpr std::size_t kMostRequestBytes = 1024;
  Entry enter(Program program);
  // Those that run, the oldest first.
  std::vector<Program> programs() const;

  // The places of that route (a route_identity()), the same for all workers and across reloads as
  // long as somebody holds them. Only new ones take the limit.
  std::shared_ptr<ProgramPlaces> places(const std::string& route, std::uint64_t most_running);
  // Null when nobody holds them.
  std::shared_ptr<ProgramPlaces> find_places(const std::string& route) const;

  // The figures of that upstream, the same for all workers and across reloads as long as somebody
  // holds them.
  std::shared_ptr<UpstreamFigures> upstream(const UpstreamName& name);
  // Those that somebody holds, in the order of their names.
  std::vector<std::shared_ptr<const UpstreamFigures>> upstreams() const;

  // A worker's own counters. They stay when it has ended.
  WorkerFigures& add_worker(unsigned number);
  std::vector<const WorkerFigures*> workers() const;

  // A new configuration is in force.
  void note_reload();

  struct Life {
    std::int64_t started_seconds = 0;  // since 1970
    Duration age{0};
    std::uint64_t reloads = 0;
    std::int64_t reloaded_seconds = 0;  // the last of them
  };
  Life life() const;

 private:
  const std::int64_t started_seconds_;
  const TimePoint started_;
  mutable std::mutex mutex_;  // of all that follows; never taken for a request to a file
  std::list<Program> programs_;
  std::map<std::string, std::weak_ptr<ProgramPlaces>> places_;
  std::map<UpstreamName, std::weak_ptr<UpstreamFigures>> upstreams_;
  std::vector<std::unique_ptr<WorkerFigures>> workers_;
  std::uint64_t reloads_ = 0;
  std::int64_t reloaded_seconds_ = 0;
};

// How long ago that was, on the clock of Program::started.
Duration age_of(TimePoint started);

}  // namespace uvhttpd
