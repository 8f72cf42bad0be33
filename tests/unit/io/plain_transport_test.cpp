// SPDX-License-Identifier: MIT
// unit/io/plain_transport_test.cpp: octets and files over real sockets.
#include "io/plain_transport.h"

#include <doctest/doctest.h>

#include <array>
#include <csignal>

#include "support/run_until.h"
#include "support/socket_pairs.h"
#include "support/temp_dir.h"

namespace uvhttpd::tests {
namespace {

using Kind = IoResult::Kind;

struct Served {
  explicit Served(SocketPair pair)
      : theirs(std::move(pair.theirs)),
        transport(
            std::in_place, loop, std::move(pair.ours),
            [](void* self, unsigned now) { static_cast<Served*>(self)->seen |= now; }, this) {
    ::signal(SIGPIPE, SIG_IGN);  // as the program does: sendfile has no flag for it
  }
  EventLoop loop;
  UniqueFd theirs;
  std::optional<PlainTransport> transport;
  unsigned seen = ready::kNothing;
};

std::shared_ptr<const UniqueFd> open_file(const std::string& path) {
  auto file = std::make_shared<const UniqueFd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(*file);
  return file;
}

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + i * 7 % 26);
  return bytes;
}

TEST_CASE("PlainTransport receives what there is, then the end") {
  Served served(tcp_pair());
  std::array<char, 16> room;
  CHECK(served.transport->receive(room).kind == Kind::blocked);
  send_text(served.theirs, "hello");
  const IoResult got = served.transport->receive(room);
  CHECK(got.kind == Kind::done);
  CHECK(std::string(room.data(), got.bytes) == "hello");
  ::shutdown(served.theirs.get(), SHUT_WR);
  CHECK(served.transport->receive(room).kind == Kind::end);
}

TEST_CASE("PlainTransport tells of a reset") {
  Served served(tcp_pair());
  send_text(UniqueFd(::dup(served.theirs.get())), "x");
  const linger at_once{1, 0};
  ::setsockopt(served.theirs.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  served.theirs.reset();
  std::array<char, 16> room;
  (void)served.transport->receive(room);
  const IoResult result = served.transport->receive(room);
  CHECK(result.kind == Kind::failed);
  CHECK(result.error == ECONNRESET);
  SendQueue queue;
  queue.append("answer");
  CHECK(served.transport->send(queue, 1000).kind == Kind::failed);
}

TEST_CASE("PlainTransport sends octets, borrowed octets and files in order") {
  TempDir directory;
  directory.write("file", "0123456789");
  Served served(tcp_pair());
  SendQueue queue;
  queue.append("head ");
  queue.append_file(open_file(directory / "file"), 2, 5);
  queue.append(" middle ");
  const auto keeper = std::make_shared<const std::string>("borrowed");
  queue.append_borrowed(*keeper, keeper);
  queue.append_file(open_file(directory / "file"), 9, 1);
  const IoResult result = served.transport->send(queue, 1000);
  CHECK(result.kind == Kind::done);
  CHECK(result.bytes == 27);
  CHECK(queue.empty());
  CHECK(keeper.use_count() == 1);
  CHECK(run_until(served.loop, [&, all = std::string()]() mutable {
    all += read_now(served.theirs);
    return all == "head 23456 middle borrowed9";
  }));
}

TEST_CASE("PlainTransport sends no more than the limit") {
  TempDir directory;
  directory.write("file", pattern(1000));
  Served served(tcp_pair());
  SendQueue queue;
  queue.append(pattern(100));
  queue.append_file(open_file(directory / "file"), 0, 1000);
  const IoResult result = served.transport->send(queue, 300);
  CHECK(result.kind == Kind::done);
  CHECK(result.bytes == 300);
  CHECK(queue.bytes() == 800);
}

TEST_CASE("PlainTransport sends everything whatever the socket takes at once") {
  TempDir directory;
  const std::string content = pattern(3 << 20);
  directory.write("file", content);
  SocketPair pair = tcp_pair();
  const int small = 64 << 10;
  ::setsockopt(pair.ours.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  Served served(std::move(pair));
  SendQueue queue;
  std::string expected;
  for (int i = 0; i < 40; ++i) {
    const auto piece =
        std::make_shared<const std::string>(pattern(5'000 + static_cast<std::size_t>(i)));
    queue.append_borrowed(*piece, piece);
    expected += *piece;
  }
  queue.append_file(open_file(directory / "file"), 0, content.size());
  expected += content;
  std::string got;
  bool was_blocked = false;
  REQUIRE(run_until(served.loop, [&] {
    const IoResult result = served.transport->send(queue, 1 << 20);
    REQUIRE(result.kind != Kind::failed);
    if (result.kind == Kind::blocked) {
      was_blocked = true;
      got += read_now(served.theirs);
    }
    return queue.empty();
  }));
  CHECK(run_until(served.loop, [&] {
    got += read_now(served.theirs);
    return got.size() >= expected.size();
  }));
  CHECK(was_blocked);
  CHECK((got == expected));
}

TEST_CASE("PlainTransport fails with EIO when a file has become too short") {
  TempDir directory;
  directory.write("file", "0123456789");
  Served served(tcp_pair());
  SendQueue queue;
  queue.append_file(open_file(directory / "file"), 0, 10);
  directory.write("file", "0123");
  IoResult result = served.transport->send(queue, 1000);
  if (result.kind == Kind::blocked) result = served.transport->send(queue, 1000);
  CHECK(result.kind == Kind::failed);
  CHECK(result.error == EIO);
}

TEST_CASE("PlainTransport reports the readiness that is wanted") {
  Served served(tcp_pair());
  served.transport->want(ready::kReadable);
  send_text(served.theirs, "x");
  CHECK(run_until(served.loop, [&] { return served.seen == ready::kReadable; }));
  served.transport->want(ready::kWritable);
  served.seen = ready::kNothing;
  CHECK(run_until(served.loop, [&] { return served.seen == ready::kWritable; }));
}

TEST_CASE("PlainTransport that wants nothing still hears that the client is gone") {
  Served served(tcp_pair());
  served.transport->want(ready::kReadable);
  served.transport->want(ready::kNothing);
  const linger at_once{1, 0};
  ::setsockopt(served.theirs.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  served.theirs.reset();
  CHECK(run_until(served.loop, [&] { return served.seen == ready::kGone; }));
}

TEST_CASE("PlainTransport half-closes: the client reads the end and may go on sending") {
  Served served(tcp_pair());
  SendQueue queue;
  queue.append("bye");
  (void)served.transport->send(queue, 100);
  served.transport->shutdown_write();
  CHECK(run_until(served.loop, [&, all = std::string()]() mutable {
    all += read_now(served.theirs);
    return all == "bye<EOF>";
  }));
  send_text(served.theirs, "more");
  std::array<char, 16> room;
  CHECK(run_until(served.loop, [&] { return served.transport->receive(room).kind == Kind::done; }));
}

TEST_CASE("PlainTransport that is cut off looks broken, not ended") {
  Served served(tcp_pair());
  served.transport->cut_off();
  served.transport.reset();
  const std::string reset = "<" + std::to_string(ECONNRESET) + ">";
  CHECK(run_until(served.loop, [&] { return read_now(served.theirs) == reset; }));
}

TEST_CASE("PlainTransport counts what the client has not acknowledged") {
  Served served(tcp_pair());
  SendQueue queue;
  queue.append(pattern(1000));
  (void)served.transport->send(queue, 1000);
  CHECK(run_until(served.loop, [&] { return served.transport->unacknowledged() == 0; }));
  // A client that reads nothing lets its window fill up.
  std::uint64_t sent = 0;
  do {
    queue.append(pattern(1 << 20));
    sent = served.transport->send(queue, 1 << 20).bytes;
  } while (queue.empty());
  CHECK(sent < 1 << 20);
  CHECK(served.transport->unacknowledged() > 0);
}

std::string content_of(const SendQueue& queue) {
  std::array<iovec, 4> pieces;
  std::string all;
  for (std::size_t i = 0, count = queue.gather(pieces, 1 << 20); i < count; ++i) {
    all.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  }
  return all;
}

TEST_CASE("receive_into appends what came, at most the limit") {
  Served served(unix_pair());
  SendQueue queue;
  queue.append("head ");
  send_text(served.theirs, "0123456789");
  const IoResult first = receive_into(*served.transport, queue, 4);
  CHECK(first.kind == Kind::done);
  CHECK(first.bytes == 4);
  CHECK(content_of(queue) == "head 0123");
  CHECK(receive_into(*served.transport, queue, 100).bytes == 6);
  CHECK(content_of(queue) == "head 0123456789");
}

TEST_CASE("receive_into leaves the queue as it was when nothing came") {
  Served served(unix_pair());
  SendQueue queue;
  CHECK(receive_into(*served.transport, queue, 100).kind == Kind::blocked);
  CHECK(queue.empty());
  queue.append("kept");
  served.theirs.reset();
  CHECK(receive_into(*served.transport, queue, 100).kind == Kind::end);
  CHECK(content_of(queue) == "kept");
}

}  // namespace
}  // namespace uvhttpd::tests
