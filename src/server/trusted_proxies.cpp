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

// The hops that trusted proxies speak of, in order: the first one is the client's.
std::span<const Hop> believed_of(std::span<const Hop> hops, Request& request,
                                 const config::Listener& listener) {
  std::size_t first = hops.size();
  bool goes_on = true;
  while (goes_on && first > 0) {
    const std::optional<PeerAddress> address = PeerAddress::parse(hops[--first].node);
    if (address) request.client = *address;
    goes_on = address && is_trusted(*address, listener);
  }
  return hops.subspan(first);
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

bool believe_proxies(Request& request, const config::Listener& listener, Arena& arena) {
  request.peer_is_trusted = is_trusted(request.client, listener);
  if (!request.peer_is_trusted) return true;
  const http::FieldList& fields = request.head.fields;
  std::span<const Hop> hops;
  if (fields.has(FieldName::forwarded)) {
    const auto told = http::forwarded_hops(fields, arena);
    if (!told) return false;
    hops = *told;
  }
  if (hops.empty() && fields.has(FieldName::x_forwarded_for)) {
    hops = http::x_forwarded_for_hops(fields, arena);
  }
  const std::span<const Hop> believed = believed_of(hops, request, listener);
  std::string_view scheme;
  for (const Hop& hop : believed) {
    if (scheme.empty()) scheme = scheme_of(hop.proto);
  }
  // A proxy that keeps X-Forwarded-Proto as a list adds to both; one that does not replaces it.
  if (scheme.empty()) {
    scheme = scheme_of(member_from_right(fields, FieldName::x_forwarded_proto,
                                         std::max<std::size_t>(believed.size(), 1)));
  }
  if (!scheme.empty()) request.scheme = scheme;
  return true;
}

}  // namespace uvhttpd
