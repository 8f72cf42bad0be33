// SPDX-License-Identifier: MIT
// io/error_lines.h: what a child writes to its standard error, line by line into the error log.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/line_log.h"
#include "base/unique_fd.h"
#include "io/fd_watcher.h"

namespace uvhttpd {

// Reads on until the pipe ends, also when no more is logged, so that the child never blocks on it.
class ErrorLines {
 public:
  // `pipe` is non-blocking. Lines are logged as warnings at `where`, with `prefix` in front.
  ErrorLines(EventLoop& loop, Log& log, UniqueFd pipe, std::string where, std::string prefix);
  ErrorLines(const ErrorLines&) = delete;
  ErrorLines& operator=(const ErrorLines&) = delete;
  // Logs what is already in the pipe, and a last line without its end.
  ~ErrorLines();

  // A line about the child and not from it.
  void note(std::string_view what) { lines_.note(what); }

 private:
  void read_some(int times);

  LineLog lines_;
  UniqueFd pipe_;
  std::optional<FdWatcher> watcher_;  // as long as the pipe is open
};

}  // namespace uvhttpd
