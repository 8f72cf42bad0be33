// SPDX-License-Identifier: MIT
#include "io/listener.h"

#include <fcntl.h>

#include <cerrno>

#include "base/passing.h"

namespace uvhttpd {
namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr int kAcceptsAtStop = 4096;
constexpr Duration kPause{100};

UniqueFd open_spare() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

// accept(2): what became of a connection before it could be taken.
bool belongs_to_one_connection(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ENOPROTOOPT: return true;
    default: return false;
  }
}

}  // namespace

Listener::Listener(EventLoop& loop, std::shared_ptr<const UniqueFd> socket, Accepted accepted,
                   Exhausted exhausted, void* owner)
    : socket_(std::move(socket)),
      accepted_(accepted),
      exhausted_(exhausted),
      owner_(owner),
      spare_(open_spare()),
      watcher_(
          loop, socket_->get(),
          [](void* self, unsigned now_ready) {
            auto* listener = static_cast<Listener*>(self);
            // An error has stopped the watcher.
            if ((now_ready & ready::kGone) != 0) return listener->pause(EIO);
            listener->accept_some(kAcceptsPerTurn);
          },
          this),
      pause_(
          loop,
          [](void* self) {
            auto* listener = static_cast<Listener*>(self);
            if (!listener->stopped_) listener->watcher_.watch(ready::kReadable);
          },
          this) {}

void Listener::start() {
  stopped_ = false;
  watcher_.watch(ready::kReadable);
}

void Listener::stop() {
  if (stopped_) return;
  accept_some(kAcceptsAtStop);
  stopped_ = true;
  pause_.stop();
  watcher_.watch(ready::kNothing);
}

void Listener::accept_some(int limit) {
  for (int i = 0; i < limit; ++i) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    UniqueFd socket(::accept4(socket_->get(), reinterpret_cast<sockaddr*>(&address), &length,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket) {
      accepted_(owner_, std::move(socket), PeerAddress::from(address, length));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    if (is_lack_of_resources(errno)) return on_exhausted(errno);
    // Others belong to the listening socket itself: trying on would only turn in circles.
    if (!belongs_to_one_connection(errno)) return pause(errno);
  }
}

void Listener::on_exhausted(int error) {
  // The client learns at once that it is not served, instead of waiting in the queue.
  spare_.reset();
  UniqueFd refused(::accept4(socket_->get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  refused.reset();  // before its place is taken again
  spare_ = open_spare();
  if (!stopped_) pause(error);
}

void Listener::pause(int error) {
  watcher_.watch(ready::kNothing);
  pause_.start(kPause);
  exhausted_(owner_, error);
}

}  // namespace uvhttpd
