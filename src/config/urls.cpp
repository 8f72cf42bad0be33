// SPDX-License-Identifier: MIT
// config/urls.cpp: whole URLs, the origins that browsers name, and targets of requests.
#include <algorithm>

#include "base/text.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

// "https" and "example.org:8443/a" of "https://example.org:8443/a"; the scheme in lower case, empty
// if there is none (RFC 3986 section 3.1).
struct Split {
  std::string scheme;
  std::string_view rest;
};
Split split(std::string_view text) {
  const std::size_t end = text.find("://");
  if (end == std::string_view::npos || end == 0) return {"", text};
  std::string scheme = to_lower(text.substr(0, end));
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const bool fits = is_letter(scheme[0]) && std::all_of(scheme.begin(), scheme.end(), [&](char c) {
                      return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
                    });
  if (!fits) return {"", text};
  return {std::move(scheme), text.substr(end + 3)};
}

struct Authority {
  std::string host;        // as parse_host gives it
  std::uint64_t port = 0;  // 0: none
};

// "example.org", "example.org:8443", "[::1]:8443"; nullopt if it is none of them.
std::optional<Authority> parse_authority(std::string_view text) {
  Authority authority;
  std::string_view host = text;
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && !text.ends_with(']')) {
    host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    const auto port = parse_decimal(digits);
    if (!port || *port == 0 || *port > 65535 || digits.size() > 5) return std::nullopt;
    authority.port = *port;
  }
  // Only in brackets: what follows a bare IPv6 address could be its end.
  if (host.find(':') != std::string_view::npos && !host.starts_with('[')) return std::nullopt;
  const Read<std::string> known = parse_host(host);
  if (!known) return std::nullopt;
  authority.host = *known;
  return authority;
}

std::uint64_t default_port(std::string_view scheme) {
  if (scheme == "http") return 80;
  return scheme == "https" ? 443 : 0;
}

}  // namespace

Read<std::string> parse_origin(std::string_view text) {
  if (text == "*") return std::string(text);
  if (text == "null") {
    return complain("cannot have `null`, which any sandboxed page can be",
                    "serve the page from an origin that has a name");
  }
  const std::string message = "has something that is no origin: " + in_quotes(text);
  const auto [scheme, rest] = split(text);
  if (scheme.empty()) {
    const bool only_scheme = parse_authority(text.substr(0, text.find('/'))).has_value();
    return complain(message, only_scheme ? "with its scheme: \"https://" + std::string(text) + "\""
                                         : "such as \"https://app.example.org\"");
  }
  if (rest.find_first_of("/?#") != std::string_view::npos) {
    return complain(message, "only scheme, host and port, without a path or a `/` at the end");
  }
  const std::optional<Authority> authority = parse_authority(rest);
  if (!authority) {
    const bool star = rest.find('*') != std::string_view::npos;
    return complain(message, star ? "`*` may only stand for everything before a name: "
                                    "\"https://*.example.org\""
                                  : "such as \"https://app.example.org\"");
  }
  const bool default_one = authority->port == default_port(scheme);
  return scheme + "://" + authority->host +
         (default_one || authority->port == 0 ? "" : ":" + std::to_string(authority->port));
}

Read<std::string> parse_url(std::string_view text) {
  const auto [scheme, rest] = split(text);
  if (scheme != "http" && scheme != "https") {
    return complain("must be a whole URL, not " + in_quotes(text),
                    "such as \"http://example.org/old/a\"");
  }
  const auto unfit = [](char c) { return c <= 0x20 || c >= 0x7f; };
  if (const auto found = std::find_if(text.begin(), text.end(), unfit); found != text.end()) {
    return complain(
        "has a character that a URL cannot have: " + in_quotes(std::string_view(&*found, 1)),
        "percent-encode it");
  }
  if (text.find('#') != std::string_view::npos) {
    return complain("has a fragment, which no client sends", "leave out `#` and what follows it");
  }
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  if (authority.find('@') != std::string_view::npos) {
    return complain("has a user in it, which no client sends", "leave out what precedes the `@`");
  }
  if (!parse_authority(authority) || authority.starts_with('*')) {
    return complain("has something that is no host and port: " + in_quotes(authority));
  }
  const std::string_view target = rest.substr(end);
  return scheme + "://" + std::string(authority) + (target.starts_with('/') ? "" : "/") +
         std::string(target);
}

Read<std::string> parse_host_and_port(std::string_view text) {
  const std::optional<Authority> authority = parse_authority(text);
  if (!authority || text.starts_with('*')) {
    return complain("has something that is no host and port: " + in_quotes(text),
                    "such as \"example.org\" or \"example.org:8443\"");
  }
  if (authority->port == 0) return authority->host;
  return authority->host + ":" + std::to_string(authority->port);
}

Read<std::string> parse_request_target(std::string_view text) {
  constexpr std::size_t kMaxTarget = 4096;
  if (!text.starts_with('/')) return complain("must begin with `/`, not " + in_quotes(text));
  if (text.size() > kMaxTarget) return complain("is longer than 4096 octets");
  const auto unfit = [](char c) { return c <= 0x20 || c >= 0x7f || c == '#'; };
  const auto found = std::find_if(text.begin(), text.end(), unfit);
  if (found == text.end()) return std::string(text);
  return complain("has a character that the target of a request cannot have: " +
                      in_quotes(std::string_view(&*found, 1)),
                  "percent-encode it");
}

}  // namespace uvhttpd::config
