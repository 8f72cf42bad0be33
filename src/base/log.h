// SPDX-License-Identifier: MIT
// base/log.h: the error log: one line, one event: time, level, where, what.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace uvhttpd {

enum class LogLevel { debug, info, warn, error };

// May be used from every thread. A line that cannot be written (a full disk) is dropped.
class Log {
 public:
  // Standard error, until open() says otherwise.
  explicit Log(LogLevel level = LogLevel::info) : level_(static_cast<int>(level)) {}
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // `target` is "stderr", "syslog" or a path, which is created and appended to. On an error the log
  // stays what it was.
  Result<void> open(const std::string& target, LogLevel level);
  // Opens the path anew, after a rotation.
  Result<void> reopen();
  // What is told from now on, of every level, goes to `lines` instead, without time and place.
  // `lines` outlives the log.
  void keep_in(std::vector<std::string>& lines);

  bool is_enabled(LogLevel level) const {
    return static_cast<int>(level) >= level_.load(std::memory_order_relaxed);
  }

  // What came from outside must have gone through escape_for_log before; line ends in `what` are
  // turned into spaces.
  template <class... Args>
  void write(LogLevel level, std::string_view where, fmt::format_string<Args...> what,
             Args&&... args) {
    if (is_enabled(level)) write_line(level, where, fmt::format(what, std::forward<Args>(args)...));
  }
  template <class... Args>
  void debug(std::string_view where, fmt::format_string<Args...> what, Args&&... args) {
    write(LogLevel::debug, where, what, std::forward<Args>(args)...);
  }
  template <class... Args>
  void info(std::string_view where, fmt::format_string<Args...> what, Args&&... args) {
    write(LogLevel::info, where, what, std::forward<Args>(args)...);
  }
  template <class... Args>
  void warn(std::string_view where, fmt::format_string<Args...> what, Args&&... args) {
    write(LogLevel::warn, where, what, std::forward<Args>(args)...);
  }
  template <class... Args>
  void error(std::string_view where, fmt::format_string<Args...> what, Args&&... args) {
    write(LogLevel::error, where, what, std::forward<Args>(args)...);
  }

 private:
  void write_line(LogLevel level, std::string_view where, std::string what);
  void write_or_lose(int fd, const std::string& line);

  std::atomic<int> level_{static_cast<int>(LogLevel::info)};
  std::mutex mutex_;
  std::string target_ = "stderr";
  UniqueFd file_;
  std::vector<std::string>* kept_ = nullptr;
  std::uint64_t lost_ = 0;
};

// "2026-11-20T19:16:45.123Z", the wall clock now, for logs.
std::string timestamp_now();

}  // namespace uvhttpd
