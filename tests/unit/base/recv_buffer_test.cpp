// SPDX-License-Identifier: MIT
// unit/base/recv_buffer_test.cpp: received octets stay in one piece and in order.
#include "base/recv_buffer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>

namespace uvhttpd {
namespace {

void receive(RecvBuffer& buffer, std::string_view bytes) {
  const std::span<char> room = buffer.room();
  REQUIRE(bytes.size() <= room.size());
  std::copy(bytes.begin(), bytes.end(), room.begin());
  buffer.commit(bytes.size());
}

}  // namespace

TEST_CASE("A buffer begins empty, with room for its capacity") {
  RecvBuffer buffer(8);
  CHECK(buffer.empty());
  CHECK(buffer.size() == 0);
  CHECK(buffer.capacity() == 8);
  CHECK(buffer.room().size() == 8);
  CHECK(buffer.unread().empty());
}

TEST_CASE("What was received is unread until it is consumed") {
  RecvBuffer buffer(8);
  receive(buffer, "abc");
  receive(buffer, "de");
  CHECK(buffer.unread() == "abcde");
  buffer.consume(2);
  CHECK(buffer.unread() == "cde");
  CHECK(buffer.size() == 3);
  buffer.consume(0);
  buffer.consume(3);
  CHECK(buffer.empty());
}

TEST_CASE("Asking for room makes all of it that there is") {
  RecvBuffer buffer(8);
  receive(buffer, "abcdefgh");
  CHECK(buffer.room().empty());
  buffer.consume(5);
  CHECK(buffer.room().size() == 5);
  CHECK(buffer.unread() == "fgh");
  receive(buffer, "ijklm");
  CHECK(buffer.unread() == "fghijklm");
}

TEST_CASE("Consuming leaves views of consumed octets readable until the buffer is filled again") {
  RecvBuffer buffer(8);
  receive(buffer, "abcd");
  const std::string_view line = buffer.unread().substr(0, 2);
  buffer.consume(2);
  CHECK(line == "ab");
  buffer.consume(2);
  CHECK(line == "ab");
}

TEST_CASE("assign replaces, clear forgets") {
  RecvBuffer buffer(8);
  receive(buffer, "abc");
  buffer.consume(1);
  buffer.assign("12345678");
  CHECK(buffer.unread() == "12345678");
  CHECK(buffer.room().empty());
  buffer.assign("");
  CHECK(buffer.empty());
  buffer.assign("x");
  buffer.clear();
  CHECK(buffer.empty());
  CHECK(buffer.room().size() == 8);
}

TEST_CASE("Octets come out as they went in, however they are taken") {
  RecvBuffer buffer(64);
  std::mt19937 random(20240229);
  std::string sent;
  std::string got;
  for (int round = 0; round < 10'000; ++round) {
    std::string piece(random() % (buffer.room().size() + 1), static_cast<char>('a' + round % 26));
    receive(buffer, piece);
    sent += piece;
    const std::size_t part = random() % (buffer.size() + 1);
    got += buffer.unread().substr(0, part);
    buffer.consume(part);
  }
  got += buffer.unread();
  CHECK((got == sent));
}

}  // namespace uvhttpd
