// SPDX-License-Identifier: MIT
#include "handlers/admission.h"

#include <utility>

namespace uvhttpd {

Admission::Applicant::Applicant(Callback decided, void* owner)
    : decided_(decided),
      owner_(owner),
      deadline_([](void* self) { static_cast<Applicant*>(self)->on_expired(); }, this) {}

void Admission::Applicant::leave_queue() {
  if (admission_ == nullptr) return;
  unlink();
  deadline_.disarm();
  --admission_->places_->waiting;
  admission_ = nullptr;
}

void Admission::Applicant::on_expired() {
  leave_queue();
  decided_(owner_, false);
}

Admission::Admission(DeadlineClock& clock, std::shared_ptr<ProgramPlaces> places)
    : places_(std::move(places)),
      retries_(clock, kRetry),
      retry_([](void* self) { static_cast<Admission*>(self)->on_retry(); }, this) {}

bool Admission::take_place() {
  std::uint64_t taken = places_->running;
  while (taken < places_->most_running) {
    if (places_->running.compare_exchange_weak(taken, taken + 1)) return true;
  }
  return false;
}

void Admission::on_retry() {
  admit_waiting();
  if (!queue_.empty()) retries_.arm(retry_);
}

Admission::Verdict Admission::enter(Applicant& applicant, std::uint64_t most_waiting,
                                    DeadlineList& patience) {
  if (queue_.empty() && take_place()) return Verdict::admitted;
  const bool is_full = places_->running >= places_->most_running;
  if (is_full && places_->waiting >= most_waiting) return Verdict::refused;
  queue_.push_back(applicant);
  patience.arm(applicant.deadline_);
  applicant.admission_ = this;
  ++places_->waiting;
  if (!retry_.is_armed()) retries_.arm(retry_);
  return Verdict::waiting;
}

void Admission::leave() {
  ASSERT(places_->running > 0);
  --places_->running;
}

void Admission::admit_waiting() {
  while (!queue_.empty() && take_place()) {
    Applicant& next = queue_.front();
    next.leave_queue();
    next.decided_(next.owner_, true);
  }
}

}  // namespace uvhttpd
