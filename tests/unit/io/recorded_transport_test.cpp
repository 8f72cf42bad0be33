// SPDX-License-Identifier: MIT
// unit/io/recorded_transport_test.cpp: a peer in memory.
#include "io/recorded_transport.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <array>
#include <optional>

#include "support/run_until.h"
#include "support/temp_dir.h"

namespace uvhttpd::tests {
namespace {

using Kind = IoResult::Kind;

struct Recorded {
  explicit Recorded(std::string request)
      : transport(
            std::in_place, loop, std::move(request), std::nullopt, recording,
            [](void* self, unsigned now) { static_cast<Recorded*>(self)->seen |= now; }, this) {}
  EventLoop loop;
  Recording recording;
  std::optional<RecordedTransport> transport;
  unsigned seen = ready::kNothing;
};

TEST_CASE("RecordedTransport hands the request out and ends it when an answer has begun") {
  Recorded recorded("abc");
  std::array<char, 2> room;
  CHECK(recorded.transport->receive(room).bytes == 2);
  CHECK(recorded.transport->receive(room).bytes == 1);
  CHECK(recorded.transport->receive(room).kind == Kind::blocked);
  SendQueue queue;
  queue.append("answer");
  CHECK(recorded.transport->send(queue, 1000).bytes == 6);
  CHECK(recorded.transport->receive(room).kind == Kind::end);
  CHECK(recorded.recording.octets == "answer");
}

TEST_CASE("RecordedTransport counts everything and keeps the beginning") {
  Recorded recorded("");
  SendQueue queue;
  const std::string piece(100 << 10, 'x');
  for (int i = 0; i < 3; ++i) {
    queue.append(piece);
    CHECK(recorded.transport->send(queue, SIZE_MAX).bytes == piece.size());
  }
  CHECK(queue.empty());
  CHECK(recorded.recording.total == 3 * piece.size());
  CHECK(recorded.recording.octets.size() == Recording::kMaxKept);
}

TEST_CASE("RecordedTransport counts files without reading them, and no more than it is asked to") {
  TempDir directory;
  directory.write("file", "0123456789");
  auto file =
      std::make_shared<const UniqueFd>(::open((directory / "file").c_str(), O_RDONLY | O_CLOEXEC));
  Recorded recorded("");
  SendQueue queue;
  queue.append_file(file, 0, 10);
  CHECK(recorded.transport->send(queue, 4).bytes == 4);
  CHECK(queue.bytes() == 6);
  CHECK(recorded.recording.octets == std::string(4, '\0'));
}

TEST_CASE("RecordedTransport tells of readiness from the loop, when there is something") {
  Recorded recorded("abc");
  recorded.transport->want(ready::kReadable);
  CHECK(recorded.seen == ready::kNothing);
  CHECK(run_until(recorded.loop, [&] { return recorded.seen == ready::kReadable; }));
  recorded.transport->want(ready::kWritable);
  CHECK(run_until(recorded.loop, [&] { return (recorded.seen & ready::kWritable) != 0; }));
}

}  // namespace
}  // namespace uvhttpd::tests
