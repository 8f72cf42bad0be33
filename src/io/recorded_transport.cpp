// SPDX-License-Identifier: MIT
#include "io/recorded_transport.h"

#include <algorithm>
#include <array>
#include <utility>

namespace uvhttpd {
namespace {

constexpr std::size_t kMaxPieces = 16;  // of one send

}  // namespace

RecordedTransport::RecordedTransport(EventLoop& loop, std::string request,
                                     std::optional<TlsInfo> tls, Recording& recording,
                                     FdWatcher::Callback callback, void* owner)
    : loop_(loop),
      request_(std::move(request)),
      tls_(std::move(tls)),
      recording_(recording),
      callback_(callback),
      owner_(owner) {}

IoResult RecordedTransport::receive(std::span<char> into) {
  const std::size_t size = std::min(into.size(), request_.size() - received_);
  if (size == 0) {
    const bool is_over = received_ == request_.size() && recording_.total > 0;
    return {is_over ? IoResult::Kind::end : IoResult::Kind::blocked, 0, 0};
  }
  std::copy_n(request_.data() + received_, size, into.data());
  received_ += size;
  return {IoResult::Kind::done, size, 0};
}

IoResult RecordedTransport::send(SendQueue& queue, std::size_t limit) {
  std::size_t total = 0;
  while (!queue.empty() && total < limit) {
    std::size_t moved = 0;
    if (const SendQueue::FileRange file = queue.front_file(); file.fd >= 0) {
      moved = static_cast<std::size_t>(std::min<std::uint64_t>(file.length, limit - total));
      record(nullptr, moved);
    } else {
      std::array<iovec, kMaxPieces> pieces;
      const std::size_t count = queue.gather(pieces, limit - total);
      for (std::size_t i = 0; i < count; ++i) {
        record(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
        moved += pieces[i].iov_len;
      }
    }
    queue.consume(moved);
    total += moved;
  }
  return {IoResult::Kind::done, total, 0};
}

void RecordedTransport::record(const char* octets, std::size_t size) {
  const std::size_t kept = std::min(size, Recording::kMaxKept - recording_.octets.size());
  if (octets != nullptr) {
    recording_.octets.append(octets, kept);
  } else {
    recording_.octets.append(kept, '\0');
  }
  recording_.total += size;
}

unsigned RecordedTransport::due() const {
  unsigned now = interest_ & ready::kWritable;
  if (received_ < request_.size() || recording_.total > 0) now |= interest_ & ready::kReadable;
  return now;
}

// Each time in a turn of its own, so that timers have theirs: a timer started anew without a delay
// would go off again in the same one.
void RecordedTransport::want(unsigned interest) {
  interest_ = interest;
  if (due() == ready::kNothing || is_posted_) return;
  is_posted_ = true;
  loop_.post([self = self_] {
    if (*self != nullptr) (*self)->tell();
  });
}

void RecordedTransport::tell() {
  is_posted_ = false;
  // The callback may destroy the transport.
  if (const unsigned now = due(); now != ready::kNothing) callback_(owner_, now);
}

}  // namespace uvhttpd
