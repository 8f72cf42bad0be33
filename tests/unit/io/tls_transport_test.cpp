// SPDX-License-Identifier: MIT
// unit/io/tls_transport_test.cpp: octets and files through encrypted streams, however the records
// come, and what ends them.
#include "io/tls_transport.h"

#include <doctest/doctest.h>

#include "support/tls_peers.h"

namespace uvhttpd::tests {
namespace {

constexpr int kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

std::shared_ptr<const TlsContext> one_context() {
  const TestCertificate certificate({"a.example", "DNS:a.example"});
  TestSites sites;
  sites.add({"a.example"}, {&certificate});
  return sites.build();
}

std::shared_ptr<const UniqueFd> open_file(const std::string& path) {
  auto file = std::make_shared<const UniqueFd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(*file);
  return file;
}

void turn(EventLoop& loop, int times) {
  for (int i = 0; i < times; ++i) loop.run_once();
}

SocketPair narrow_pair() {
  SocketPair pair = TlsPair::prompt(tcp_pair());
  const int small = 64 << 10;
  ::setsockopt(pair.ours.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  ::setsockopt(pair.theirs.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  return pair;
}

TEST_CASE("A first message split at every octet makes a handshake") {
  const auto context = one_context();
  const std::size_t size = TlsClient({}).wire().size();
  for (std::size_t cut = 1; cut < size; cut += cut < 16 ? 1 : 7) {
    CAPTURE(cut);
    TlsPair pair(context, {});
    const std::string hello = pair.client.wire();
    send_text(pair.theirs, hello.substr(0, cut));
    pair.owner.start();
    turn(pair.loop, 2);
    CHECK_FALSE(pair.owner.info().is_established);
    send_text(pair.theirs, hello.substr(cut));
    REQUIRE(pair.until(
        [&] { return pair.owner.info().is_established && pair.client.is_established(); }));
    CHECK_FALSE(pair.owner.has_failed);
  }
}

TEST_CASE("A handshake whose octets come one at a time is as good as any") {
  const auto context = one_context();
  for (const int version : kVersions) {
    CAPTURE(version);
    TlsPair pair(context, {.version = version});
    pair.owner.start();
    std::string outgoing;
    REQUIRE(run_until(
        pair.loop,
        [&] {
          outgoing += pair.client.wire();
          if (!outgoing.empty()) {
            send_text(pair.theirs, outgoing.substr(0, 1));
            outgoing.erase(0, 1);
          }
          const std::string answer = read_now(pair.theirs);
          if (!answer.empty()) pair.client.take(answer);
          return pair.owner.info().is_established && pair.client.is_established();
        },
        Duration{60'000}));
  }
}

TEST_CASE("Records cut at every octet give what was in them, whole records only") {
  const auto context = one_context();
  for (const int version : kVersions) {
    TlsPair pair(context, {.version = version});
    REQUIRE(pair.shake());
    std::size_t size = 2;
    for (std::size_t cut = 1; cut < size; ++cut) {
      CAPTURE(version);
      CAPTURE(cut);
      pair.owner.got.clear();
      pair.client.write("first");
      pair.client.write("second");
      const std::string records = pair.client.wire();
      size = records.size();
      send_text(pair.theirs, records.substr(0, cut));
      turn(pair.loop, 3);
      const bool is_first_there = cut >= (size - 1) / 2;  // which is one octet shorter
      CHECK(
          run_until(pair.loop, [&] { return pair.owner.got == (is_first_there ? "first" : ""); }));
      send_text(pair.theirs, records.substr(cut));
      CHECK(run_until(pair.loop, [&] { return pair.owner.got == "firstsecond"; }));
      CHECK_FALSE(pair.owner.has_failed);
    }
  }
}

TEST_CASE("What a small buffer leaves is told of again, without the kernel") {
  const auto context = one_context();
  TlsPair pair(context, {});
  pair.owner.room_bytes = 10;
  REQUIRE(pair.shake());
  pair.client.write(std::string(95, 'x'));
  pair.client.write(std::string(5, 'y'));
  const int before = pair.owner.callbacks;
  REQUIRE(pair.until([&] { return pair.owner.got.size() == 100; }));
  CHECK(pair.owner.callbacks - before <= 12);
  const int after = pair.owner.callbacks;
  turn(pair.loop, 50);
  CHECK(pair.owner.callbacks - after <= 1);
}

TEST_CASE("Input waits while nobody wants it, and is told of when somebody does") {
  const auto context = one_context();
  TlsPair pair(context, {});
  pair.owner.room_bytes = 10;
  REQUIRE(pair.shake());
  pair.owner.is_reading = false;
  pair.client.write(std::string(100, 'x'));
  pair.exchange();
  pair.owner.update();
  turn(pair.loop, 20);
  CHECK(pair.owner.got.empty());
  pair.owner.is_reading = true;
  pair.owner.update();
  REQUIRE(run_until(pair.loop, [&] { return pair.owner.got.size() == 10; }));
  pair.owner.is_reading = false;
  pair.owner.update();
  const std::size_t held = pair.owner.got.size();
  const int callbacks = pair.owner.callbacks;
  turn(pair.loop, 50);
  CHECK(pair.owner.got.size() == held);
  CHECK(pair.owner.callbacks == callbacks);
  pair.owner.is_reading = true;
  pair.owner.update();
  CHECK(pair.owner.got.size() == held);  // never from inside the call
  CHECK(run_until(pair.loop, [&] { return pair.owner.got.size() == 100; }));
}

TEST_CASE("An idle stream calls nobody") {
  const auto context = one_context();
  for (const int version : kVersions) {
    CAPTURE(version);
    TlsPair pair(context, {.version = version});
    REQUIRE(pair.shake());
    pair.exchange();
    turn(pair.loop, 5);
    const int before = pair.owner.callbacks;
    turn(pair.loop, 200);
    CHECK(pair.owner.callbacks == before);
  }
  // Nor does one whose handshake has come to a halt, whatever its owner wants.
  TlsPair halted(context, {});
  send_text(halted.theirs, halted.client.wire().substr(0, 50));
  halted.owner.queue.append("early");
  halted.owner.start();
  halted.owner.send();
  CHECK(halted.owner.is_blocked);
  halted.owner.update();
  turn(halted.loop, 200);
  CHECK(halted.owner.callbacks == 0);
}

TEST_CASE("Large bodies go both ways at once") {
  const auto context = one_context();
  const std::string up = pattern_octets(3 << 20);
  for (const int version : kVersions) {
    CAPTURE(version);
    TlsPair pair(context, {.version = version}, {}, narrow_pair());
    REQUIRE(pair.shake());
    const auto down = std::make_shared<const std::string>(pattern_octets(3 << 20));
    pair.owner.queue.append_borrowed(*down, down);
    pair.owner.send();
    pair.owner.update();
    pair.client.write(up);
    REQUIRE(pair.until([&] {
      return pair.owner.got.size() >= up.size() && pair.client.got.size() >= down->size();
    }));
    CHECK((pair.owner.got == up));
    CHECK((pair.client.got == *down));
    CHECK(pair.owner.was_blocked);
    CHECK(pair.owner.queue.empty());
    CHECK(pair.until([&] { return pair.owner.transport->unacknowledged() == 0; }));
  }
}

TEST_CASE("Octets, borrowed octets and files come in order, whatever the socket takes") {
  const auto context = one_context();
  TempDir directory;
  const std::string content = pattern_octets(300'000);
  directory.write("file", content);
  TlsPair pair(context, {}, {}, narrow_pair());
  REQUIRE(pair.shake());
  std::string expected;
  for (std::size_t i = 0; i < 60; ++i) {
    const auto piece = std::make_shared<const std::string>(pattern_octets(i * 37 % 900 + 1));
    pair.owner.queue.append_borrowed(*piece, piece);
    pair.owner.queue.append("own");
    expected += *piece + "own";
    if (i % 20 != 7) continue;
    pair.owner.queue.append_file(open_file(directory / "file"), i, 100'000 + i);
    expected += content.substr(i, 100'000 + i);
  }
  pair.owner.send();
  pair.owner.update();
  REQUIRE(pair.until([&] { return pair.client.got.size() >= expected.size(); }));
  CHECK((pair.client.got == expected));
  CHECK(pair.owner.was_blocked);
}

TEST_CASE("Small pieces and a small file leave in one record") {
  const auto context = one_context();
  TempDir directory;
  directory.write("file", "0123456789");
  TlsPair pair(context, {});
  REQUIRE(pair.shake());
  pair.exchange();
  pair.exchange();
  pair.owner.queue.append("head ");
  const auto keeper = std::make_shared<const std::string>("borrowed ");
  pair.owner.queue.append_borrowed(*keeper, keeper);
  pair.owner.queue.append_file(open_file(directory / "file"), 2, 5);
  pair.owner.send();
  CHECK(pair.owner.queue.empty());
  constexpr std::size_t kOverhead = 5 + 1 + 16;  // header, type, tag
  std::string wire;
  CHECK(run_until(pair.loop, [&] {
    wire += read_now(pair.theirs);
    return wire.size() == 19 + kOverhead;
  }));
  pair.client.take(wire);
  CHECK(pair.client.got == "head borrowed 23456");
}

TEST_CASE("No more is sent than the limit") {
  const auto context = one_context();
  TlsPair pair(context, {});
  REQUIRE(pair.shake());
  SendQueue queue;
  queue.append(pattern_octets(100'000));
  const IoResult result = pair.owner.transport->send(queue, 40'000);
  CHECK(result.kind == IoResult::Kind::done);
  CHECK(result.bytes == 40'000);
  CHECK(queue.bytes() == 60'000);
}

TEST_CASE("A file that has become too short is an error") {
  const auto context = one_context();
  TempDir directory;
  directory.write("file", "0123456789");
  TlsPair pair(context, {});
  REQUIRE(pair.shake());
  pair.owner.queue.append_file(open_file(directory / "file"), 0, 20);
  pair.owner.send();
  CHECK(pair.owner.has_failed);
  CHECK(pair.owner.result.error == EIO);
}

TEST_CASE("Octets that are not TLS go through as they come") {
  const auto context = one_context();
  for (const std::string& said : {std::string("GET / of something"), std::string("\0x", 2),
                                  std::string("\x15\x03\x01", 3), std::string("\x80", 1)}) {
    CAPTURE(said);
    TlsPair pair(context, {});
    pair.owner.start();
    turn(pair.loop, 2);
    CHECK(pair.owner.callbacks == 0);
    send_text(pair.theirs, said);
    REQUIRE(run_until(pair.loop, [&] { return pair.owner.got == said; }));
    CHECK(pair.owner.info().is_plain);
    CHECK_FALSE(pair.owner.info().is_established);
    pair.owner.queue.append("answer");
    pair.owner.send();
    pair.owner.transport->shutdown_write();
    std::string answer;
    CHECK(run_until(pair.loop, [&] { return (answer += read_now(pair.theirs)) == "answer<EOF>"; }));
    send_text(pair.theirs, "more");
    CHECK(run_until(pair.loop, [&] { return pair.owner.got == said + "more"; }));
    pair.theirs.reset();
    CHECK(run_until(pair.loop, [&] { return pair.owner.has_ended || pair.owner.has_failed; }));
  }
}

TEST_CASE("What comes behind a preface may be TLS, or not, wherever the octets are cut") {
  const auto context = one_context();
  const std::size_t size = TlsClient({}).wire().size();
  for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, std::size_t{5}, size / 2, size}) {
    CAPTURE(cut);
    TlsPair pair(context, {}, {.has_preface = true});
    const std::string hello = pair.client.wire();
    send_text(pair.theirs, "preface" + hello.substr(0, cut));
    pair.owner.start();
    REQUIRE(run_until(pair.loop, [&] { return pair.owner.got.size() == 7 + cut; }));
    const std::string unread = pair.owner.got.substr(7);
    pair.owner.got.clear();
    CHECK(pair.owner.transport->end_preface(unread));
    pair.owner.update();
    pair.outgoing = hello.substr(cut);
    REQUIRE(pair.until(
        [&] { return pair.owner.info().is_established && pair.client.is_established(); }));
    pair.client.write("inside");
    CHECK(pair.until([&] { return pair.owner.got == "inside"; }));
  }
  TlsPair plain(context, {}, {.has_preface = true});
  send_text(plain.theirs, "prefaceplain");
  plain.owner.start();
  REQUIRE(run_until(plain.loop, [&] { return plain.owner.got == "prefaceplain"; }));
  plain.owner.got.clear();
  plain.owner.transport->end_preface("plain");
  plain.owner.update();
  send_text(plain.theirs, " text");
  CHECK(run_until(plain.loop, [&] { return plain.owner.got == "plain text"; }));
  CHECK(plain.owner.info().is_plain);
}

TEST_CASE("close_notify is the end, and the answer still goes out") {
  const auto context = one_context();
  for (const int version : kVersions) {
    CAPTURE(version);
    TlsPair pair(context, {.version = version});
    REQUIRE(pair.shake());
    pair.client.write("last words");
    pair.client.close();
    REQUIRE(pair.until([&] { return pair.owner.has_ended; }));
    CHECK(pair.owner.got == "last words");
    const int before = pair.owner.callbacks;
    turn(pair.loop, 50);
    CHECK(pair.owner.callbacks == before);
    pair.owner.queue.append("answer");
    pair.owner.send();
    pair.owner.transport->shutdown_write();
    CHECK(pair.until([&] { return pair.has_seen_fin; }));
    CHECK(pair.client.has_seen_close());
  }
}

TEST_CASE("A FIN between records is the end, and one within a record a failure") {
  const auto context = one_context();
  TlsPair between(context, {});
  REQUIRE(between.shake());
  between.client.write("words");
  between.exchange();
  ::shutdown(between.theirs.get(), SHUT_WR);
  REQUIRE(run_until(between.loop, [&] { return between.owner.has_ended; }));
  CHECK(between.owner.got == "words");
  between.owner.queue.append("answer");
  between.owner.send();
  CHECK(between.until([&] { return between.client.got == "answer"; }));
  std::size_t size = 2;
  for (std::size_t cut = 1; cut < size; ++cut) {
    CAPTURE(cut);
    TlsPair within(context, {});
    REQUIRE(within.shake());
    within.client.write("words");
    const std::string record = within.client.wire();
    size = record.size();
    send_text(within.theirs, record.substr(0, cut));
    ::shutdown(within.theirs.get(), SHUT_WR);
    REQUIRE(run_until(within.loop, [&] { return within.owner.has_failed; }));
    CHECK(within.owner.result.error == ECONNRESET);
    CHECK_FALSE(within.owner.has_ended);
    CHECK(within.owner.got.empty());
  }
}

TEST_CASE("Closing says so, and cutting off does not") {
  const auto context = one_context();
  TlsPair closed(context, {});
  REQUIRE(closed.shake());
  closed.owner.transport.reset();
  CHECK(closed.until([&] { return closed.has_seen_fin; }));
  CHECK(closed.client.has_seen_close());
  TlsPair cut(context, {});
  REQUIRE(cut.shake());
  cut.owner.transport->cut_off();
  cut.owner.transport.reset();
  CHECK(cut.until([&] { return cut.has_seen_reset; }));
  CHECK_FALSE(cut.client.has_seen_close());
}

TEST_CASE("After a half-close the rest of the input can be read") {
  const auto context = one_context();
  for (const int version : kVersions) {
    CAPTURE(version);
    TlsPair pair(context, {.version = version});
    REQUIRE(pair.shake());
    pair.owner.transport->shutdown_write();
    pair.client.write("late");
    CHECK(pair.until([&] { return pair.owner.got == "late"; }));
    CHECK(pair.client.has_seen_close());
  }
}

TEST_CASE("A peer that vanishes in the handshake ends it") {
  const auto context = one_context();
  TlsPair silent(context, {});
  silent.owner.start();
  silent.theirs.reset();
  CHECK(run_until(silent.loop, [&] { return silent.owner.has_ended; }));
  for (const std::size_t cut : {std::size_t{1}, std::size_t{5}, std::size_t{100}}) {
    CAPTURE(cut);
    TlsPair pair(context, {});
    send_text(pair.theirs, pair.client.wire().substr(0, cut));
    pair.owner.start();
    pair.theirs.reset();
    REQUIRE(run_until(pair.loop, [&] { return pair.owner.has_failed; }));
    CHECK(pair.owner.result.error == ECONNRESET);
  }
  TlsPair reset(context, {});
  send_text(reset.theirs, reset.client.wire());
  reset.owner.start();
  const linger at_once{1, 0};
  ::setsockopt(reset.theirs.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  reset.theirs.reset();
  CHECK(run_until(reset.loop, [&] { return reset.owner.has_failed; }));
}

TEST_CASE("Garbage within TLS is answered with an alert") {
  const auto context = one_context();
  TlsPair pair(context, {});
  REQUIRE(pair.shake());
  send_text(pair.theirs, std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
  REQUIRE(run_until(pair.loop, [&] { return pair.owner.has_failed; }));
  CHECK(pair.owner.result.error == EPROTO);
  CHECK(pair.until([&] { return !pair.client.failure.empty(); }));
  TlsPair at_once(context, {});
  send_text(at_once.theirs, std::string("\x16\x03\x01\x00\x04zzzz", 9));
  CHECK(at_once.fails());
  CHECK(at_once.owner.result.error == EPROTO);
}

TEST_CASE("A renewed key and a refused renegotiation disturb nobody") {
  const auto context = one_context();
  TlsPair pair(context, {.version = TLS1_3_VERSION});
  REQUIRE(pair.shake());
  REQUIRE(::SSL_key_update(pair.client.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
  pair.client.write("after");
  REQUIRE(pair.until([&] { return pair.owner.got == "after"; }));
  pair.owner.queue.append("answer");
  pair.owner.send();
  CHECK(pair.until([&] { return pair.client.got == "answer"; }));
  TlsPair old(context, {.version = TLS1_2_VERSION});
  REQUIRE(old.shake());
  REQUIRE(::SSL_renegotiate(old.client.ssl()) == 1);
  ::SSL_do_handshake(old.client.ssl());
  REQUIRE(old.until([&] { return !old.client.failure.empty(); }));
  CHECK(old.client.failure.find("no renegotiation") != std::string::npos);
}

TEST_CASE("What the owner wanted to send before the handshake goes out after it") {
  const auto context = one_context();
  TlsPair pair(context, {});
  pair.owner.queue.append("early");
  pair.owner.start();
  pair.owner.send();
  CHECK(pair.owner.is_blocked);
  pair.owner.update();
  CHECK(pair.until([&] { return pair.client.got == "early"; }));
}

}  // namespace
}  // namespace uvhttpd::tests
