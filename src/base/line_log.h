// SPDX-License-Identifier: MIT
// base/line_log.h: what a program writes about itself, line by line into the error log.
#pragma once

#include <string>
#include <string_view>

#include "base/log.h"

namespace uvhttpd {

class LineLog {
 public:
  static constexpr std::size_t kLineBytes = 1024;        // the rest of a longer line is left out
  static constexpr std::size_t kTotalBytes = 64 * 1024;  // with prefixes; then one note and no more

  // Lines are logged as warnings at `where`, with `prefix` in front.
  LineLog(Log& log, std::string where, std::string prefix)
      : log_(log), where_(std::move(where)), prefix_(std::move(prefix)) {}
  LineLog(const LineLog&) = delete;
  LineLog& operator=(const LineLog&) = delete;
  // Logs a last line without its end.
  ~LineLog() { end_line(); }

  void take(std::string_view bytes);
  // A line about the program and not from it.
  void note(std::string_view what) { log_.error(where_, "{}{}", prefix_, what); }

 private:
  void end_line();

  Log& log_;
  std::string where_;
  std::string prefix_;
  std::string line_;
  bool cut_ = false;  // line_ is full and its rest left out
  std::size_t logged_ = 0;
};

}  // namespace uvhttpd
