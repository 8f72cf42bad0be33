// SPDX-License-Identifier: MIT
#include "io/plain_transport.h"

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "io/socket.h"

namespace uvhttpd {
namespace {

constexpr std::size_t kMaxPieces = 16;  // of one gathered send

// As recv and send of the C library, which are cancellation points: in a process with threads each
// call pays for that, and nobody here cancels threads.
ssize_t receive_octets(int fd, void* into, std::size_t size) {
  return ::syscall(SYS_recvfrom, fd, into, size, 0, nullptr, nullptr);
}
ssize_t send_octets(int fd, const void* from, std::size_t size, int flags) {
  return ::syscall(SYS_sendto, fd, from, size, flags, nullptr, 0);
}

bool is_temporary(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

IoResult PlainTransport::receive(std::span<char> into) {
  for (;;) {
    const ssize_t got = receive_octets(socket_.get(), into.data(), into.size());
    if (got > 0) return {IoResult::Kind::done, static_cast<std::size_t>(got), 0};
    if (got == 0) return {IoResult::Kind::end, 0, 0};
    if (errno == EINTR) continue;
    if (is_temporary(errno)) return {IoResult::Kind::blocked, 0, 0};
    return {IoResult::Kind::failed, 0, errno};
  }
}

IoResult PlainTransport::send(SendQueue& queue, std::size_t limit) {
  std::size_t total = 0;
  while (!queue.empty() && total < limit) {
    const SendQueue::FileRange file = queue.front_file();
    std::size_t asked = 0;
    ssize_t sent = 0;
    if (file.fd >= 0) {
      auto offset = static_cast<off_t>(file.offset);
      asked = static_cast<std::size_t>(std::min<std::uint64_t>(file.length, limit - total));
      sent = ::sendfile(socket_.get(), file.fd, &offset, asked);
      if (sent == 0) return {IoResult::Kind::failed, total, EIO};
    } else {
      std::array<iovec, kMaxPieces> pieces;
      msghdr message{};
      message.msg_iov = pieces.data();
      message.msg_iovlen = queue.gather(pieces, limit - total);
      for (std::size_t i = 0; i < message.msg_iovlen; ++i) asked += pieces[i].iov_len;
      const int more = queue.file_follows() ? MSG_MORE : 0;
      sent = message.msg_iovlen == 1
                 ? send_octets(socket_.get(), pieces[0].iov_base, asked, MSG_NOSIGNAL | more)
                 : ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | more);
    }
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (is_temporary(errno)) return {IoResult::Kind::blocked, total, 0};
      return {IoResult::Kind::failed, total, errno};
    }
    const auto moved = static_cast<std::size_t>(sent);
    queue.consume(moved);
    total += moved;
    if (moved < asked) return {IoResult::Kind::blocked, total, 0};
  }
  return {IoResult::Kind::done, total, 0};
}

void PlainTransport::want(unsigned interest) {
  if (!watcher_) watcher_.emplace(loop_, socket_.get(), callback_, owner_);
  watcher_->watch(interest, true);
}

void PlainTransport::shutdown_write() { ::shutdown(socket_.get(), SHUT_WR); }

void PlainTransport::cut_off() { reset_on_close(socket_.get()); }

std::uint64_t PlainTransport::unacknowledged() const { return queued_octets(socket_.get()); }

}  // namespace uvhttpd
