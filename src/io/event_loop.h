// SPDX-License-Identifier: MIT
// io/event_loop.h: one libuv loop, what other threads may ask of it, and its timers.
#pragma once

#include <uv.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <type_traits>
#include <typeindex>
#include <vector>

#include "base/clock.h"

namespace uvhttpd {

// libuv frees a handle only in the callback of uv_close. So a handle is an allocation of its own
// that the close callback frees, and its C++ owner may die at once. T is plain data whose first
// member is the libuv handle.
template <class T>
struct CloseHandle {
  void operator()(T* handle) const {
    uv_close(reinterpret_cast<uv_handle_t*>(handle),
             [](uv_handle_t* closed) { delete reinterpret_cast<T*>(closed); });
  }
};
template <class T>
using UvHandle = std::unique_ptr<T, CloseHandle<T>>;

// Everything but post() belongs to the thread that runs the loop.
class EventLoop {
 public:
  EventLoop();
  // All handles of the loop must be gone or closing; waits for what still runs in the background,
  // runs the loop dry and asserts that nothing is left.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Returns after stop(), or when nothing is left to wait for.
  void run();
  void stop();
  // One round without waiting; true while handles are active.
  bool run_once();

  // The time this turn of the loop began: no system call.
  TimePoint now() const { return TimePoint(Duration(static_cast<Duration::rep>(uv_now(&loop_)))); }
  // Since 1970, when this turn's events came in: no system call either.
  std::int64_t wall_milliseconds() const {
    return wall_read_ + static_cast<std::int64_t>(uv_now(&loop_)) - wall_read_at_;
  }
  std::int64_t wall_seconds() const { return wall_milliseconds() / 1000; }

  // The object of that type that belongs to this loop: made with the loop when it is asked for
  // first, and alive until drop_objects().
  template <class T>
  T& object() {
    std::shared_ptr<void>& object = objects_[std::type_index(typeid(T))];
    if (!object) {
      if constexpr (std::is_constructible_v<T, EventLoop&>) {
        object = std::make_shared<T>(*this);
      } else {
        object = std::make_shared<T>();
      }
    }
    return *static_cast<T*>(object.get());
  }
  // Once all who use them are gone; otherwise the destructor does it.
  void drop_objects() { objects_.clear(); }

  // Once nobody needs what still runs in the background: turns the loop until that has ended, but
  // for no longer than `most`. False when something runs still, which the destructor waits for.
  bool wait_for_background(Duration most);

  // Runs `work` on the loop's thread, soon. May be called from any thread while the loop exists.
  void post(std::function<void()> work);

  // Runs once in each turn, before the loop waits. One hook at a time; nullptr takes it away.
  using Hook = void (*)(void* owner);
  void set_turn_hook(Hook hook, void* owner);

  // For BackgroundTask: how much of its work libuv has not given back.
  void work_began() { ++background_; }
  void work_ended() { --background_; }

  uv_loop_t* raw() { return &loop_; }

 private:
  struct Async {
    uv_async_t handle;
  };
  struct Prepare {
    uv_prepare_t handle;
  };
  void run_posted();
  void read_wall_clock();

  uv_loop_t loop_;
  UvHandle<Async> async_;
  UvHandle<Prepare> prepare_;
  Hook hook_ = nullptr;
  void* hook_owner_ = nullptr;
  unsigned background_ = 0;
  std::int64_t wall_read_ = 0;     // in milliseconds, before the loop waits,
  std::int64_t wall_read_at_ = 0;  // when the steady clock showed this
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  std::map<std::type_index, std::shared_ptr<void>> objects_;
};

// Calls back once, `delay` after start(). Dies silently with its owner.
class Timer {
 public:
  using Callback = void (*)(void* owner);
  Timer(EventLoop& loop, Callback callback, void* owner);
  void start(Duration delay);
  void stop();
  bool is_active() const;

 private:
  struct Handle {
    uv_timer_t handle;
    Callback callback;
    void* owner;
  };
  UvHandle<Handle> handle_;
};

// Calls back for each arrival of one signal. For the main loop only.
class SignalWatcher {
 public:
  using Callback = void (*)(void* owner, int signal);
  SignalWatcher(EventLoop& loop, int signal, Callback callback, void* owner);

 private:
  struct Handle {
    uv_signal_t handle;
    Callback callback;
    void* owner;
  };
  UvHandle<Handle> handle_;
};

}  // namespace uvhttpd
