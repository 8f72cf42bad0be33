// SPDX-License-Identifier: MIT
#include "base/line_log.h"

#include <utility>

#include "base/text.h"

namespace uvhttpd {

void LineLog::take(std::string_view bytes) {
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

void LineLog::end_line() {
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
