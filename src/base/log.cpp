// SPDX-License-Identifier: MIT
#include "base/log.h"

#include <fcntl.h>
#include <syslog.h>

#include <cerrno>
#include <chrono>
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

void Log::write_line(LogLevel level, std::string_view where, std::string what) {
  for (char& c : what) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  const auto index = static_cast<std::size_t>(level);
  const std::lock_guard lock(mutex_);
  if (target_ == "syslog") {
    ::syslog(kPriorities[index], "%.*s: %s", static_cast<int>(where.size()), where.data(),
             what.c_str());
    return;
  }
  const std::string line =
      fmt::format("{} {} {}: {}\n", timestamp_now(), kNames[index], where, what);
  const int fd = file_ ? file_.get() : STDERR_FILENO;
  // One write, so that lines of several processes do not mix.
  [[maybe_unused]] const ssize_t written = ::write(fd, line.data(), line.size());
}

}  // namespace uvhttpd
