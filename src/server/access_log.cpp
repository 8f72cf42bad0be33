// SPDX-License-Identifier: MIT
#include "server/access_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <syslog.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <ctime>
#include <iterator>

#include "base/text.h"

namespace uvhttpd {
namespace {

constexpr std::size_t kFlushBytes = 32 << 10;
constexpr std::size_t kMaxBytes = 1 << 20;  // what a stuck reader of a pipe may make us keep
constexpr Duration kFlushAfter{200};

std::string_view or_dash(std::string_view text) { return text.empty() ? "-" : text; }

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

void append_escaped(std::string& out, std::string_view text) {
  if (is_plain(text)) {
    out.append(or_dash(text));
  } else {
    out.append(escape_for_log(text));
  }
}

// Readers of the log take the words of its beginning apart at spaces and the bracket.
void append_user(std::string& out, std::string_view user) {
  if (user.find_first_of(" [") == std::string_view::npos) return append_escaped(out, user);
  for (const char c : user) {
    if (c == ' ' || c == '[') {
      out.append(c == ' ' ? "\\x20" : "\\x5b");
    } else {
      append_escaped(out, {&c, 1});
    }
  }
}

std::string format_clf_time(std::int64_t seconds) {
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t time = seconds;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  return fmt::format("{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000", parts.tm_mday, kMonths[parts.tm_mon],
                     parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string format_iso_time(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace

AccessLog::AccessLog(EventLoop& loop, Log& log)
    : loop_(loop),
      log_(log),
      flush_timer_(
          loop, [](void* self) { static_cast<AccessLog*>(self)->flush(); }, this) {}

AccessLog::~AccessLog() { flush(); }

Result<AccessLog::Target> AccessLog::prepare(const config::AccessLog& config) {
  UniqueFd file;
  Kind kind = Kind::file;
  if (config.path == "off") {
    kind = Kind::off;
  } else if (config.path == "syslog") {
    kind = Kind::syslog;
    ::openlog("uvhttpd", LOG_PID | LOG_NDELAY, LOG_DAEMON);
  } else if (config.path == "stdout") {
    kind = Kind::stream;
    file.reset(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!file) return Unexpected(Error::from_errno(errno, "access log on standard output"));
  } else {
    // Not to wait for the reader of a named pipe.
    constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    file.reset(::open(config.path.c_str(), kFlags, 0640));
    if (!file) return Unexpected(Error::from_errno(errno, config.path));
  }
  struct stat status {};
  if (file && ::fstat(file.get(), &status) == 0 && !S_ISREG(status.st_mode)) kind = Kind::stream;
  return Target{config, kind, std::move(file)};
}

void AccessLog::use(Target target) {
  flush();
  target_ = std::move(target);
  time_second_ = -1;
}

Result<void> AccessLog::reopen() {
  TRY_ASSIGN(Target target, prepare(target_.config));
  use(std::move(target));
  return {};
}

void AccessLog::write(const AccessRecord& record) {
  if (target_.kind == Kind::off) return;
  const std::size_t before = buffer_.size();
  if (target_.config.format == config::LogFormat::json) {
    append_json(record);
  } else {
    append_combined(record);
  }
  if (target_.kind == Kind::syslog) {
    ::syslog(LOG_INFO, "%s", buffer_.c_str() + before);
    buffer_.resize(before);
    return;
  }
  buffer_.push_back('\n');
  if (buffer_.size() >= kFlushBytes) {
    flush();
  } else if (before == 0) {
    flush_timer_.start(kFlushAfter);
  }
}

void AccessLog::append_time() {
  const std::int64_t now = loop_.wall_seconds();
  if (now != time_second_) {
    time_second_ = now;
    time_ = target_.config.format == config::LogFormat::json ? format_iso_time(now)
                                                             : format_clf_time(now);
  }
  buffer_.append(time_);
}

// %h - %u [%t] "%r" %>s %b "%{Referer}i" "%{User-Agent}i"
void AccessLog::append_combined(const AccessRecord& record) {
  buffer_.append(record.client->text()).append(" - ");
  append_user(buffer_, record.user);
  buffer_.append(" [");
  append_time();
  buffer_.append("] \"");
  if (record.method.empty()) {
    buffer_.push_back('-');
  } else {
    append_escaped(buffer_, record.method);
    for (const std::string_view word : {record.target, record.version}) {
      if (word.empty()) continue;
      buffer_.push_back(' ');
      append_escaped(buffer_, word);
    }
  }
  fmt::format_to(std::back_inserter(buffer_), "\" {} ", record.status);
  if (record.bytes == 0) {
    buffer_.append("- \"");
  } else {
    fmt::format_to(std::back_inserter(buffer_), "{} \"", record.bytes);
  }
  append_escaped(buffer_, record.referer);
  buffer_.append("\" \"");
  append_escaped(buffer_, record.user_agent);
  buffer_.push_back('"');
}

void AccessLog::append_json(const AccessRecord& record) {
  const auto member = [this](std::string_view name, std::string_view value) {
    buffer_.append(",\"")
        .append(name)
        .append("\":\"")
        .append(escape_for_json(value))
        .push_back('"');
  };
  buffer_.append("{\"time\":\"");
  append_time();
  buffer_.push_back('"');
  member("client", record.client->text());
  member("user", record.user);
  member("method", record.method);
  member("target", record.target);
  member("host", record.host);
  member("protocol", record.version);
  fmt::format_to(std::back_inserter(buffer_), ",\"status\":{},\"bytes\":{},\"seconds\":{}.{:03}",
                 record.status, record.bytes, record.elapsed.count() / 1000,
                 record.elapsed.count() % 1000);
  member("site", record.site);
  member("route", record.route);
  member("handler", record.handler);
  member("referer", record.referer);
  member("user_agent", record.user_agent);
  member("request_id", record.request_id);
  buffer_.push_back('}');
}

// Never blocks: a pipe or terminal is asked first and given no more than it must take at once.
std::size_t AccessLog::write_some(std::string_view bytes) {
  std::size_t written = 0;
  while (written < bytes.size()) {
    std::size_t part = bytes.size() - written;
    if (target_.kind == Kind::stream) {
      pollfd ready{target_.file.get(), POLLOUT, 0};
      if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) break;
      part = std::min<std::size_t>(part, PIPE_BUF);
      // Whole lines, so that those of several workers do not mix.
      const std::size_t line_end = bytes.substr(written, part).rfind('\n');
      if (line_end != std::string_view::npos) part = line_end + 1;
    }
    const ssize_t count = ::write(target_.file.get(), bytes.data() + written, part);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) {
      lose(Error::from_errno(errno, target_.config.path).message);
      return bytes.size();
    }
    failing_ = false;
    written += static_cast<std::size_t>(count);
  }
  return written;
}

void AccessLog::flush() {
  flush_timer_.stop();
  if (buffer_.empty() || !target_.file) return;
  const std::size_t written = write_some(buffer_);
  buffer_.erase(0, written);
  if (buffer_.size() > kMaxBytes) {
    lose("the reader of the log is stuck");
    buffer_.clear();
  }
  if (!buffer_.empty()) flush_timer_.start(kFlushAfter);
}

void AccessLog::lose(std::string_view why) {
  lost_ += static_cast<std::uint64_t>(std::count(buffer_.begin(), buffer_.end(), '\n'));
  if (failing_) return;
  failing_ = true;
  log_.error("access_log", "lines are lost ({} so far): {}", lost_, why);
}

}  // namespace uvhttpd
