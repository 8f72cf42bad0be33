// SPDX-License-Identifier: MIT
// handlers/admission.h: who may run a program now, who waits for a place, and for how long.
#pragma once

#include <cstddef>

#include <cstdint>
#include <memory>

#include "base/intrusive_list.h"
#include "io/deadline_list.h"
#include "server/activity.h"

namespace uvhttpd {

// The queue of one loop for the places of one route. What is admitted holds a place until leave(),
// whatever becomes of the one that asked.
class Admission {
 public:
  enum class Verdict { admitted, waiting, refused };

  // Who wants to run. It leaves the queue when it dies. Never moved.
  class Applicant : public ListNode {
   public:
    using Callback = void (*)(void* owner, bool admitted);
    // After Verdict::waiting `decided` is called once from the loop: with a place, or without when
    // the patience is at its end.
    Applicant(Callback decided, void* owner);
    ~Applicant() { leave_queue(); }

   private:
    friend class Admission;
    void leave_queue();
    void on_expired();
    Callback decided_;
    void* owner_;
    Admission* admission_ = nullptr;  // while it waits
    DeadlineNode deadline_;
  };

  // The limit holds for all who share `places`, on whatever loop. Who waits is told of a place that
  // became free on its own loop at once, of others within kRetry.
  Admission(DeadlineClock& clock, std::shared_ptr<ProgramPlaces> places);
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // Where as many as `most_waiting` wait, of all who share the places, nobody else does. `patience`
  // says how long this one will; it outlives the waiting.
  Verdict enter(Applicant& applicant, std::uint64_t most_waiting, DeadlineList& patience);
  // A place is free again. Nobody is called: that is for admit_waiting().
  void leave();
  // Gives free places to those who wait, first come first served. From the loop, not from a
  // destructor.
  void admit_waiting();

  std::uint64_t running() const { return places_->running; }
  std::uint64_t waiting() const { return places_->waiting; }

  static constexpr Duration kRetry{20};

 private:
  bool take_place();
  void on_retry();

  const std::shared_ptr<ProgramPlaces> places_;
  DeadlineList retries_;
  IntrusiveList<Applicant> queue_;
  DeadlineNode retry_;
};

}  // namespace uvhttpd
