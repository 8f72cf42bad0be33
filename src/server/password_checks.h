// SPDX-License-Identifier: MIT
// server/password_checks.h: checks of passwords against hashes, off the loop and few at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "base/intrusive_list.h"
#include "base/secret.h"
#include "io/background.h"
#include "io/event_loop.h"
#include "io/keyed_hash.h"
#include "io/socket.h"

namespace uvhttpd {

// One for each loop, because a check is dear on purpose: whatever is asked for, and by whom, so
// much of the machine goes into it and no more.
class PasswordChecks {
 public:
  // One of the pool's threads for each worker: with many workers all may be at it, but each works
  // on one check before it takes what else has come.
  static constexpr std::size_t kMostRunning = 1;
  static constexpr std::size_t kMostWaiting = 64;
  // Of one client, so that who guesses is in nobody's way but their own.
  static constexpr std::size_t kMostOfClient = 8;

  enum class Outcome {
    right,
    wrong,
    given_up,  // its place went to a client that had fewer checks waiting
  };
  // Who waits for the outcome of a check. Stops waiting when it dies. Never moved.
  class Waiter : public ListNode {
   public:
    using Callback = void (*)(void* owner, Outcome outcome);
    // `decided` is called once, from the loop, after check() took the waiter.
    Waiter(Callback decided, void* owner) : decided_(decided), owner_(owner) {}
    ~Waiter() { unlink(); }

   private:
    friend class PasswordChecks;
    Callback decided_;
    void* owner_;
  };

  explicit PasswordChecks(EventLoop& loop);
  PasswordChecks(const PasswordChecks&) = delete;
  PasswordChecks& operator=(const PasswordChecks&) = delete;
  // Nobody may be waiting any more.
  ~PasswordChecks();

  struct Question {
    KeyedHash::Digest key;  // the same for the same question
    std::string hash;       // that check_password_hash() has accepted
    bool is_decoy = false;  // the answer is no, whatever comes of it
    PeerAddress client{};   // who asks, as counted_client() has it
  };
  // Questions with one key are answered together. A check that nobody waits for any more is not
  // begun. Clients take turns, and who has most checks waiting gives one up for who has none. False
  // when kMostOfClient of this client are waiting, or kMostWaiting of which none can be given up:
  // then nothing happens.
  bool check(const Question& question, const Secret& password, Waiter& waiter);

 private:
  struct Check;
  std::size_t count_waiting(const PeerAddress& client) const;
  bool is_full() const { return checks_.size() >= kMostRunning + kMostWaiting; }
  bool make_room_for(const PeerAddress& client);
  std::uint64_t next_turn_of(const PeerAddress& client) const;
  void start_next();
  void drop_abandoned();
  void finish(Check& check);
  static void tell(IntrusiveList<Waiter>& waiters, Outcome outcome);

  EventLoop& loop_;
  std::list<Check> checks_;  // in the order they came
  std::uint64_t turn_ = 0;   // of the check that was begun last
  IntrusiveList<Waiter> given_up_;
  Timer given_up_timer_;  // tells them, in a later turn of the loop
};

}  // namespace uvhttpd
