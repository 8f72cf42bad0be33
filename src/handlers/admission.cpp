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

Admission::Admission(DeadlineClock& clock, const Limits& limits,
                     std::shared_ptr<config::TakenPlaces> places)
    : limits_(limits),
      places_(std::move(places)),
      deadlines_(clock, limits.patience),
      retries_(clock, kRetry),
      retry_([](void* self) { static_cast<Admission*>(self)->on_retry(); }, this) {}

bool Admission::take_place() {
  std::uint64_t taken = places_->running;
  while (taken < limits_.running) {
    if (places_->running.compare_exchange_weak(taken, taken + 1)) return true;
  }
  return false;
}

void Admission::on_retry() {
  admit_waiting();
  if (!queue_.empty()) retries_.arm(retry_);
}

Admission::Verdict Admission::enter(Applicant& applicant) {
  if (queue_.empty() && take_place()) return Verdict::admitted;
  if (is_full()) return Verdict::refused;
  queue_.push_back(applicant);
  deadlines_.arm(applicant.deadline_);
  applicant.admission_ = this;
  ++places_->waiting;
  if (!retry_.is_armed()) retries_.arm(retry_);
  return Verdict::waiting;
}

bool Admission::is_full() const {
  return places_->running >= limits_.running && places_->waiting >= limits_.waiting;
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
