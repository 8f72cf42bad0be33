// SPDX-License-Identifier: MIT
#include "handlers/file_source.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace uvhttpd {
namespace {

constexpr std::uint64_t kHeldBack = 16 << 10;  // of a file, until it is known to be unchanged

PullResult give_up(Exchange& exchange) {
  exchange.log().warn(exchange.id(), "the file was written to while it was sent: broken off");
  return PullResult::failed;
}

void append_range(SendQueue& out, const std::shared_ptr<const StableFile>& file,
                  std::uint64_t offset, std::uint64_t length) {
  out.append_file(std::shared_ptr<const UniqueFd>(file, &file->fd()), offset, length);
}

}  // namespace

bool StableFile::is_unchanged() const {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) return false;
  FileInfo now = FileInfo::from(status);
  // Who replaces or removes a file takes a link from it, which changes ctime and no content. Any
  // other change of ctime may be a write whose mtime was put back.
  if (now.links != info_.links) {
    now.links = info_.links;
    now.ctime_ns = info_.ctime_ns;
  }
  return now == info_;
}

Result<void> StableFile::read(std::uint64_t offset, std::span<char> into) const {
  while (!into.empty()) {
    const ssize_t got = ::pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unexpected(Error::from_errno(errno, "reading"));
    if (got == 0) return Unexpected(Error{"reading: the file became shorter", EIO});
    offset += static_cast<std::uint64_t>(got);
    into = into.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

PullResult FileSource::pull(SendQueue& out, std::size_t budget) {
  if (left_ <= kHeldBack) return send_last(out);
  const std::uint64_t piece = std::min<std::uint64_t>(left_ - kHeldBack, budget);
  append_range(out, file_, offset_, piece);
  offset_ += piece;
  left_ -= piece;
  return PullResult::more;
}

PullResult FileSource::send_last(SendQueue& out) {
  // What is still queued is read by the kernel when it goes.
  if (out.front_file().fd >= 0 || out.file_follows()) return PullResult::more;
  const auto length = static_cast<std::size_t>(left_);
  char* room = out.reserve(length);
  const bool is_whole = file_->read(offset_, {room, length}).has_value();
  if (!is_whole || !file_->is_unchanged()) return give_up(exchange_);
  out.commit(length);
  return PullResult::end;
}

void PiecesSource::begin_piece(SendQueue& out) {
  out.append(pieces_.front().text);
  has_begun_ = true;
  sent_ = 0;
}

PullResult PiecesSource::pull(SendQueue& out, std::size_t budget) {
  const BodyPiece& piece = pieces_.front();
  if (!has_begun_) {
    const bool is_last = pieces_.size() == 1;
    if (is_last && file_) {
      if (out.front_file().fd >= 0 || out.file_follows()) return PullResult::more;
      if (!file_->is_unchanged()) return give_up(exchange_);
    }
    begin_piece(out);
  }
  const std::uint64_t length = std::min<std::uint64_t>(piece.length - sent_, budget);
  if (length > 0 && file_) {
    append_range(out, file_, piece.offset + sent_, length);
  } else if (length > 0) {
    out.append_borrowed(
        std::string_view(*content_).substr(static_cast<std::size_t>(piece.offset + sent_),
                                           static_cast<std::size_t>(length)),
        content_);
  }
  sent_ += length;
  if (sent_ < piece.length) return PullResult::more;
  pieces_ = pieces_.subspan(1);
  has_begun_ = false;
  return pieces_.empty() ? PullResult::end : PullResult::more;
}

}  // namespace uvhttpd
