// SPDX-License-Identifier: MIT
#include "server/activity.h"

#include <chrono>
#include <iterator>
#include <set>

#include "base/assert.h"

namespace uvhttpd {
namespace {

TimePoint steady_now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

std::int64_t wall_now() {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace

Duration age_of(TimePoint started) { return steady_now() - started; }

// --- upstreams ---

std::array<std::uint64_t, 3> UpstreamFigures::workers_by_state() const {
  std::array<std::uint64_t, 3> counts{};
  std::set<const void*> heard;
  const std::lock_guard lock(mutex_);
  for (auto each = opinions_.rbegin(); each != opinions_.rend(); ++each) {
    if (heard.insert(each->worker).second) ++counts[static_cast<std::size_t>(each->state)];
  }
  return counts;
}

UpstreamOpinion::UpstreamOpinion(std::shared_ptr<UpstreamFigures> figures, const void* worker,
                                 UpstreamState state)
    : figures_(std::move(figures)), state_(state) {
  const std::lock_guard lock(figures_->mutex_);
  place_ = figures_->opinions_.insert(figures_->opinions_.end(), {worker, state});
}

UpstreamOpinion::~UpstreamOpinion() {
  if (!figures_) return;
  const std::lock_guard lock(figures_->mutex_);
  figures_->opinions_.erase(place_);
}

void UpstreamOpinion::set(UpstreamState state) {
  if (state == state_) return;
  state_ = state;
  const std::lock_guard lock(figures_->mutex_);
  place_->state = state;
}

std::shared_ptr<UpstreamFigures> Activity::upstream(const UpstreamName& name) {
  const std::lock_guard lock(mutex_);
  std::erase_if(upstreams_, [](const auto& each) { return each.second.expired(); });
  std::weak_ptr<UpstreamFigures>& known = upstreams_[name];
  std::shared_ptr<UpstreamFigures> figures = known.lock();
  if (!figures) {
    figures = std::make_shared<UpstreamFigures>(name);
    known = figures;
  }
  return figures;
}

std::vector<std::shared_ptr<const UpstreamFigures>> Activity::upstreams() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const UpstreamFigures>> held;
  for (const auto& [name, figures] : upstreams_) {
    if (auto one = figures.lock()) held.push_back(std::move(one));
  }
  return held;
}

// --- programs ---

Activity::Entry::Entry(Entry&& other) noexcept
    : activity_(std::exchange(other.activity_, nullptr)), place_(other.place_) {}

Activity::Entry& Activity::Entry::operator=(Entry&& other) noexcept {
  if (this == &other) return *this;
  leave();
  activity_ = std::exchange(other.activity_, nullptr);
  place_ = other.place_;
  return *this;
}

void Activity::Entry::leave() {
  if (activity_ == nullptr) return;
  const std::lock_guard lock(activity_->mutex_);
  activity_->programs_.erase(place_);
  activity_ = nullptr;
}

Activity::Entry Activity::enter(Program program) {
  program.started = steady_now();
  if (program.request.size() > kMostRequestBytes) program.request.resize(kMostRequestBytes);
  const std::lock_guard lock(mutex_);
  programs_.push_back(std::move(program));
  return {*this, std::prev(programs_.end())};
}

std::vector<Program> Activity::programs() const {
  const std::lock_guard lock(mutex_);
  return {programs_.begin(), programs_.end()};
}

std::shared_ptr<ProgramPlaces> Activity::places(const std::string& route,
                                                std::uint64_t most_running) {
  const std::lock_guard lock(mutex_);
  std::erase_if(places_, [](const auto& each) { return each.second.expired(); });
  std::weak_ptr<ProgramPlaces>& known = places_[route];
  std::shared_ptr<ProgramPlaces> places = known.lock();
  if (!places) known = places = std::make_shared<ProgramPlaces>(most_running);
  return places;
}

std::shared_ptr<ProgramPlaces> Activity::find_places(const std::string& route) const {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(route);
  return found == places_.end() ? nullptr : found->second.lock();
}

// --- the process ---

Activity::Activity() : started_seconds_(wall_now()), started_(steady_now()) {}

Activity::~Activity() { ASSERT(programs_.empty()); }

WorkerFigures& Activity::add_worker(unsigned number) {
  const std::lock_guard lock(mutex_);
  return *workers_.emplace_back(std::make_unique<WorkerFigures>(number));
}

std::vector<const WorkerFigures*> Activity::workers() const {
  const std::lock_guard lock(mutex_);
  std::vector<const WorkerFigures*> all;
  for (const auto& each : workers_) all.push_back(each.get());
  return all;
}

void Activity::note_reload() {
  const std::lock_guard lock(mutex_);
  ++reloads_;
  reloaded_seconds_ = wall_now();
}

Activity::Life Activity::life() const {
  const std::lock_guard lock(mutex_);
  return {started_seconds_, age_of(started_), reloads_, reloaded_seconds_};
}

}  // namespace uvhttpd
