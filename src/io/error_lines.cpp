// SPDX-License-Identifier: MIT
#include "io/error_lines.h"

#include <cerrno>
#include <utility>

namespace uvhttpd {
namespace {

constexpr std::size_t kReadBytes = 8192;
constexpr int kReadsPerTurn = 4;
constexpr int kLastReads = 16;  // a full pipe is 64 KiB

}  // namespace

ErrorLines::ErrorLines(EventLoop& loop, Log& log, UniqueFd pipe, std::string where,
                       std::string prefix)
    : lines_(log, std::move(where), std::move(prefix)), pipe_(std::move(pipe)) {
  const FdWatcher::Callback on_readable = [](void* self, unsigned) {
    static_cast<ErrorLines*>(self)->read_some(kReadsPerTurn);
  };
  watcher_.emplace(loop, pipe_.get(), on_readable, this);
  watcher_->watch(ready::kReadable);
}

ErrorLines::~ErrorLines() { read_some(kLastReads); }

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
    lines_.take({bytes, static_cast<std::size_t>(got)});
  }
}

}  // namespace uvhttpd
