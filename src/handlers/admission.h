// SPDX-License-Identifier: MIT
// handlers/admission.h: how many may run at once, who waits for a place, and for how long.
#pragma once

#include <cstddef>

#include "base/intrusive_list.h"
#include "io/deadline_list.h"

namespace uvhttpd {

// What is admitted holds a place until leave(), whatever becomes of the one that asked.
class Admission {
 public:
  struct Limits {
    std::size_t running = 1;
    std::size_t waiting = 0;
    Duration patience{0};
  };
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

  Admission(DeadlineClock& clock, const Limits& limits);
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  Verdict enter(Applicant& applicant);
  // The next enter() is refused.
  bool is_full() const;
  // A place is free again. Nobody is called: that is for admit_waiting().
  void leave();
  // Gives free places to those who wait, first come first served. From the loop, not from a
  // destructor.
  void admit_waiting();

  std::size_t running() const { return running_; }
  std::size_t waiting() const { return waiting_; }

 private:
  const Limits limits_;
  DeadlineList deadlines_;
  IntrusiveList<Applicant> queue_;
  std::size_t running_ = 0;
  std::size_t waiting_ = 0;
};

}  // namespace uvhttpd
