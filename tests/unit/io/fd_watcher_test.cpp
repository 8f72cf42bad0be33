// SPDX-License-Identifier: MIT
// unit/io/fd_watcher_test.cpp: which readiness comes for which mask.
#include "io/fd_watcher.h"

#include <doctest/doctest.h>

#include <memory>

#include "support/run_until.h"
#include "support/socket_pairs.h"

namespace uvhttpd::tests {
namespace {

struct Watched {
  explicit Watched(SocketPair connected) : pair(std::move(connected)) {
    watcher = std::make_unique<FdWatcher>(
        loop, pair.ours.get(),
        [](void* self, unsigned now) {
          auto& own = *static_cast<Watched*>(self);
          own.seen |= now;
          ++own.calls;
        },
        this);
  }
  // What came within some turns of the loop.
  unsigned turn() {
    seen = ready::kNothing;
    calls = 0;
    for (int i = 0; i < 5; ++i) loop.run_once();
    return seen;
  }

  EventLoop loop;
  SocketPair pair;
  std::unique_ptr<FdWatcher> watcher;
  unsigned seen = ready::kNothing;
  int calls = 0;
};

TEST_CASE("FdWatcher says nothing before it is asked") {
  Watched watched(unix_pair());
  send_text(watched.pair.theirs, "x");
  CHECK(watched.turn() == ready::kNothing);
  CHECK(watched.watcher->watched() == ready::kNothing);
}

TEST_CASE("FdWatcher tells of what was asked for, again and again while it lasts") {
  Watched watched(unix_pair());
  send_text(watched.pair.theirs, "x");
  watched.watcher->watch(ready::kReadable);
  CHECK(watched.turn() == ready::kReadable);
  CHECK(watched.calls > 1);
  watched.watcher->watch(ready::kWritable);
  CHECK(watched.turn() == ready::kWritable);
  watched.watcher->watch(ready::kReadable | ready::kWritable);
  CHECK(watched.turn() == (ready::kReadable | ready::kWritable));
  CHECK(read_now(watched.pair.ours) == "x");
  CHECK(watched.turn() == ready::kWritable);
  watched.watcher->watch(ready::kNothing);
  CHECK(watched.turn() == ready::kNothing);
}

TEST_CASE("FdWatcher takes the end of the stream for something to read") {
  for (const bool is_tcp : {false, true}) {
    CAPTURE(is_tcp);
    Watched watched(is_tcp ? tcp_pair() : unix_pair());
    watched.watcher->watch(ready::kReadable, true);
    ::shutdown(watched.pair.theirs.get(), SHUT_WR);
    CHECK(run_until(watched.loop, [&] { return (watched.seen & ready::kReadable) != 0; }));
    CHECK((watched.seen & ready::kGone) == 0);
  }
}

TEST_CASE("FdWatcher asked for nothing keeps silent about octets and half a close") {
  for (const bool is_tcp : {false, true}) {
    CAPTURE(is_tcp);
    Watched watched(is_tcp ? tcp_pair() : unix_pair());
    watched.watcher->watch(ready::kNothing, true);
    send_text(watched.pair.theirs, "x");
    ::shutdown(watched.pair.theirs.get(), SHUT_WR);
    CHECK(watched.turn() == ready::kNothing);
  }
}

TEST_CASE("FdWatcher asked for nothing but kGone tells of it, once") {
  SUBCASE("a Unix socket whose peer has closed") {
    Watched watched(unix_pair());
    watched.watcher->watch(ready::kNothing, true);
    watched.pair.theirs.reset();
    CHECK(watched.turn() == ready::kGone);
    CHECK(watched.calls == 1);
    CHECK(watched.turn() == ready::kNothing);
  }
  SUBCASE("a TCP connection that was reset") {
    Watched watched(tcp_pair());
    watched.watcher->watch(ready::kNothing, true);
    const linger at_once{1, 0};
    ::setsockopt(watched.pair.theirs.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    watched.pair.theirs.reset();
    REQUIRE(run_until(watched.loop, [&] { return watched.seen == ready::kGone; }));
    CHECK(watched.turn() == ready::kNothing);
  }
}

TEST_CASE("FdWatcher tells of the end of the stream behind octets that nobody reads") {
  Watched watched(tcp_pair());
  watched.watcher->watch(ready::kEnded, true);
  send_text(watched.pair.theirs, "x");
  CHECK(watched.turn() == ready::kNothing);
  ::shutdown(watched.pair.theirs.get(), SHUT_WR);
  CHECK(run_until(watched.loop, [&] { return watched.seen == ready::kEnded; }));
  watched.watcher->watch(ready::kNothing, true);
  CHECK(watched.turn() == ready::kNothing);
}

TEST_CASE("FdWatcher asked for nothing at all is silent about a peer that is gone") {
  Watched watched(unix_pair());
  watched.watcher->watch(ready::kReadable, true);
  watched.watcher->watch(ready::kNothing);
  watched.pair.theirs.reset();
  CHECK(watched.turn() == ready::kNothing);
}

TEST_CASE("FdWatcher can be asked again after kGone") {
  Watched watched(unix_pair());
  watched.watcher->watch(ready::kNothing, true);
  watched.pair.theirs.reset();
  REQUIRE(watched.turn() == ready::kGone);
  watched.watcher->watch(ready::kReadable);
  CHECK((watched.turn() & ready::kReadable) != 0);
  CHECK(read_now(watched.pair.ours) == "<EOF>");
}

TEST_CASE("FdWatcher may be destroyed by its own callback, and the descriptor closed after it") {
  struct Own {
    EventLoop loop;
    SocketPair pair = unix_pair();
    std::unique_ptr<FdWatcher> watcher;
  } own;
  own.watcher = std::make_unique<FdWatcher>(
      own.loop, own.pair.ours.get(),
      [](void* self, unsigned) {
        static_cast<Own*>(self)->watcher.reset();
        static_cast<Own*>(self)->pair.ours.reset();
      },
      &own);
  own.watcher->watch(ready::kReadable | ready::kWritable);
  CHECK(run_until(own.loop, [&] { return !own.watcher; }));
  // The number of the descriptor is free for another watcher at once.
  Watched next(unix_pair());
  send_text(next.pair.theirs, "x");
  next.watcher->watch(ready::kReadable);
  CHECK(next.turn() == ready::kReadable);
}

}  // namespace
}  // namespace uvhttpd::tests
