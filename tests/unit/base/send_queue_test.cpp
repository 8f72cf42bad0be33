// SPDX-License-Identifier: MIT
// unit/base/send_queue_test.cpp: what has to go out, in order, and what it keeps alive.
#include "base/send_queue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

namespace uvhttpd {
namespace {

// Octets that others keep; `alive` tells whether they are still kept.
struct Kept {
  explicit Kept(std::string text)
      : bytes(std::make_shared<std::string>(std::move(text))), alive(bytes) {}
  void give_to(SendQueue& queue) {
    const std::string_view view = *bytes;
    queue.append_borrowed(view, std::exchange(bytes, nullptr));
  }
  std::shared_ptr<std::string> bytes;
  std::weak_ptr<std::string> alive;
};

std::string gathered(const SendQueue& queue, std::size_t elements = 16,
                     std::size_t limit = SIZE_MAX) {
  std::vector<iovec> parts(elements);
  const std::size_t count = queue.gather(parts, limit);
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  }
  return text;
}

// A descriptor of no file; it only has to be told apart.
std::shared_ptr<const UniqueFd> some_file() {
  return std::make_shared<const UniqueFd>(::dup(STDERR_FILENO));
}

}  // namespace

TEST_CASE("A queue of nothing is empty") {
  SendQueue queue;
  CHECK(queue.empty());
  CHECK(queue.bytes() == 0);
  CHECK(gathered(queue).empty());
  CHECK(queue.front_file().fd == -1);
  CHECK_FALSE(queue.file_follows());
  queue.append("");
  queue.append_borrowed("", nullptr);
  queue.append_file(some_file(), 5, 0);
  queue.reserve(10);
  queue.commit(0);
  CHECK(queue.empty());
  queue.consume(0);
  queue.clear();
  CHECK(queue.empty());
}

TEST_CASE("Octets go out in the order in which they were appended") {
  SendQueue queue;
  Kept kept("borrowed ");
  queue.append("owned ");
  kept.give_to(queue);
  queue.append("and ");
  queue.append("owned");
  CHECK(queue.bytes() == 24);
  CHECK(gathered(queue) == "owned borrowed and owned");
}

TEST_CASE("Own octets are copied and join into one element") {
  SendQueue queue;
  std::string text = "abc";
  queue.append(text);
  text = "xyz";
  queue.append("def");
  iovec parts[4];
  CHECK(queue.gather(parts, SIZE_MAX) == 1);
  CHECK(gathered(queue) == "abcdef");
}

TEST_CASE("Reserved room holds what was written in place") {
  SendQueue queue;
  queue.append("ab");
  std::memcpy(queue.reserve(1000), "cdef", 4);
  queue.commit(2);
  queue.append("gh");
  CHECK(gathered(queue) == "abcdgh");
}

TEST_CASE("gather keeps to the elements and octets it is given") {
  SendQueue queue;
  Kept kept("BBBB");
  queue.append("aaaa");
  kept.give_to(queue);
  queue.append("cccc");
  CHECK(gathered(queue, 16, 6) == "aaaaBB");
  CHECK(gathered(queue, 2) == "aaaaBBBB");
  CHECK(gathered(queue, 16, 4) == "aaaa");
  CHECK(gathered(queue, 16, 0).empty());
  CHECK(gathered(queue, 0).empty());
}

TEST_CASE("Consuming takes any part of the front") {
  SendQueue queue;
  Kept kept("BBBB");
  queue.append("aaaa");
  kept.give_to(queue);
  queue.append("cccc");
  queue.consume(3);
  CHECK(gathered(queue) == "aBBBBcccc");
  queue.consume(2);
  CHECK(gathered(queue) == "BBBcccc");
  queue.append("dd");
  queue.consume(4);
  CHECK(gathered(queue) == "cccdd");
  queue.consume(5);
  CHECK(queue.empty());
  queue.append("new");
  CHECK(gathered(queue) == "new");
}

TEST_CASE("Borrowed octets are kept until they have gone") {
  SendQueue queue;
  Kept kept("BBBB");
  kept.give_to(queue);
  queue.append("c");
  queue.consume(3);
  CHECK_FALSE(kept.alive.expired());
  queue.consume(1);
  CHECK(kept.alive.expired());
  CHECK(gathered(queue) == "c");

  Kept cleared("BBBB");
  cleared.give_to(queue);
  queue.clear();
  CHECK(cleared.alive.expired());
}

TEST_CASE("A queue that ends lets go of what it kept") {
  Kept kept("B");
  {
    SendQueue queue;
    kept.give_to(queue);
  }
  CHECK(kept.alive.expired());
}

TEST_CASE("A file range stops gathering until it is at the front") {
  SendQueue queue;
  const auto file = some_file();
  queue.append("head");
  queue.append_file(file, 100, 50);
  queue.append("tail");
  CHECK(queue.bytes() == 58);
  CHECK(gathered(queue) == "head");
  CHECK(queue.file_follows());
  CHECK(queue.front_file().fd == -1);

  queue.consume(4);
  CHECK(gathered(queue).empty());
  CHECK_FALSE(queue.file_follows());
  CHECK(queue.front_file().fd == file->get());
  CHECK(queue.front_file().offset == 100);
  CHECK(queue.front_file().length == 50);

  queue.consume(20);
  CHECK(queue.front_file().offset == 120);
  CHECK(queue.front_file().length == 30);
  queue.consume(31);
  CHECK(queue.front_file().fd == -1);
  CHECK(gathered(queue) == "ail");
  CHECK(file.use_count() == 1);
}

TEST_CASE("File ranges beyond 4 GiB keep their numbers") {
  SendQueue queue;
  const auto file = some_file();
  const std::uint64_t size = std::uint64_t{1} << 40;
  queue.append_file(file, size, size);
  queue.consume(size - 1);
  CHECK(queue.front_file().offset == 2 * size - 1);
  CHECK(queue.front_file().length == 1);
  CHECK(queue.bytes() == 1);
}

TEST_CASE("append_all moves everything and empties the other") {
  SendQueue from;
  SendQueue to;
  const auto file = some_file();
  Kept kept("BBBB");
  to.append("before ");
  from.append("xaaaa ");
  kept.give_to(from);
  from.append(" c");
  from.append_file(file, 0, 9);
  from.consume(1);
  to.append_all(from);
  CHECK(from.empty());
  CHECK(gathered(from).empty());
  CHECK(gathered(to) == "before aaaa BBBB c");
  CHECK(to.bytes() == 18 + 9);
  CHECK_FALSE(kept.alive.expired());
  to.consume(18);
  CHECK(to.front_file().length == 9);
  CHECK(kept.alive.expired());
}

TEST_CASE("A queue that is filled and emptied in any order gives what it was given") {
  SendQueue queue;
  SendQueue other;
  std::mt19937 random(20240229);
  std::string sent;
  std::string got;
  for (int round = 0; round < 5'000; ++round) {
    std::string text(random() % 300, static_cast<char>('a' + round % 26));
    sent += text;
    switch (random() % 3) {
      case 0: queue.append(text); break;
      case 1: Kept(text).give_to(queue); break;
      default:
        other.append(text.substr(0, text.size() / 2));
        Kept(text.substr(text.size() / 2)).give_to(other);
        queue.append_all(other);
    }
    const std::string front = gathered(queue, 1 + random() % 3, random() % 400);
    got += front;
    queue.consume(front.size());
    REQUIRE(queue.bytes() == sent.size() - got.size());
  }
  while (!queue.empty()) {
    const std::string front = gathered(queue);
    got += front;
    queue.consume(front.size());
  }
  CHECK((got == sent));
}

TEST_CASE("A file range that goes on is one range") {
  SendQueue queue;
  const auto file = some_file();
  queue.append_file(file, 0, 100);
  queue.append_file(file, 100, 50);
  CHECK(queue.bytes() == 150);
  CHECK(queue.front_file().length == 150);
  queue.append_file(file, 200, 10);
  queue.consume(150);
  CHECK(queue.front_file().offset == 200);
  CHECK(queue.front_file().length == 10);
}

}  // namespace uvhttpd
