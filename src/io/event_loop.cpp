// SPDX-License-Identifier: MIT
#include "io/event_loop.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/assert.h"

namespace uvhttpd {
namespace {

constexpr int kLastTurns = 16;

std::int64_t milliseconds_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

EventLoop::EventLoop() {
  ASSERT(uv_loop_init(&loop_) == 0);
  async_.reset(new Async{});
  async_->handle.data = this;
  ASSERT(uv_async_init(&loop_, &async_->handle, [](uv_async_t* handle) {
           static_cast<EventLoop*>(handle->data)->run_posted();
         }) == 0);
  prepare_.reset(new Prepare{});
  prepare_->handle.data = this;
  uv_prepare_init(&loop_, &prepare_->handle);
  uv_prepare_start(&prepare_->handle, [](uv_prepare_t* handle) {
    auto* self = static_cast<EventLoop*>(handle->data);
    self->read_wall_clock();
    if (self->hook_ != nullptr) self->hook_(self->hook_owner_);
  });
  uv_unref(reinterpret_cast<uv_handle_t*>(&prepare_->handle));
  read_wall_clock();
}

EventLoop::~EventLoop() {
  drop_objects();
  hook_ = nullptr;
  async_.reset();
  prepare_.reset();
  while (background_ > 0) uv_run(&loop_, UV_RUN_ONCE);
  // Close callbacks need a turn, and a stop() that came last takes one away. What is still there
  // after a few is a leak, which must show and not be waited for.
  for (int turns = 0; turns < kLastTurns && uv_run(&loop_, UV_RUN_NOWAIT) != 0; ++turns) {
  }
  ASSERT(uv_loop_close(&loop_) == 0);
}

bool EventLoop::wait_for_background(Duration most) {
  bool is_over = false;
  Timer limit(
      *this, [](void* over) { *static_cast<bool*>(over) = true; }, &is_over);
  limit.start(most);
  while (background_ > 0 && !is_over) uv_run(&loop_, UV_RUN_ONCE);
  return background_ == 0;
}

void EventLoop::run() { uv_run(&loop_, UV_RUN_DEFAULT); }
void EventLoop::stop() { uv_stop(&loop_); }
bool EventLoop::run_once() { return uv_run(&loop_, UV_RUN_NOWAIT) != 0; }

void EventLoop::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  uv_async_send(&async_->handle);
}

void EventLoop::run_posted() {
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(mutex_);
    work.swap(posted_);
  }
  for (const auto& each : work) each();
}

void EventLoop::set_turn_hook(Hook hook, void* owner) {
  hook_ = hook;
  hook_owner_ = owner;
}

void EventLoop::read_wall_clock() {
  wall_read_ = milliseconds_of(CLOCK_REALTIME_COARSE);
  // Not uv_now(): this turn may have taken long.
  wall_read_at_ = milliseconds_of(CLOCK_MONOTONIC_COARSE);
}

Timer::Timer(EventLoop& loop, Callback callback, void* owner)
    : handle_(new Handle{{}, callback, owner}) {
  uv_timer_init(loop.raw(), &handle_->handle);
}

void Timer::start(Duration delay) {
  const auto milliseconds = static_cast<std::uint64_t>(std::max<Duration::rep>(delay.count(), 0));
  uv_timer_start(
      &handle_->handle,
      [](uv_timer_t* handle) {
        const auto* self = reinterpret_cast<Handle*>(handle);
        self->callback(self->owner);
      },
      milliseconds, 0);
}

void Timer::stop() { uv_timer_stop(&handle_->handle); }

bool Timer::is_active() const {
  return uv_is_active(reinterpret_cast<const uv_handle_t*>(&handle_->handle)) != 0;
}

SignalWatcher::SignalWatcher(EventLoop& loop, int signal, Callback callback, void* owner)
    : handle_(new Handle{{}, callback, owner}) {
  uv_signal_init(loop.raw(), &handle_->handle);
  const int failure = uv_signal_start(
      &handle_->handle,
      [](uv_signal_t* handle, int number) {
        const auto* self = reinterpret_cast<Handle*>(handle);
        self->callback(self->owner, number);
      },
      signal);
  ASSERT(failure == 0);
}

}  // namespace uvhttpd
