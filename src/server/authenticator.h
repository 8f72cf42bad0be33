// SPDX-License-Identifier: MIT
// server/authenticator.h: whether a password is that of a user, as a file says.
#pragma once

#include <memory>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "http/basic_auth.h"
#include "io/event_loop.h"
#include "server/password_checks.h"
#include "server/password_file.h"
#include "server/refusal_log.h"
#include "server/verdict_cache.h"

namespace uvhttpd {

// One for each file of each runtime. Unknown users cost the time that known ones cost.
class Authenticator {
 public:
  // The error is that of PasswordFile::open.
  static Result<std::unique_ptr<Authenticator>> open(const std::string& users, EventLoop& loop,
                                                     Log& log);
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;

  enum class Verdict {
    right,
    wrong,
    wrong_again,  // no check was needed to know it
    later,        // the waiter is called once, from the loop
    overloaded,   // too many checks wait: ask again in kRetryAfter
  };
  static constexpr std::chrono::seconds kRetryAfter{5};

  // Who waits for a verdict, which will not be `later`. Stops waiting when it dies; must not
  // outlive the authenticator.
  class Waiter {
   public:
    using Callback = void (*)(void* owner, Verdict verdict);
    Waiter(Callback decided, void* owner);

   private:
    friend class Authenticator;
    void on_decided(PasswordChecks::Outcome outcome);

    Callback decided_;
    void* owner_;
    Authenticator* authenticator_ = nullptr;
    VerdictCache::Key key_{};
    PasswordChecks::Waiter checked_;
  };

  // Each waiter once. `client` is who asks.
  Verdict check(const http::BasicCredentials& credentials, const PeerAddress& client,
                Waiter& waiter);
  // Of those that were overloaded: the caller adds to them.
  const std::shared_ptr<Refusals>& refusals() const { return refusals_; }

 private:
  Authenticator(PasswordFile file, EventLoop& loop, Log& log);
  VerdictCache::Key key_of(const http::BasicCredentials& credentials) const;

  EventLoop& loop_;
  Log& log_;
  const std::shared_ptr<Refusals> refusals_;
  PasswordFile file_;
  const KeyedHash hash_;
  VerdictCache verdicts_;
};

}  // namespace uvhttpd
