// SPDX-License-Identifier: MIT
#include "io/error_lines.h"

#include <cerrno>
#include <utility>

#include "base/text.h"

namespace uvhttpd {
namespace {

constexpr std::size_t kReadBytes = 8192;
constexpr int kReadsPerTurn = 4;
constexpr int kLastReads = 16;  // a full pipe is 64 KiB

}  // namespace

ErrorLines::ErrorLines(EventLoop& loop, Log& log, UniqueFd pipe, std::string where,
                       std::string prefix)
    : log_(log), pipe_(std::move(pipe)), where_(std::move(where)), prefix_(std::move(prefix)) {
  const FdWatcher::Callback on_readable = [](void* self, unsigned) {
    static_cast<ErrorLines*>(self)->read_some(kReadsPerTurn);
  };
  watcher_.emplace(loop, pipe_.get(), on_readable, this);
  watcher_->watch(ready::kReadable);
}

ErrorLines::~ErrorLines() {
  read_some(kLastReads);
  end_line();
}

void ErrorLines::read_some(int times) {
  for (; times > 0 && pipe_; --times) {
    char bytes[kReadBytes];
    const ssize_t got = ::read(pipe_.get(), bytes, sizeof bytes);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      watcher_.reset();
      pipe_.reset();
      return;
    }
    take({bytes, static_cast<std::size_t>(got)});
  }
}

void ErrorLines::take(std::string_view bytes) {
  while (!bytes.empty() && logged_ <= kTotalBytes) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    const std::size_t room = kLineBytes - line_.size();
    line_.append(piece.substr(0, room));
    cut_ = cut_ || piece.size() > room;
    if (end == std::string_view::npos) return;
    end_line();
    bytes.remove_prefix(end + 1);
  }
}

void ErrorLines::end_line() {
  const std::string line = std::exchange(line_, {});
  const bool cut = std::exchange(cut_, false);
  if (line.empty() || logged_ > kTotalBytes) return;
  logged_ += prefix_.size() + line.size();
  if (logged_ > kTotalBytes) {
    log_.warn(where_, "{}it writes more to standard error than is logged", prefix_);
    return;
  }
  log_.warn(where_, "{}{}{}", prefix_, escape_for_log(line), cut ? " ..." : "");
}

}  // namespace uvhttpd
