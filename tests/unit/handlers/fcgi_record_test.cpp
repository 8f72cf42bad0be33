// SPDX-License-Identifier: MIT
// unit/handlers/fcgi_record_test.cpp: FastCGI records, written and read.
#include "handlers/wire/fcgi_record.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "fcgi_reading.h"

namespace uvhttpd::wire {
namespace {

using namespace std::string_literals;

constexpr int kEndRequest = 3;
constexpr int kParams = 4;
constexpr int kStdin = 5;
constexpr int kStdout = 6;
constexpr int kStderr = 7;
constexpr int kUnknownType = 11;

std::string bytes_of(const SendQueue& queue) {
  std::string bytes;
  std::vector<iovec> parts(64);
  const std::size_t count = queue.gather(parts, SIZE_MAX);
  for (std::size_t i = 0; i < count; ++i) {
    bytes.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  }
  return bytes;
}

struct Record {
  int type = 0;
  std::string content;
  std::size_t padding = 0;
  int request = 1;
  int version = 1;

  std::string bytes() const {
    std::string text;
    for (const int octet :
         {version, type, request >> 8, request & 0xff, static_cast<int>(content.size() >> 8),
          static_cast<int>(content.size() & 0xff), static_cast<int>(padding), 0}) {
      text += static_cast<char>(octet);
    }
    return text + content + std::string(padding, 'P');
  }
};

std::string end_request(int protocol_status, std::size_t padding = 0) {
  return Record{kEndRequest, "\0\0\1\2"s + static_cast<char>(protocol_status) + "\0\0\0"s, padding}
      .bytes();
}

// The records of a queue with well-formed headers, each padded to eight octets.
std::vector<Record> records_of(const SendQueue& queue) {
  const std::string bytes = bytes_of(queue);
  const auto octet = [&](std::size_t at) { return static_cast<std::uint8_t>(bytes.at(at)); };
  std::vector<Record> records;
  for (std::size_t at = 0; at < bytes.size();) {
    REQUIRE(octet(at) == 1);
    REQUIRE(octet(at + 2) * 256 + octet(at + 3) == 1);
    const std::size_t size = octet(at + 4) * 256U + octet(at + 5);
    const std::size_t padding = octet(at + 6);
    REQUIRE((size + padding) % 8 == 0);
    REQUIRE(padding < 8);
    REQUIRE(at + 8 + size + padding <= bytes.size());
    records.push_back({octet(at + 1), bytes.substr(at + 8, size), padding});
    at += 8 + size + padding;
  }
  return records;
}

}  // namespace

TEST_CASE("a FastCGI request begins with the role and whether the connection stays") {
  SendQueue keeping;
  append_begin_request(keeping, true);
  CHECK(bytes_of(keeping) == "\1\1\0\1\0\10\0\0\0\1\1\0\0\0\0\0"s);
  SendQueue closing;
  append_begin_request(closing, false);
  CHECK(bytes_of(closing) == "\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0"s);
}

TEST_CASE("the lengths of FastCGI parameters take one octet up to 127, else four") {
  const std::string short_value(127, 's');
  const std::string long_value(128, 'l');
  const std::string longest_value(70'000, 'x');
  SendQueue queue;
  append_params(queue, {{"A", ""}, {"B", short_value}, {"C", long_value}, {long_value, "D"}});
  const std::vector<Record> records = records_of(queue);
  REQUIRE(records.size() == 2);
  CHECK(records[0].type == kParams);
  CHECK(records[0].content == "\1\0A"s + "\1\177B"s + short_value + "\1\200\0\0\200C"s +
                                  long_value + "\200\0\0\200\1"s + long_value + "D");
  CHECK(records[1].content.empty());

  SendQueue large;
  append_params(large, {{"A", longest_value}});
  const std::vector<Record> several = records_of(large);
  REQUIRE(several.size() == 3);
  CHECK(several[0].content.size() == 65528);
  CHECK(several[0].content + several[1].content == "\1\200\1\x11\x70"s + "A" + longest_value);
  CHECK(several[2].content.empty());
}

TEST_CASE("no parameters are an empty FastCGI stream") {
  SendQueue queue;
  append_params(queue, {});
  CHECK(bytes_of(queue) == "\1\4\0\1\0\0\0\0"s);
}

TEST_CASE("a request body is split into FastCGI records, and only the end is an empty one") {
  SendQueue queue;
  append_stdin(queue, {});
  CHECK(queue.empty());
  append_stdin(queue, "hello");
  CHECK(bytes_of(queue) == "\1\5\0\1\0\5\3\0hello\0\0\0"s);
  const std::string large(65'528 + 9, 'b');
  append_stdin(queue, large);
  append_stdin_end(queue);
  const std::vector<Record> records = records_of(queue);
  REQUIRE(records.size() == 4);
  CHECK(records[1].content.size() == 65'528);
  CHECK(records[1].padding == 0);
  CHECK(records[2].content == std::string(9, 'b'));
  CHECK(records[3].content.empty());
  for (const Record& record : records) CHECK(record.type == kStdin);
}

TEST_CASE("FcgiDecoder reports the same however the bytes are split") {
  struct Row {
    const char* name;
    std::string bytes;
    std::string read;
  };
  const std::string ended = "end(258 FCGI_REQUEST_COMPLETE) rest()";
  const Row rows[] = {
      {"nothing", "", "more"},
      {"an empty answer", end_request(0), ended},
      {"output", Record{kStdout, "hello"}.bytes() + end_request(0), "output(hello) " + ended},
      {"output in two records", Record{kStdout, "hel"}.bytes() + Record{kStdout, "lo", 5}.bytes(),
       "output(hello) more"},
      {"the end of each stream",
       Record{kStdout, "a"}.bytes() + Record{kStdout, ""}.bytes() + Record{kStderr, "", 8}.bytes() +
           end_request(0),
       "output(a) " + ended},
      {"errors between output",
       Record{kStdout, "a", 7}.bytes() + Record{kStderr, "oh", 6}.bytes() +
           Record{kStdout, "b", 7}.bytes() + end_request(0, 3),
       "output(a) errors(oh) output(b) " + ended},
      {"the most padding", Record{kStdout, "a", 255}.bytes() + end_request(0, 255),
       "output(a) " + ended},
      {"a record that is not complete", Record{kStdout, "hello"}.bytes().substr(0, 10),
       "output(he) more"},
      {"padding that is missing", end_request(0, 1).substr(0, 16), "more"},
      {"octets behind the end", end_request(0) + "junk",
       "end(258 FCGI_REQUEST_COMPLETE) rest(junk)"},
      {"no multiplexing", end_request(1), "end(258 FCGI_CANT_MPX_CONN) rest()"},
      {"overloaded", end_request(2), "end(258 FCGI_OVERLOADED) rest()"},
      {"no such role", end_request(3), "end(258 FCGI_UNKNOWN_ROLE) rest()"},
      {"an unknown protocol status", end_request(4),
       "fault(FCGI_END_REQUEST with an unknown protocol status)"},
      {"a short end", Record{kEndRequest, "1234567"}.bytes(),
       "fault(FCGI_END_REQUEST of a wrong length)"},
      {"a long end", Record{kEndRequest, "123456789"}.bytes(),
       "fault(FCGI_END_REQUEST of a wrong length)"},
      {"an unknown type", Record{200, "what?", 3}.bytes() + end_request(0), ended},
      {"a management record", Record{kUnknownType, "12345678", 8, 0}.bytes() + end_request(0),
       ended},
      {"an end of no request", Record{kEndRequest, "1", 0, 0}.bytes() + end_request(0), ended},
      {"another request", Record{kStdout, "a", 0, 2}.bytes(), "fault(a record of another request)"},
      {"a request whose low octet is ours", Record{kStdout, "a", 0, 257}.bytes(),
       "fault(a record of another request)"},
      {"an unknown type of another request", Record{200, "", 0, 2}.bytes(),
       "fault(a record of another request)"},
      {"version 0", Record{kStdout, "a", 0, 1, 0}.bytes(),
       "fault(a record of another version than 1)"},
      {"plain HTTP", "HTTP/1.1 200 OK", "fault(a record of another version than 1)"},
      {"a fault behind output", Record{kStdout, "a"}.bytes() + "HTTP/1.1",
       "output(a) fault(a record of another version than 1)"},
  };
  for (const Row& row : rows) {
    for (std::size_t piece = 1; piece <= row.bytes.size() + 1; ++piece) {
      CAPTURE(row.name);
      CAPTURE(piece);
      for (const bool passes_buffer : {false, true}) {
        test::FcgiReading reading({.buffer_bytes = FcgiDecoder::kMinBufferBytes + piece,
                                   .octets_at_once = piece,
                                   .passes_buffer = passes_buffer});
        for (std::size_t at = 0; at < row.bytes.size(); at += piece) {
          reading.feed(std::string_view(row.bytes).substr(at, piece));
        }
        REQUIRE(std::move(reading).finish() == row.read);
      }
    }
  }
}

TEST_CASE("output may be received past the buffer as far as its record goes") {
  RecvBuffer buffer(64);
  FcgiDecoder decoder;
  CHECK(decoder.announced() == 0);
  buffer.assign(Record{kStdout, std::string(1000, 'x'), 1}.bytes().substr(0, 18));
  REQUIRE(decoder.next(buffer) == FcgiDecoder::Event::output);
  CHECK(decoder.announced() == 1000);
  decoder.take(buffer, decoder.data().size());
  CHECK(decoder.announced() == 990);
  CHECK(decoder.next(buffer) == FcgiDecoder::Event::need_more);
  decoder.skip(980);
  CHECK(decoder.announced() == 10);
  decoder.skip(10);
  CHECK(decoder.announced() == 0);
  buffer.assign("P" + end_request(0));
  CHECK(decoder.next(buffer) == FcgiDecoder::Event::end);
}

TEST_CASE("errors are not announced as output") {
  RecvBuffer buffer(64);
  FcgiDecoder decoder;
  buffer.assign(Record{kStderr, "oh"}.bytes());
  REQUIRE(decoder.next(buffer) == FcgiDecoder::Event::errors);
  CHECK(decoder.announced() == 0);
}

}  // namespace uvhttpd::wire
