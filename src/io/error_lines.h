// SPDX-License-Identifier: MIT
// io/error_lines.h: what a child writes to its standard error, line by line into the error log.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/unique_fd.h"
#include "io/fd_watcher.h"

namespace uvhttpd {

// Reads on until the pipe ends, also when no more is logged, so that the child never blocks on it.
class ErrorLines {
 public:
  static constexpr std::size_t kLineBytes = 1024;        // the rest of a longer line is left out
  static constexpr std::size_t kTotalBytes = 64 * 1024;  // with prefixes; then one note and no more

  // `pipe` is non-blocking. Lines are logged as warnings at `where`, with `prefix` in front.
  ErrorLines(EventLoop& loop, Log& log, UniqueFd pipe, std::string where, std::string prefix);
  ErrorLines(const ErrorLines&) = delete;
  ErrorLines& operator=(const ErrorLines&) = delete;
  // Logs what is already in the pipe, and a last line without its end.
  ~ErrorLines();

 private:
  void read_some(int times);
  void take(std::string_view bytes);
  void end_line();

  Log& log_;
  UniqueFd pipe_;
  std::optional<FdWatcher> watcher_;  // as long as the pipe is open
  std::string where_;
  std::string prefix_;
  std::string line_;
  bool cut_ = false;  // line_ is full and its rest left out
  std::size_t logged_ = 0;
};

}  // namespace uvhttpd
