// SPDX-License-Identifier: MIT
#include "http/forwarded.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "http/framing.h"
#include "http/octets.h"

namespace uvhttpd::http {
namespace {

// The last kMaxHops of those that are added.
class HopRing {
 public:
  explicit HopRing(Arena& arena) : hops_(arena.make_array<Hop>(kMaxHops)) {}
  void add(const Hop& hop) { hops_[count_++ % kMaxHops] = hop; }
  std::span<const Hop> in_order() {
    if (count_ <= kMaxHops) return hops_.first(count_);
    const auto oldest = hops_.begin() + static_cast<std::ptrdiff_t>(count_ % kMaxHops);
    std::rotate(hops_.begin(), oldest, hops_.end());
    return hops_;
  }

 private:
  std::span<Hop> hops_;
  std::size_t count_ = 0;
};

bool is_address(int family, std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  unsigned char octets[sizeof(in6_addr)];
  if (text.size() >= sizeof terminated || text.find('\0') != std::string_view::npos) return false;
  std::copy(text.begin(), text.end(), terminated);
  terminated[text.size()] = '\0';
  return inet_pton(family, terminated, octets) == 1;
}

// node-port of RFC 7239 section 6: up to five digits, or obfuscated.
bool is_node_port(std::string_view text) {
  if (text.starts_with('_')) {
    text.remove_prefix(1);
    return !text.empty() && all_are_of(octet_class::kToken, text);
  }
  return !text.empty() && text.size() <= 5 && std::all_of(text.begin(), text.end(), is_digit);
}

// The address at the front of `text`, which may be followed by a port; empty when there is none.
std::string_view address_of(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return {};
    const std::string_view address = text.substr(1, end - 1);
    const std::string_view behind = text.substr(end + 1);
    if (!behind.empty() && (behind.front() != ':' || !is_node_port(behind.substr(1)))) return {};
    return is_address(AF_INET6, address) ? address : std::string_view{};
  }
  const std::size_t colon = std::min(text.find(':'), text.size());
  if (colon < text.size() && !is_node_port(text.substr(colon + 1))) return {};
  const std::string_view address = text.substr(0, colon);
  return is_address(AF_INET, address) ? address : std::string_view{};
}

bool is_scheme(std::string_view text) {
  return !text.empty() && ascii_lower(text.front()) >= 'a' && ascii_lower(text.front()) <= 'z' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           const char lower = ascii_lower(c);
           return is_digit(c) || (lower >= 'a' && lower <= 'z') || c == '+' || c == '-' || c == '.';
         });
}

bool is_host_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_of(octet_class::kRegName, c) || c == ':' || c == '[' || c == ']';
  });
}

// Reads the elements of one line of Forwarded.
class ElementReader {
 public:
  ElementReader(std::string_view line, Arena& arena) : rest_(line), arena_(&arena) {}

  // Adds the elements to `hops`; false when the line is malformed.
  bool read_into(HopRing& hops) {
    Element element;
    for (;;) {
      skip_white_space();
      if (rest_.empty() || rest_.front() == ',') {
        if (element.has_pairs) hops.add(element.hop());
        if (rest_.empty()) return true;
        element = {};
      } else if (rest_.front() != ';') {
        if (!read_pair(element)) return false;
        continue;
      }
      rest_.remove_prefix(1);
    }
  }

 private:
  struct Element {
    bool has_pairs = false;
    std::optional<std::string_view> node;
    std::optional<std::string_view> by;
    std::optional<std::string_view> proto;
    std::optional<std::string_view> host;

    Hop hop() const {
      Hop hop;
      hop.node = address_of(node.value_or(""));
      if (proto && is_scheme(*proto)) hop.proto = *proto;
      if (host && is_host_text(*host)) hop.host = *host;
      return hop;
    }
  };

  void skip_white_space() {
    while (!rest_.empty() && is_ows(rest_.front())) rest_.remove_prefix(1);
  }

  std::string_view take_token() {
    std::size_t end = 0;
    while (end < rest_.size() && is_token_octet(rest_[end])) ++end;
    const std::string_view token = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return token;
  }

  // token "=" ( token / quoted-string ), each name once (RFC 7239 section 4), and what ends it.
  bool read_pair(Element& element) {
    const std::string_view name = take_token();
    if (name.empty() || !rest_.starts_with('=')) return false;
    rest_.remove_prefix(1);
    const std::optional<std::string_view> value = take_value();
    if (!value) return false;
    element.has_pairs = true;
    for (const auto& [known, place] :
         {std::pair{"for", &element.node}, std::pair{"by", &element.by},
          std::pair{"proto", &element.proto}, std::pair{"host", &element.host}}) {
      if (!equals_ignoring_case(name, known)) continue;
      if (*place) return false;
      *place = *value;
    }
    skip_white_space();
    return rest_.empty() || rest_.front() == ',' || rest_.front() == ';';
  }

  std::optional<std::string_view> take_value() {
    if (rest_.starts_with('"')) return take_quoted();
    const std::string_view token = take_token();
    return token.empty() ? std::nullopt : std::optional(token);
  }

  std::optional<std::string_view> take_quoted() {
    bool has_escapes = false;
    std::size_t end = 1;
    for (; end < rest_.size() && rest_[end] != '"'; ++end) {
      if (rest_[end] != '\\') continue;
      has_escapes = true;
      ++end;
    }
    if (end >= rest_.size()) return std::nullopt;
    const std::string_view inside = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return has_escapes ? unescape(inside) : inside;
  }

  std::string_view unescape(std::string_view inside) {
    const std::span<char> text = arena_->allocate_text(inside.size());
    std::size_t length = 0;
    for (std::size_t i = 0; i < inside.size(); ++i) {
      if (inside[i] == '\\') ++i;
      text[length++] = inside[i];
    }
    return {text.data(), length};
  }

  std::string_view rest_;
  Arena* arena_;
};

// Writes an element; the room must do for all of its pairs.
class ElementWriter {
 public:
  static constexpr std::size_t kRoomBesideValues = sizeof R"(for="[]";host="";proto="")";
  static constexpr std::size_t kRoomPerOctet = 2;  // where it must be escaped

  explicit ElementWriter(std::span<char> room) : begin_(room.data()), end_(room.data()) {}

  // A value in brackets is an IPv6 address.
  void add(std::string_view name, std::string_view value, bool in_brackets = false) {
    if (value.empty() || !all_are_of(octet_class::kValue, value)) return;
    if (end_ != begin_) put(";");
    put(name);
    put("=");
    if (!in_brackets && all_are_of(octet_class::kToken, value)) return put(value);
    put(in_brackets ? "\"[" : "\"");
    for (const char c : value) {
      if (c == '"' || c == '\\') *end_++ = '\\';
      *end_++ = c;
    }
    put(in_brackets ? "]\"" : "\"");
  }
  std::string_view text() const { return {begin_, end_}; }

 private:
  void put(std::string_view text) { end_ = std::copy(text.begin(), text.end(), end_); }

  char* begin_;
  char* end_;
};

}  // namespace

std::optional<std::span<const Hop>> forwarded_hops(const FieldList& fields, Arena& arena) {
  if (!fields.has(FieldName::forwarded)) return std::span<const Hop>{};
  HopRing hops(arena);
  bool is_sound = true;
  fields.for_each(FieldName::forwarded, [&](std::string_view line) {
    is_sound = is_sound && ElementReader(line, arena).read_into(hops);
  });
  if (!is_sound) return std::nullopt;
  return hops.in_order();
}

std::span<const Hop> x_forwarded_for_hops(const FieldList& fields, Arena& arena) {
  if (!fields.has(FieldName::x_forwarded_for)) return {};
  HopRing hops(arena);
  fields.for_each(FieldName::x_forwarded_for, [&](std::string_view line) {
    for_each_token(line, [&](std::string_view member) {
      Hop hop;
      // Here an IPv6 address is usually written without brackets.
      hop.node = is_address(AF_INET6, member) ? member : address_of(member);
      hops.add(hop);
    });
  });
  return hops.in_order();
}

std::string_view forwarded_element(const Hop& hop, Arena& arena) {
  const bool is_ipv6 =
      hop.node.find(':') != std::string_view::npos && is_address(AF_INET6, hop.node);
  const bool is_known = is_ipv6 || is_address(AF_INET, hop.node);
  const std::string_view node = is_known ? hop.node : "unknown";
  const std::size_t octets = node.size() + hop.host.size() + hop.proto.size();
  ElementWriter element(arena.allocate_text(ElementWriter::kRoomBesideValues +
                                            octets * ElementWriter::kRoomPerOctet));
  element.add("for", node, is_ipv6);
  element.add("host", hop.host);
  element.add("proto", hop.proto);
  return element.text();
}

}  // namespace uvhttpd::http
