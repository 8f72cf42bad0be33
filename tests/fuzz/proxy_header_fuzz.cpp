// SPDX-License-Identifier: MIT
// tests/fuzz/proxy_header_fuzz.cpp: whatever the octets, a header is the same however it is cut,
// and what it says can be said again in both versions.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "io/proxy_protocol.h"

namespace {

using namespace uvhttpd;
using State = ProxyHeader::State;

// All cuts up to here; lines end before it, and what follows in version 2 is only waited for.
constexpr std::size_t kEachCut = 300;

void check_cut(std::string_view bytes, std::size_t cut, const ProxyHeader& whole) {
  const ProxyHeader part = parse_proxy_header(bytes.substr(0, cut));
  ASSERT(part.state == State::need_more || part == whole);
  if (whole.state == State::done) ASSERT((part.state == State::done) == (cut >= whole.size));
}

void check_said_again(const ProxyHeader& header) {
  for (const unsigned version : {1U, 2U}) {
    const std::string bytes = encode_proxy_header(version, header.client, header.server);
    const ProxyHeader again = parse_proxy_header(bytes);
    ASSERT(again.state == State::done);
    ASSERT(again.size == bytes.size());
    const bool has_addresses = header.client.kind == PeerAddress::Kind::ipv4 ||
                               header.client.kind == PeerAddress::Kind::ipv6;
    ASSERT(again.is_local == !has_addresses);
    if (has_addresses) ASSERT(again.client == header.client && again.server == header.server);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const ProxyHeader whole = parse_proxy_header(bytes);
  for (std::size_t cut = 0; cut < std::min(size, kEachCut); ++cut) check_cut(bytes, cut, whole);
  if (size > 0) check_cut(bytes, size - 1, whole);
  if (whole.state != State::done) {
    ASSERT(whole == ProxyHeader{whole.state});
    ASSERT(whole.state == State::fault || size < kMaxProxyHeaderBytes);
    return 0;
  }
  ASSERT(whole.size <= size && whole.size <= kMaxProxyHeaderBytes);
  check_cut(bytes, whole.size, whole);
  check_said_again(whole);
  return 0;
}
