// SPDX-License-Identifier: MIT
// unit/handlers/admission_test.cpp: who may run and who waits.
#include "handlers/admission.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

namespace uvhttpd {
namespace {

using Verdict = Admission::Verdict;

// Applicants by their letters; what was decided is written down in order.
class Applicants {
 public:
  Admission::Applicant& add(char name) {
    all_.push_back(std::make_unique<One>(*this, name));
    return all_.back()->applicant;
  }
  void drop(char name) {
    std::erase_if(all_, [name](const auto& one) { return one->name == name; });
  }
  const std::string& decided() const { return decided_; }

 private:
  struct One {
    One(Applicants& in, char its_name)
        : all(in),
          name(its_name),
          applicant(
              [](void* self, bool admitted) {
                const auto* one = static_cast<One*>(self);
                one->all.decided_ += admitted ? "+" : "-";
                one->all.decided_ += one->name;
              },
              this) {}
    Applicants& all;
    char name;
    Admission::Applicant applicant;
  };
  std::vector<std::unique_ptr<One>> all_;
  std::string decided_;
};

constexpr Duration kLong{60'000};

struct Limits {
  std::uint64_t running = 1;
  std::uint64_t waiting = 0;
  Duration patience = kLong;
};

struct Scene {
  explicit Scene(const Limits& limits)
      : waiting(limits.waiting),
        places(std::make_shared<ProgramPlaces>(limits.running)),
        clock(loop),
        patience(clock, limits.patience),
        admission(clock, places) {}
  Verdict enter(char name) { return admission.enter(applicants.add(name), waiting, patience); }

  const std::uint64_t waiting;
  const std::shared_ptr<ProgramPlaces> places;
  EventLoop loop;
  DeadlineClock clock;
  DeadlineList patience;
  Admission admission;
  Applicants applicants;
};

}  // namespace

TEST_CASE("Admission admits, then lets wait, then refuses") {
  Scene scene({.running = 2, .waiting = 1});
  CHECK(scene.enter('a') == Verdict::admitted);
  CHECK(scene.enter('b') == Verdict::admitted);
  CHECK(scene.enter('c') == Verdict::waiting);
  CHECK(scene.enter('d') == Verdict::refused);
  scene.admission.leave();
  CHECK(scene.applicants.decided().empty());
  scene.admission.admit_waiting();
  CHECK(scene.applicants.decided() == "+c");
  CHECK(scene.admission.running() == 2);
  CHECK(scene.admission.waiting() == 0);
}

TEST_CASE("those who wait are admitted in the order they came, before anybody new") {
  Scene scene({.running = 1, .waiting = 3});
  CHECK(scene.enter('a') == Verdict::admitted);
  CHECK(scene.enter('b') == Verdict::waiting);
  CHECK(scene.enter('c') == Verdict::waiting);
  scene.admission.leave();
  CHECK(scene.enter('d') == Verdict::waiting);
  scene.admission.admit_waiting();
  scene.admission.leave();
  scene.admission.admit_waiting();
  CHECK(scene.applicants.decided() == "+b+c");
}

TEST_CASE("an applicant that dies leaves the queue") {
  Scene scene({.running = 1, .waiting = 2});
  CHECK(scene.enter('a') == Verdict::admitted);
  CHECK(scene.enter('b') == Verdict::waiting);
  CHECK(scene.enter('c') == Verdict::waiting);
  scene.applicants.drop('b');
  CHECK(scene.admission.waiting() == 1);
  scene.admission.leave();
  scene.admission.admit_waiting();
  CHECK(scene.applicants.decided() == "+c");
}

TEST_CASE("an applicant whose patience ends is told so") {
  Scene scene({.running = 1, .waiting = 2, .patience = Duration{5}});
  CHECK(scene.enter('a') == Verdict::admitted);
  CHECK(scene.enter('b') == Verdict::waiting);
  while (scene.applicants.decided().empty()) scene.loop.run_once();
  CHECK(scene.applicants.decided() == "-b");
  CHECK(scene.admission.waiting() == 0);
}

TEST_CASE("with no queue whoever finds no place is refused") {
  Scene scene({.running = 1, .waiting = 0});
  CHECK(scene.enter('a') == Verdict::admitted);
  CHECK(scene.enter('b') == Verdict::refused);
}

TEST_CASE("a limit that changes holds for all who run already") {
  Scene scene({.running = 2, .waiting = 3});
  CHECK(scene.enter('a') == Verdict::admitted);
  CHECK(scene.enter('b') == Verdict::admitted);
  CHECK(scene.enter('c') == Verdict::waiting);
  CHECK(scene.enter('d') == Verdict::waiting);
  SUBCASE("a lower one lets nobody in until enough have gone") {
    scene.places->most_running = 1;
    scene.admission.leave();
    scene.admission.admit_waiting();
    CHECK(scene.applicants.decided().empty());
    scene.admission.leave();
    scene.admission.admit_waiting();
    CHECK(scene.applicants.decided() == "+c");
  }
  SUBCASE("a higher one lets those in who wait, though nobody leaves") {
    scene.places->most_running = 4;
    while (scene.applicants.decided().size() < 4) scene.loop.run_once();
    CHECK(scene.applicants.decided() == "+c+d");
  }
}

TEST_CASE("who may wait, and for how long, is decided for each applicant") {
  Scene scene({.running = 1, .waiting = 1});
  CHECK(scene.enter('a') == Verdict::admitted);
  CHECK(scene.enter('b') == Verdict::waiting);
  CHECK(scene.enter('c') == Verdict::refused);
  DeadlineList short_patience(scene.clock, Duration{5});
  CHECK(scene.admission.enter(scene.applicants.add('d'), 2, short_patience) == Verdict::waiting);
  while (scene.applicants.decided().empty()) scene.loop.run_once();
  CHECK(scene.applicants.decided() == "-d");
  scene.admission.leave();
  scene.admission.admit_waiting();
  CHECK(scene.applicants.decided() == "-d+b");
}

}  // namespace uvhttpd
