// SPDX-License-Identifier: MIT
#include "server/authenticator.h"

#include <array>
#include <string_view>
#include <utility>

#include "io/network.h"
#include "server/password_hash.h"

namespace uvhttpd {
Authenticator::Waiter::Waiter(Callback decided, void* owner)
    : decided_(decided),
      owner_(owner),
      checked_(
          [](void* self, PasswordChecks::Outcome outcome) {
            static_cast<Waiter*>(self)->on_decided(outcome);
          },
          this) {}

void Authenticator::Waiter::on_decided(PasswordChecks::Outcome outcome) {
  if (outcome == PasswordChecks::Outcome::given_up) return decided_(owner_, Verdict::overloaded);
  const TimePoint now = authenticator_->loop_.now();
  const bool is_known = authenticator_->verdicts_.find(key_, now).has_value();
  const bool is_right = outcome == PasswordChecks::Outcome::right;
  authenticator_->verdicts_.add(key_, is_right, now);
  if (is_right) return decided_(owner_, Verdict::right);
  decided_(owner_, is_known ? Verdict::wrong_again : Verdict::wrong);
}

Authenticator::Authenticator(PasswordFile file, EventLoop& loop, Log& log)
    : loop_(loop),
      log_(log),
      refusals_(std::make_shared<Refusals>(Refusals::Names{"auth", "password check", file.path()})),
      file_(std::move(file)) {}

Result<std::unique_ptr<Authenticator>> Authenticator::open(const std::string& users,
                                                           EventLoop& loop, Log& log) {
  TRY_ASSIGN(PasswordFile file, PasswordFile::open(users, loop.now()));
  return std::unique_ptr<Authenticator>(new Authenticator(std::move(file), loop, log));
}

VerdictCache::Key Authenticator::key_of(const http::BasicCredentials& credentials) const {
  const std::string version = std::to_string(file_.version());
  const std::array<std::string_view, 3> parts{version, credentials.user,
                                              credentials.password.view()};
  return hash_(parts);
}

Authenticator::Verdict Authenticator::check(const http::BasicCredentials& credentials,
                                            const PeerAddress& client, Waiter& waiter) {
  if (credentials.password.size() > kMaxPasswordBytes) return Verdict::wrong_again;
  file_.refresh(loop_.now(), log_);
  if (file_.may_be_gone()) return Verdict::overloaded;
  if (file_.first_hash().empty()) return Verdict::wrong_again;
  waiter.authenticator_ = this;
  waiter.key_ = key_of(credentials);
  if (const auto known = verdicts_.find(waiter.key_, loop_.now())) {
    return *known ? Verdict::right : Verdict::wrong_again;
  }
  const auto hash = file_.hash_of(credentials.user);
  const PasswordChecks::Question question{waiter.key_,
                                          std::string(hash.value_or(file_.first_hash())),
                                          !hash.has_value(), counted_client(client)};
  if (loop_.object<PasswordChecks>().check(question, credentials.password, waiter.checked_)) {
    return Verdict::later;
  }
  return Verdict::overloaded;
}

}  // namespace uvhttpd
