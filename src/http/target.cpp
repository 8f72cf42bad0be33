// SPDX-License-Identifier: MIT
#include "http/target.h"

#include <algorithm>

#include "base/text.h"
#include "http/octets.h"

namespace uvhttpd::http {
namespace {

Unexpected<Refusal> bad_request(std::string_view reason) {
  return Unexpected(Refusal{400, reason});
}

bool is_reg_name(std::string_view name) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!is_of(octet_class::kRegName, name[i])) return false;
    if (name[i] != '%') continue;
    if (i + 2 >= name.size() || hex_value(name[i + 1]) < 0 || hex_value(name[i + 2]) < 0)
      return false;
  }
  return !name.empty();
}

bool needs_normalizing(std::string_view raw) {
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '%') return true;
    if (raw[i] == '/' && i + 1 < raw.size() && (raw[i + 1] == '/' || raw[i + 1] == '.'))
      return true;
  }
  return false;
}

std::string_view lower_case(std::string_view text, Arena& arena) {
  const bool is_lower =
      std::none_of(text.begin(), text.end(), [](char c) { return ascii_lower(c) != c; });
  if (is_lower) return text;
  const std::span<char> copy = arena.allocate_text(text.size());
  std::transform(text.begin(), text.end(), copy.begin(), ascii_lower);
  return {copy.data(), copy.size()};
}

// Removes the scheme and authority of an absolute target; the authority goes to `authority`.
bool split_absolute(std::string_view& rest, std::string_view& authority) {
  const std::size_t scheme_end = rest.find("://");
  if (scheme_end == std::string_view::npos) return false;
  const std::string_view scheme = rest.substr(0, scheme_end);
  if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https")) return false;
  rest.remove_prefix(scheme_end + 3);
  const std::size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  authority = rest.substr(0, authority_end);
  rest.remove_prefix(authority_end);
  return true;
}

}  // namespace

std::optional<Authority> parse_authority(std::string_view text) {
  Authority authority;
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close < 3) return std::nullopt;
    int colons = 0;
    for (const char c : text.substr(1, close - 1)) {
      if (hex_value(c) < 0 && c != ':' && c != '.') return std::nullopt;
      if (c == ':') ++colons;
    }
    if (colons < 2) return std::nullopt;
    authority.host = text.substr(0, close + 1);
    rest = text.substr(close + 1);
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    authority.host = text.substr(0, colon);
    rest = text.substr(colon);
    if (!is_reg_name(authority.host)) return std::nullopt;
  }
  if (rest.empty()) return authority;
  if (rest.front() != ':') return std::nullopt;
  authority.port = rest.substr(1);
  if (authority.port.empty()) return authority;  // "host:" is the scheme's default port
  const std::optional<std::uint64_t> port = parse_decimal(authority.port);
  if (!port || *port > 65535) return std::nullopt;
  return authority;
}

Result<std::string_view, Refusal> normalize_path(std::string_view raw, Arena& arena,
                                                 bool& has_encoded_slash) {
  if (!needs_normalizing(raw)) return raw;
  const std::span<char> out = arena.allocate_text(raw.size());
  std::size_t length = 0;
  // Decodes into `out` and ends each segment as it comes: `begin` is where the last one started.
  const auto end_segment = [&](std::size_t begin, bool closed) {
    const std::string_view segment(out.data() + begin, length - begin);
    if (segment == ".") {
      length = begin;
    } else if (segment == "..") {
      length = begin > 1 ? begin - 1 : begin;
      while (length > 1 && out[length - 1] != '/') --length;
    } else if (closed && !segment.empty()) {
      out[length++] = '/';
    }
    return length;
  };
  out[length++] = '/';
  std::size_t begin = 1;
  for (std::size_t i = 1; i < raw.size(); ++i) {
    char c = raw[i];
    if (c == '/') {
      begin = end_segment(begin, true);
      continue;
    }
    if (c == '%') {
      const int high = i + 2 < raw.size() ? hex_value(raw[i + 1]) : -1;
      const int low = i + 2 < raw.size() ? hex_value(raw[i + 2]) : -1;
      if (high < 0 || low < 0) return bad_request("malformed percent-encoding in the target");
      c = static_cast<char>(high * 16 + low);
      i += 2;
      if (c == '\0') return bad_request("%00 in the target");
      if (c == '/') {
        has_encoded_slash = true;
        begin = end_segment(begin, true);
        continue;
      }
    }
    out[length++] = c;
  }
  end_segment(begin, false);
  return std::string_view(out.data(), length);
}

std::string_view without_parameters(std::string_view raw_path, Arena& arena) {
  const std::span<char> out = arena.allocate_text(raw_path.size());
  std::size_t length = 0;
  bool is_parameter = false;
  for (const char c : raw_path) {
    if (c == ';' || c == '/') is_parameter = c == ';';
    if (!is_parameter) out[length++] = c;
  }
  return {out.data(), length};
}

std::string_view encode_path(std::string_view path, Arena& arena) {
  if (all_are_of(octet_class::kPath, path)) return path;
  constexpr char kHex[] = "0123456789ABCDEF";
  const std::span<char> out = arena.allocate_text(path.size() * 3);
  std::size_t length = 0;
  for (const char c : path) {
    if (is_of(octet_class::kPath, c)) {
      out[length++] = c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out[length++] = '%';
    out[length++] = kHex[octet >> 4];
    out[length++] = kHex[octet & 15];
  }
  return {out.data(), length};
}

Result<Target, Refusal> parse_target(const RequestHead& head, Arena& arena) {
  Target target;
  int hosts = 0;
  std::string_view authority;
  head.fields.for_each(FieldName::host, [&](std::string_view value) {
    ++hosts;
    authority = value;
  });
  if (hosts > 1) return bad_request("more than one Host");
  if (hosts == 0 && head.minor_version >= 1) return bad_request("no Host");
  std::optional<Authority> parsed = hosts == 1 ? parse_authority(authority) : std::nullopt;
  if (hosts == 1 && !parsed) return bad_request("invalid Host");

  std::string_view rest = head.target;
  if (!all_are_of(octet_class::kTarget, rest)) {
    return bad_request("invalid octet in the target");
  }
  if (head.method == Method::connect) {
    parsed = parse_authority(rest);
    if (!parsed || parsed->port.empty()) return bad_request("CONNECT needs host:port");
    authority = rest;  // RFC 9112 section 3.3
    target.form = Target::Form::authority;
    target.path = {};
    rest = {};
  } else if (rest == "*") {
    if (head.method != Method::options) return bad_request("the target * is for OPTIONS only");
    target.form = Target::Form::asterisk;
    target.raw_path = target.path = rest;
    rest = {};
  } else if (!rest.starts_with('/')) {
    if (!split_absolute(rest, authority))
      return bad_request("the target is no path and no http URI");
    parsed = parse_authority(authority);
    if (!parsed) return bad_request("invalid authority in the target");
    target.form = Target::Form::absolute;
  }

  if (target.form == Target::Form::origin || target.form == Target::Form::absolute) {
    const std::size_t mark = rest.find('?');
    target.raw_path = rest.substr(0, mark);
    if (mark != std::string_view::npos) {
      target.query = rest.substr(mark + 1);
      target.has_query = true;
    }
    if (target.raw_path.empty()) target.raw_path = "/";  // "http://host?query"
    TRY_ASSIGN(target.path, normalize_path(target.raw_path, arena, target.has_encoded_slash));
    // RFC 9110 section 9.3.7: OPTIONS on a whole server may come as an absolute target without
    // path.
    if (head.method == Method::options && rest.empty() && target.form == Target::Form::absolute) {
      target.path = "*";
    }
  }
  if (parsed) {
    target.authority = authority;
    target.host = lower_case(parsed->host, arena);
    if (target.host.size() > 1 && target.host.ends_with('.')) target.host.remove_suffix(1);
  }
  return target;
}

}  // namespace uvhttpd::http
