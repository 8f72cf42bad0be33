// SPDX-License-Identifier: MIT
// unit/io/proxy_protocol_test.cpp: headers of both versions, good and bad, in any pieces.
#include "io/proxy_protocol.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

namespace uvhttpd::tests {
namespace {

using namespace std::string_literals;
using State = ProxyHeader::State;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

// A header of version 2: the two octets of command and family, and what follows the length.
std::string binary(unsigned command, unsigned family, const std::string& block) {
  std::string bytes = kSignature;
  bytes += static_cast<char>(command);
  bytes += static_cast<char>(family);
  bytes += static_cast<char>(block.size() >> 8);
  bytes += static_cast<char>(block.size() & 0xff);
  return bytes + block;
}

const std::string kInet = "\xc0\x00\x02\x01\xc6\x33\x64\x02\xdb\xba\x01\xbb"s;
const std::string kInetText = "192.0.2.1 56250 198.51.100.2 443";
const std::string kInet6 =
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"
    "\x00\x50\x1f\x90"s;
const std::string kInet6Text = "2001:db8::1 80 2001:db8::2 8080";
const std::string kMapped =
    "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x01\x02\x03"
    "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01"
    "\x00\x01\x00\x02"s;
const std::string kUnixBlock =
    "/run/a"s + std::string(102, '\0') + "/run/b"s + std::string(102, '\0');
const std::string kNoop = "\x04\x00\x03xyz"s;  // a TLV
const std::string kTls = "\x20\x00\x05\x01\0\0\0\0"s;
const std::string kNoTls = "\x20\x00\x05\x02\0\0\0\0"s;

// "192.0.2.1 1 192.0.2.2 2", "local", "fault" or "need more".
std::string verdict(const ProxyHeader& header) {
  switch (header.state) {
    case State::need_more: return "need more";
    case State::fault: return "fault";
    case State::done: break;
  }
  if (header.is_local) return "local";
  return header.client.text() + " " + std::to_string(header.client.port) + " " +
         header.server.text() + " " + std::to_string(header.server.port) +
         (header.is_tls ? " by TLS" : "");
}

struct Row {
  std::string name;
  std::string bytes;
  std::string verdict;
};

std::vector<Row> good_headers() {
  return {
      {"TCP4", "PROXY TCP4 192.0.2.1 198.51.100.2 56250 443\r\n", kInetText},
      {"TCP6", "PROXY TCP6 2001:db8::1 2001:DB8:0:0::2 80 8080\r\n", kInet6Text},
      {"the longest TCP6",
       "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
       "65535 65535\r\n",
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
       "65535"},
      {"IPv4 mapped into TCP6", "PROXY TCP6 ::ffff:10.1.2.3 ::ffff:7f00:1 1 2\r\n",
       "10.1.2.3 1 127.0.0.1 2"},
      {"port 0", "PROXY TCP4 192.0.2.1 192.0.2.2 0 0\r\n", "192.0.2.1 0 192.0.2.2 0"},
      {"UNKNOWN", "PROXY UNKNOWN\r\n", "local"},
      {"UNKNOWN and something", "PROXY UNKNOWN some thing\r\n", "local"},
      {"UNKNOWN of 107 octets", "PROXY UNKNOWN " + std::string(91, 'x') + "\r\n", "local"},
      {"v2 TCP over IPv4", binary(0x21, 0x11, kInet), kInetText},
      {"v2 TCP over IPv6", binary(0x21, 0x21, kInet6), kInet6Text},
      {"v2 IPv4 mapped into IPv6", binary(0x21, 0x21, kMapped), "10.1.2.3 1 127.0.0.1 2"},
      {"v2 Unix", binary(0x21, 0x31, kUnixBlock), "unix: 0 unix: 0"},
      {"v2 with TLVs", binary(0x21, 0x11, kInet + kNoop + kNoop), kInetText},
      {"v2 with TLS", binary(0x21, 0x11, kInet + kNoop + kTls), kInetText + " by TLS"},
      {"v2 with TLS first", binary(0x21, 0x11, kInet + kTls + kNoop), kInetText + " by TLS"},
      {"v2 without TLS", binary(0x21, 0x11, kInet + kNoTls + kTls), kInetText},
      {"v2 with half of it", binary(0x21, 0x11, kInet + kTls.substr(0, 7)), kInetText},
      {"v2 with nothing in it", binary(0x21, 0x11, kInet + "\x20\x00\x00"s), kInetText},
      {"v2 with TLS behind what lies", binary(0x21, 0x11, kInet + "\x04\x00\x20x"s + kTls),
       kInetText},
      {"v2 as long as may be", binary(0x21, 0x11, kInet + std::string(4068, 'x')), kInetText},
      {"v2 LOCAL", binary(0x20, 0x00, ""), "local"},
      {"v2 LOCAL with addresses", binary(0x20, 0x11, kInet), "local"},
      {"v2 LOCAL of whatever", binary(0x20, 0xff, "xyz"), "local"},
      {"v2 UNSPEC", binary(0x21, 0x00, ""), "local"},
      {"v2 UNSPEC with TLVs", binary(0x21, 0x00, kNoop), "local"},
      {"v2 a family without a protocol", binary(0x21, 0x10, kInet), "local"},
  };
}

std::vector<Row> bad_headers() {
  return {
      {"a request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "fault"},
      {"lower case", "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "fault"},
      {"no space", "PROXYTCP4 192.0.2.1 192.0.2.2 1 2\r\n", "fault"},
      {"two spaces", "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "fault"},
      {"two spaces later", "PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n", "fault"},
      {"a tab", "PROXY TCP4\t192.0.2.1 192.0.2.2 1 2\r\n", "fault"},
      {"a space at the end", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n", "fault"},
      {"no server", "PROXY TCP4 192.0.2.1 1 2\r\n", "fault"},
      {"nothing", "PROXY \r\n", "fault"},
      {"only a protocol", "PROXY TCP4\r\n", "fault"},
      {"an unknown protocol", "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", "fault"},
      {"a longer protocol", "PROXY UNKNOWNS\r\n", "fault"},
      {"IPv6 as TCP4", "PROXY TCP4 ::1 ::1 1 2\r\n", "fault"},
      {"IPv4 as TCP6", "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", "fault"},
      {"kinds mixed", "PROXY TCP6 ::1 192.0.2.2 1 2\r\n", "fault"},
      {"a zero in front", "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n", "fault"},
      {"three numbers", "PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n", "fault"},
      {"a zone", "PROXY TCP6 fe80::1%lo ::1 1 2\r\n", "fault"},
      {"a NUL", "PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n"s, "fault"},
      {"a port too large", "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n", "fault"},
      {"a port with a zero", "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", "fault"},
      {"a port with a sign", "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n", "fault"},
      {"an empty port", "PROXY TCP4 192.0.2.1 192.0.2.2  2\r\n", "fault"},
      {"a bare LF", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", "fault"},
      {"a bare CR", "PROXY UNKNOWN a\rb\r\n", "fault"},
      {"two CR", "PROXY UNKNOWN\r\r\n", "fault"},
      {"108 octets", "PROXY UNKNOWN " + std::string(92, 'x') + "\r\n", "fault"},
      {"a line without an end", "PROXY UNKNOWN " + std::string(93, 'x'), "fault"},
      {"v2 of version 1", binary(0x11, 0x11, kInet), "fault"},
      {"v2 of version 3", binary(0x31, 0x11, kInet), "fault"},
      {"v2 an unknown command", binary(0x22, 0x11, kInet), "fault"},
      {"v2 an unknown family", binary(0x21, 0x41, kInet), "fault"},
      {"v2 an unknown protocol", binary(0x21, 0x13, kInet), "fault"},
      {"v2 datagrams", binary(0x21, 0x12, kInet), "fault"},
      {"v2 IPv4 too short", binary(0x21, 0x11, kInet.substr(1)), "fault"},
      {"v2 IPv6 too short", binary(0x21, 0x21, kInet6.substr(1)), "fault"},
      {"v2 Unix too short", binary(0x21, 0x31, kUnixBlock.substr(1)), "fault"},
      {"v2 too long", binary(0x21, 0x11, kInet + std::string(4069, 'x')), "fault"},
      {"v2 LOCAL too long", binary(0x20, 0x00, std::string(4081, 'x')), "fault"},
      {"v2 a wrong signature", "\r\n\r\n\0\r\nQUIT\r"s + std::string(20, 'x'), "fault"},
  };
}

PeerAddress peer(const std::string& text, std::uint16_t port) {
  PeerAddress address = *PeerAddress::parse(text);
  address.port = port;
  return address;
}

PeerAddress unix_peer() {
  PeerAddress address;
  address.kind = PeerAddress::Kind::unix_socket;
  return address;
}

TEST_CASE("parse_proxy_header reads what senders may say, and the stream begins behind it") {
  for (const Row& row : good_headers()) {
    CAPTURE(row.name);
    const ProxyHeader header = parse_proxy_header(row.bytes + "GET / HTTP/1.1\r\n");
    CHECK(verdict(header) == row.verdict);
    CHECK(header.size == row.bytes.size());
    CHECK(parse_proxy_header(row.bytes) == header);
    if (header.is_local) CHECK(header.client.kind == PeerAddress::Kind::none);
  }
}

TEST_CASE("parse_proxy_header takes nothing else") {
  for (const Row& row : bad_headers()) {
    CAPTURE(row.name);
    CHECK(verdict(parse_proxy_header(row.bytes)) == row.verdict);
  }
}

TEST_CASE("parse_proxy_header waits for a whole header, however it is cut") {
  for (const Row& row : good_headers()) {
    CAPTURE(row.name);
    for (std::size_t cut = 0; cut < row.bytes.size(); ++cut) {
      CAPTURE(cut);
      CHECK(parse_proxy_header(row.bytes.substr(0, cut)).state == State::need_more);
    }
  }
}

TEST_CASE("parse_proxy_header never takes back that a header is bad, however it is cut") {
  for (const Row& row : bad_headers()) {
    CAPTURE(row.name);
    bool was_bad = false;
    for (std::size_t cut = 0; cut <= row.bytes.size(); ++cut) {
      CAPTURE(cut);
      const State state = parse_proxy_header(row.bytes.substr(0, cut)).state;
      CHECK(state != State::done);
      if (was_bad) CHECK(state == State::fault);
      was_bad = state == State::fault;
    }
  }
}

TEST_CASE("parse_proxy_header does not wait for more where nothing can help") {
  CHECK(verdict(parse_proxy_header("G")) == "fault");
  CHECK(verdict(parse_proxy_header("PRI")) == "fault");
  CHECK(verdict(parse_proxy_header("\r\n\r\nG")) == "fault");
  CHECK(verdict(parse_proxy_header(kSignature + "\x31")) == "fault");
  CHECK(verdict(parse_proxy_header(kSignature + "\x21\x11\xff\xff")) == "fault");
  CHECK(verdict(parse_proxy_header("PROXY UNKNOWN " + std::string(92, 'x'))) == "need more");
  CHECK(verdict(parse_proxy_header("PROXY UNKNOWN " + std::string(93, 'x'))) == "fault");
}

TEST_CASE("encode_proxy_header writes lines of version 1") {
  CHECK(encode_proxy_header(1, peer("192.0.2.1", 56250), peer("198.51.100.2", 443)) ==
        "PROXY TCP4 192.0.2.1 198.51.100.2 56250 443\r\n");
  CHECK(encode_proxy_header(1, peer("2001:db8::1", 80), peer("::2", 8080)) ==
        "PROXY TCP6 2001:db8::1 ::2 80 8080\r\n");
  CHECK(encode_proxy_header(1, peer("2001:db8::1", 1), peer("127.0.0.1", 2)) ==
        "PROXY TCP6 2001:db8::1 ::ffff:7f00:0001 1 2\r\n");
  CHECK(encode_proxy_header(1, unix_peer(), unix_peer()) == "PROXY UNKNOWN\r\n");
  CHECK(encode_proxy_header(1, PeerAddress{}, peer("::1", 1)) == "PROXY UNKNOWN\r\n");
}

TEST_CASE("encode_proxy_header writes headers of version 2") {
  CHECK(encode_proxy_header(2, peer("192.0.2.1", 56250), peer("198.51.100.2", 443)) ==
        binary(0x21, 0x11, kInet));
  CHECK(encode_proxy_header(2, peer("2001:db8::1", 80), peer("2001:db8::2", 8080)) ==
        binary(0x21, 0x21, kInet6));
  CHECK(encode_proxy_header(2, unix_peer(), unix_peer()) == binary(0x20, 0x00, ""));
  CHECK(encode_proxy_header(2, peer("::1", 1), PeerAddress{}) == binary(0x20, 0x00, ""));
}

TEST_CASE("parse_proxy_header reads what encode_proxy_header writes") {
  const std::vector<PeerAddress> all = {peer("192.0.2.1", 1), peer("255.255.255.255", 65535),
                                        peer("0.0.0.0", 0),   peer("2001:db8::1", 80),
                                        peer("::", 0),        peer("::192.0.2.1", 10)};
  for (const PeerAddress& client : all) {
    for (const PeerAddress& server : all) {
      for (const unsigned version : {1U, 2U}) {
        const std::string bytes = encode_proxy_header(version, client, server);
        CAPTURE(bytes);
        const ProxyHeader header = parse_proxy_header(bytes);
        CHECK(header.state == State::done);
        CHECK(header.size == bytes.size());
        CHECK_FALSE(header.is_local);
        CHECK(header.client == client);
        CHECK(header.server == server);
      }
    }
  }
}

}  // namespace
}  // namespace uvhttpd::tests
