// SPDX-License-Identifier: MIT
#include "server/trusted_proxies.h"

#include <algorithm>
#include <optional>
#include <span>

#include "base/text.h"
#include "http/forwarded.h"
#include "io/network.h"

namespace uvhttpd {
namespace {

using http::FieldName;
using http::Hop;

bool is_trusted(const PeerAddress& address, const config::Listener& listener) {
  return address.kind == PeerAddress::Kind::unix_socket
             ? listener.trust_unix
             : contains_any(listener.trusted_proxies, address);
}

// "" for schemes that are not ours. Of a WebSocket some proxies say "wss", though it is HTTP that
// asks for one.
std::string_view scheme_of(std::string_view proto) {
  const auto is_one_of = [proto](std::string_view http, std::string_view websocket) {
    return equals_ignoring_case(proto, http) || equals_ignoring_case(proto, websocket);
  };
  if (is_one_of("https", "wss")) return "https";
  return is_one_of("http", "ws") ? "http" : "";
}

// What one of the fields comes to.
struct Word {
  PeerAddress client;
  bool names_client = false;  // with an address
  bool is_open = false;       // it begins with a trusted proxy: who asked that one is not said
  std::span<const Hop>
      believed;  // what trusted proxies say, in order: the first one is the client's
};

Word word_of(std::span<const Hop> hops, const PeerAddress& peer, const config::Listener& listener) {
  Word word{peer, false, false, {}};
  std::size_t first = hops.size();
  bool goes_on = true;
  while (goes_on && first > 0) {
    const std::optional<PeerAddress> address = PeerAddress::parse(hops[--first].node);
    if (address) word.client = *address;
    word.names_client |= address.has_value();
    goes_on = address && is_trusted(*address, listener);
  }
  word.is_open = goes_on;
  word.believed = hops.subspan(first);
  return word;
}

bool contradict(const Word& one, const Word& other) {
  return one.names_client && other.names_client && one.is_open == other.is_open &&
         (one.client.kind != other.client.kind || one.client.ip != other.client.ip);
}

// Of two that do not contradict each other, the one that says more.
const Word& better_of(const Word& one, const Word& other) {
  if (!one.names_client) return other;
  return other.names_client && one.is_open && !other.is_open ? other : one;
}

// The member that is `place` from the right of the list which the field's lines are together, or
// the leftmost when there are fewer.
std::string_view member_from_right(const http::FieldList& fields, FieldName name,
                                   std::size_t place) {
  std::string_view found;
  if (!fields.has(name)) return found;
  const std::span<const http::Field> all = fields.all();
  for (auto each = all.rbegin(); each != all.rend(); ++each) {
    const http::Field& field = *each;
    if (field.known != name) continue;
    std::string_view rest = field.value;
    for (bool has_more = true; has_more && place > 0; --place) {
      const std::size_t comma = rest.rfind(',');
      has_more = comma != std::string_view::npos;
      found = trim_ows(has_more ? rest.substr(comma + 1) : rest);
      if (has_more) rest = rest.substr(0, comma);
    }
  }
  return found;
}

}  // namespace

std::string_view believe_proxies(Request& request, const config::Listener& listener, Arena& arena) {
  request.peer_is_trusted = is_trusted(request.client, listener);
  if (!request.peer_is_trusted) return {};
  const http::FieldList& fields = request.head.fields;
  Word told{request.client, false, false, {}};
  if (fields.has(FieldName::x_forwarded_for)) {
    told = word_of(http::x_forwarded_for_hops(fields, arena), request.client, listener);
  }
  std::string_view scheme;
  if (fields.has(FieldName::forwarded)) {
    const auto hops = http::forwarded_hops(fields, arena);
    if (!hops) return "a malformed Forwarded";
    const Word word = word_of(*hops, request.client, listener);
    if (contradict(word, told)) return "Forwarded and X-Forwarded-For differ";
    for (const Hop& hop : word.believed) {
      if (scheme.empty()) scheme = scheme_of(hop.proto);
    }
    told = better_of(told, word);
  }
  // A proxy that keeps X-Forwarded-Proto as a list adds to both; one that does not replaces it.
  if (scheme.empty()) {
    scheme = scheme_of(member_from_right(fields, FieldName::x_forwarded_proto,
                                         std::max<std::size_t>(told.believed.size(), 1)));
  }
  if (!scheme.empty()) request.scheme = scheme;
  request.client = told.client;
  return {};
}

}  // namespace uvhttpd
