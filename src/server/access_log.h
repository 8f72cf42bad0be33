// SPDX-License-Identifier: MIT
// server/access_log.h: one line a request, collected in memory and written in blocks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/unique_fd.h"
#include "config/config.h"
#include "io/event_loop.h"
#include "io/socket.h"

namespace uvhttpd {

// What a line tells. Empty views are shown as "-".
struct AccessRecord {
  const PeerAddress* client = nullptr;
  std::string_view user;  // who has shown a password
  std::string_view method;
  std::string_view target;
  std::string_view host;
  std::string_view version;
  unsigned status = 0;
  std::uint64_t bytes = 0;  // of the body, as sent
  Duration elapsed{0};
  std::string_view site;
  std::string_view route;  // its pattern
  std::string_view handler;
  std::string_view referer;
  std::string_view user_agent;
  std::string_view request_id;
};

// One for each worker. A log that cannot be written loses lines, never requests; the error log says
// so once.
class AccessLog {
 public:
  AccessLog(EventLoop& loop, Log& log);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  ~AccessLog();

  enum class Kind { off, file, stream, syslog };
  // Where lines go; opened apart from being used, so that a reload can fail before anything
  // changes.
  struct Target {
    config::AccessLog config{.path = "off", .format = config::LogFormat::combined};
    Kind kind = Kind::off;
    UniqueFd file{};
  };
  static Result<Target> prepare(const config::AccessLog& config);
  // Closes what was open before.
  void use(Target target);
  // Opens the path anew, after a rotation.
  Result<void> reopen();
  bool is_on() const { return target_.kind != Kind::off; }
  void write(const AccessRecord& record);
  void flush();

 private:
  void append_combined(const AccessRecord& record);
  void append_json(const AccessRecord& record);
  void append_time();
  void lose(std::string_view why);
  std::size_t write_some(std::string_view bytes);

  EventLoop& loop_;
  Log& log_;
  Target target_;
  std::string buffer_;
  Timer flush_timer_;
  std::int64_t time_second_ = -1;
  std::string time_;
  std::uint64_t lost_ = 0;
  bool failing_ = false;
};

}  // namespace uvhttpd
