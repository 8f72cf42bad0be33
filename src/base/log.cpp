// SPDX-License-Identifier: MIT
#include "base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <syslog.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <ctime>

namespace uvhttpd {
namespace {

constexpr const char* kNames[] = {"debug", "info", "warn", "error"};
constexpr int kPriorities[] = {LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR};

Result<UniqueFd> open_for_append(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640));
  if (!fd) return Unexpected(Error::from_errno(errno, path));
  return fd;
}

}  // namespace

std::string timestamp_now() {
  const auto now = std::chrono::system_clock::now();
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const std::time_t seconds = static_cast<std::time_t>(milliseconds / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     milliseconds % 1000);
}

Result<void> Log::open(const std::string& target, LogLevel level) {
  UniqueFd file;
  if (target == "syslog") {
    ::openlog("uvhttpd", LOG_PID | LOG_NDELAY, LOG_DAEMON);
  } else if (target != "stderr") {
    TRY_ASSIGN(file, open_for_append(target));
  }
  const std::lock_guard lock(mutex_);
  target_ = target;
  file_ = std::move(file);
  level_.store(static_cast<int>(level), std::memory_order_relaxed);
  return {};
}

Result<void> Log::reopen() {
  const std::lock_guard lock(mutex_);
  if (!file_) return {};
  TRY_ASSIGN(UniqueFd file, open_for_append(target_));
  file_ = std::move(file);
  return {};
}

void Log::keep_in(std::vector<std::string>& lines) {
  const std::lock_guard lock(mutex_);
  kept_ = &lines;
  level_.store(static_cast<int>(LogLevel::debug), std::memory_order_relaxed);
}

void Log::write_line(LogLevel level, std::string_view where, std::string what) {
  for (char& c : what) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  const auto index = static_cast<std::size_t>(level);
  const std::lock_guard lock(mutex_);
  if (kept_ != nullptr) {
    kept_->push_back(std::move(what));
    return;
  }
  if (target_ == "syslog") {
    ::syslog(kPriorities[index], "%.*s: %s", static_cast<int>(where.size()), where.data(),
             what.c_str());
    return;
  }
  const std::string line =
      fmt::format("{} {} {}: {}\n", timestamp_now(), kNames[index], where, what);
  write_or_lose(file_ ? file_.get() : STDERR_FILENO, line);
}

// One write, so that lines of several processes do not mix. A reader that is stuck must not stop
// the server: a pipe that is full loses the line.
void Log::write_or_lose(int fd, const std::string& line) {
  pollfd ready{fd, POLLOUT, 0};
  const bool has_room = ::poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0;
  const std::size_t size = file_ ? line.size() : std::min<std::size_t>(line.size(), PIPE_BUF);
  if (!has_room || ::write(fd, line.data(), size) < 0) {
    ++lost_;
    return;
  }
  if (lost_ == 0) return;
  const std::string note = fmt::format("{} warn log: {} lines were lost\n", timestamp_now(), lost_);
  lost_ = 0;
  write_or_lose(fd, note);
}

}  // namespace uvhttpd
