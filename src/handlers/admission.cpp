// SPDX-License-Identifier: MIT
#include "handlers/admission.h"

namespace uvhttpd {

Admission::Applicant::Applicant(Callback decided, void* owner)
    : decided_(decided),
      owner_(owner),
      deadline_([](void* self) { static_cast<Applicant*>(self)->on_expired(); }, this) {}

void Admission::Applicant::leave_queue() {
  if (admission_ == nullptr) return;
  unlink();
  deadline_.disarm();
  --admission_->waiting_;
  admission_ = nullptr;
}

void Admission::Applicant::on_expired() {
  leave_queue();
  decided_(owner_, false);
}

Admission::Admission(DeadlineClock& clock, const Limits& limits)
    : limits_(limits), deadlines_(clock, limits.patience) {}

Admission::Verdict Admission::enter(Applicant& applicant) {
  if (running_ < limits_.running && queue_.empty()) {
    ++running_;
    return Verdict::admitted;
  }
  if (is_full()) return Verdict::refused;
  queue_.push_back(applicant);
  deadlines_.arm(applicant.deadline_);
  applicant.admission_ = this;
  ++waiting_;
  return Verdict::waiting;
}

bool Admission::is_full() const {
  return running_ >= limits_.running && waiting_ >= limits_.waiting;
}

void Admission::leave() {
  ASSERT(running_ > 0);
  --running_;
}

void Admission::admit_waiting() {
  while (running_ < limits_.running && !queue_.empty()) {
    Applicant& next = queue_.front();
    next.leave_queue();
    ++running_;
    next.decided_(next.owner_, true);
  }
}

}  // namespace uvhttpd
