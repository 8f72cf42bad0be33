// SPDX-License-Identifier: MIT
// unit/io/listener_test.cpp: connections are accepted, and a lack of descriptors is survived.
#include "io/listener.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <vector>

#include "support/run_until.h"
#include "support/socket_pairs.h"

namespace uvhttpd::tests {
namespace {

struct Listening {
  Listening() {
    Result<UniqueFd> fd = listen_ip("127.0.0.1", 0, false);
    REQUIRE(fd.has_value());
    port = local_address(fd->get()).port;
    listener.emplace(
        loop, std::make_shared<const UniqueFd>(*std::move(fd)),
        [](void* self, UniqueFd socket, const PeerAddress& peer) {
          auto& own = *static_cast<Listening*>(self);
          own.accepted.push_back(std::move(socket));
          own.last_peer = peer;
        },
        [](void* self, int error) {
          auto& own = *static_cast<Listening*>(self);
          ++own.exhausted;
          own.last_error = error;
        },
        this);
  }
  // Connected, with a request on its way: the kernel defers the accept until then.
  UniqueFd client() const {
    UniqueFd fd = connect_to("127.0.0.1", port);
    send_text(fd, "x");
    return fd;
  }

  EventLoop loop;
  std::uint16_t port = 0;
  std::optional<Listener> listener;
  std::vector<UniqueFd> accepted;
  PeerAddress last_peer;
  int exhausted = 0;
  int last_error = 0;
};

// No further descriptor can be opened while this lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const UniqueFd lowest_free(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    REQUIRE(lowest_free);
    rlimit tight = before_;
    tight.rlim_cur = static_cast<rlim_t>(lowest_free.get());
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

bool is_refused(const UniqueFd& client) { return !read_now(client).empty(); }

TEST_CASE("Listener accepts what comes, non-blocking and not for children") {
  Listening own;
  own.listener->start();
  const UniqueFd first = own.client();
  const UniqueFd second = own.client();
  REQUIRE(run_until(own.loop, [&] { return own.accepted.size() == 2; }));
  CHECK((::fcntl(own.accepted[0].get(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(own.accepted[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(own.last_peer.text() == "127.0.0.1");
}

TEST_CASE("Listener accepts a crowd") {
  Listening own;
  own.listener->start();
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(own.client());
  CHECK(run_until(own.loop, [&] { return own.accepted.size() == 200; }));
}

TEST_CASE("Listener does nothing before it is started") {
  Listening own;
  const UniqueFd client = own.client();
  for (int i = 0; i < 5; ++i) own.loop.run_once();
  CHECK(own.accepted.empty());
}

TEST_CASE("Listener that stops takes those who wait, and nobody after them") {
  Listening own;
  own.listener->start();
  const UniqueFd waiting = own.client();
  own.listener->stop();
  CHECK(own.accepted.size() == 1);
  const UniqueFd late = own.client();
  for (int i = 0; i < 5; ++i) own.loop.run_once();
  CHECK(own.accepted.size() == 1);
  own.listener->start();
  CHECK(run_until(own.loop, [&] { return own.accepted.size() == 2; }));
}

TEST_CASE("Listener without descriptors refuses each client soon, and recovers") {
  Listening own;
  own.listener->start();
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(own.client());
  UniqueFd later = own.client();
  {
    const NoDescriptors none;
    for (const UniqueFd& client : clients) {
      CHECK(run_until(
          own.loop, [&] { return is_refused(client); }, Duration{2'000}));
    }
    CHECK(own.accepted.empty());
    CHECK(own.exhausted >= 1);
    CHECK(own.exhausted <= 4);
    CHECK(own.last_error == EMFILE);
  }
  const UniqueFd next = own.client();
  CHECK(run_until(own.loop, [&] { return !own.accepted.empty(); }));
}

TEST_CASE("Listener may be stopped and destroyed while it pauses") {
  Listening own;
  own.listener->start();
  const UniqueFd first = own.client();
  const UniqueFd second = own.client();
  {
    const NoDescriptors none;
    REQUIRE(run_until(own.loop, [&] { return own.exhausted > 0; }));
    own.listener->stop();
  }
  own.listener.reset();
  CHECK(own.accepted.empty());
}

}  // namespace
}  // namespace uvhttpd::tests
