// SPDX-License-Identifier: MIT
#include "app/passwd.h"

#include <fmt/format.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/secret.h"
#include "base/text.h"

namespace uvhttpd {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kMistake = 2;
constexpr std::size_t kMaxUserBytes = 255;

int complain(std::string_view what, int status) {
  fmt::print(stderr, "uvhttpd: {}\n", what);
  return status;
}

Result<void> check_user(std::string_view user) {
  if (user.empty()) return Unexpected(Error{"the name of the user is empty", 0});
  if (user.size() > kMaxUserBytes) {
    return Unexpected(Error{"the name of the user is longer than 255 octets", 0});
  }
  if (user.find(':') != std::string_view::npos) {
    return Unexpected(Error{"the name of a user cannot have a colon", 0});
  }
  if (user.front() == '#') return Unexpected(Error{"the line would be a comment", 0});
  if (has_control(user)) {
    return Unexpected(Error{"the name of a user cannot have control characters", 0});
  }
  return {};
}

// One line of standard input, without its end. Octet by octet: no buffer of the library's keeps it.
// Fails when a signal comes that is only let through while it waits, as `waiting` says.
Result<Secret> read_line(const sigset_t* waiting = nullptr) {
  Secret line(kMaxPasswordBytes + 1);
  for (std::size_t size = 0;;) {
    char c = 0;
    pollfd input{STDIN_FILENO, POLLIN, 0};
    const bool has_come = ::ppoll(&input, 1, nullptr, waiting) >= 0;
    const ssize_t count = has_come ? ::read(STDIN_FILENO, &c, 1) : -1;
    if (count < 0) return Unexpected(Error::from_errno(errno, "reading the password"));
    if (count == 0 || c == '\n') {
      if (size > 0 && line.data()[size - 1] == '\r') --size;
      line.shorten(size);
      return line;
    }
    // What is too long is refused for that, whatever else it has.
    if (size < line.size()) line.data()[size++] = c;
  }
}

// While it lives, the terminal shows nothing, and the signals that a terminal sends end the reading
// instead of the process, which would leave it so.
class Unseen {
 public:
  Unseen() {
    struct sigaction noted {};
    noted.sa_handler = [](int) {};
    sigset_t signals;
    ::sigemptyset(&signals);
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      ::sigaddset(&signals, kSignals[i]);
      ::sigaction(kSignals[i], &noted, &before_[i]);
    }
    // One that comes just before the wait must end it, too.
    ::sigprocmask(SIG_BLOCK, &signals, &waiting_);
    is_changed_ = ::tcgetattr(STDIN_FILENO, &shown_) == 0;
    termios unseen = shown_;
    unseen.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    if (is_changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen);
  }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;
  ~Unseen() {
    if (is_changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown_);
    ::sigprocmask(SIG_SETMASK, &waiting_, nullptr);
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      ::sigaction(kSignals[i], &before_[i], nullptr);
    }
  }
  // For read_line().
  const sigset_t* waiting() const { return &waiting_; }

 private:
  static constexpr std::array<int, 5> kSignals{SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP};
  std::array<struct sigaction, kSignals.size()> before_{};
  sigset_t waiting_{};
  termios shown_{};
  bool is_changed_ = false;
};

Result<Secret> ask(std::string_view what) {
  fmt::print(stderr, "{}: ", what);
  const Unseen unseen;
  auto line = read_line(unseen.waiting());
  fmt::print(stderr, "\n");
  return line;
}

}  // namespace

int passwd(const PasswdOptions& options) {
  if (const auto user = check_user(options.user); !user) {
    return complain(user.error().message, kMistake);
  }
  const bool is_asked = ::isatty(STDIN_FILENO) == 1;
  const Result<Secret> password = is_asked ? ask("Password of " + options.user) : read_line();
  if (!password) return complain(password.error().message, kFailed);
  if (is_asked && !password->view().empty()) {
    const Result<Secret> again = ask("Once more");
    if (!again) return complain(again.error().message, kFailed);
    if (again->view() != password->view()) return complain("the two are not the same", kMistake);
  }
  const Result<std::string> hash = hash_password(*password, password_methods().at(options.method));
  if (!hash) {
    return complain(hash.error().message, hash.error().os_error == 0 ? kMistake : kFailed);
  }
  fmt::print("{}:{}\n", options.user, *hash);
  return std::fflush(stdout) == 0 ? kDone : complain("writing the line failed", kFailed);
}

}  // namespace uvhttpd
