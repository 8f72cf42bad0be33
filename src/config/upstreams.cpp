// SPDX-License-Identifier: MIT
// config/upstreams.cpp: where the servers are that gateways hand requests on to.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::size_t kMaxUpstream = 4096;  // octets of one
constexpr const char* kHttpForms = "\"http://127.0.0.1:9000\" or \"http://unix:/run/app.sock\"";

// Why the address cannot be one, whatever its form: it becomes a part of fields and of log lines.
std::optional<Complaint> text_complaint(std::string_view text) {
  if (text.empty()) return Complaint{"must not be empty"};
  if (text.size() > kMaxUpstream) return Complaint{"is longer than 4096 octets"};
  if (has_control(text)) return Complaint{"has a control character in it"};
  return std::nullopt;
}

Read<Upstream> with_host(Upstream upstream, std::string_view host, bool bracketed) {
  if (host.empty()) return complain("names no host: " + in_quotes(upstream.text));
  const auto in_number = [](char c) { return is_digit(c) || c == '.'; };
  if (bracketed || std::all_of(host.begin(), host.end(), in_number)) {
    Read<Network> address = parse_network(host);
    if (!address || address->is_ipv6 != bracketed) {
      return complain("has something that is no IP address: " + in_quotes(host),
                      address ? "" : std::move(address).error().hint);
    }
    upstream.kind = Upstream::Kind::ip;
    upstream.host = format_network(*address);
    return upstream;
  }
  Read<std::string> name = parse_host(host);
  if (!name || name->find('*') != std::string::npos) {
    return complain("has something that is no host name: " + in_quotes(host));
  }
  upstream.kind = Upstream::Kind::name;
  upstream.host = *std::move(name);
  return upstream;
}

// "app.example:9000", "127.0.0.1:9000", "[::1]:9000"; the port may be left out where there is a
// default.
Read<Upstream> with_authority(Upstream upstream, std::string_view text,
                              std::optional<std::uint16_t> default_port) {
  if (text.find('@') != std::string_view::npos) {
    return complain("has a user in it, which no upstream is told",
                    "leave out what precedes the `@`");
  }
  std::string_view host = text;
  std::optional<std::string_view> digits;
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && !text.ends_with(']')) {
    host = text.substr(0, colon);
    digits = text.substr(colon + 1);
  }
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos) {
    return complain("has an IPv6 address without brackets: " + in_quotes(text),
                    "such as \"[::1]:9000\"");
  }
  if (digits) {
    const auto port = parse_decimal(*digits);
    if (!port || *port == 0 || *port > 65535 || digits->size() > 5) {
      return complain("has a port that is not 1 to 65535: " + in_quotes(*digits));
    }
    upstream.port = static_cast<std::uint16_t>(*port);
  } else if (default_port) {
    upstream.port = *default_port;
  } else {
    return complain("has no port: " + in_quotes(text), "\"unix:/path\" or \"HOST:PORT\"");
  }
  return with_host(std::move(upstream), host, bracketed);
}

// The path in front of the paths of requests, which goes to the upstream as it is: RFC 3986 section
// 3.3.
Read<std::string> parse_base(std::string_view text) {
  while (text.ends_with('/')) text.remove_suffix(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool fits = is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
                      std::string_view("/-._~!$&'()*+,;=:@").find(c) != std::string_view::npos;
    const bool is_encoded = c == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
                            hex_value(text[i + 2]) >= 0;
    if (fits || is_encoded) continue;
    return complain("has a character that a path cannot have: " + in_quotes(text.substr(i, 1)),
                    "percent-encode it");
  }
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    if (rest.substr(0, end) == "." || rest.substr(0, end) == "..") {
      return complain("has a segment `.` or `..` in its path: " + in_quotes(text));
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return std::string(text);
}

// What follows "http://unix:".
Read<Upstream> with_http_socket(Upstream upstream, std::string_view text) {
  if (!text.starts_with('/')) {
    return complain("must name an absolute path after `unix:`", "\"http://unix:/run/app.sock\"");
  }
  const std::size_t end = std::min(text.find(":/"), text.size());
  Read<std::string> path = parse_socket_path(text.substr(0, end), "/");
  if (!path) return Unexpected(std::move(path).error());
  Read<std::string> base = parse_base(text.substr(std::min(end + 1, text.size())));
  if (!base) return Unexpected(std::move(base).error());
  upstream.kind = Upstream::Kind::unix_socket;
  upstream.path = *std::move(path);
  upstream.base = *std::move(base);
  return upstream;
}

// Why an upstream of HTTP cannot begin as this one does.
std::optional<Complaint> scheme_complaint(std::string_view text) {
  const std::size_t end = text.find("://");
  if (end == std::string_view::npos) {
    return Complaint{"has no scheme: " + in_quotes(text),
                     text.starts_with('/') ? kHttpForms : "\"http://" + std::string(text) + "\""};
  }
  const std::string scheme = to_lower(text.substr(0, end));
  if (scheme == "http") return std::nullopt;
  if (scheme == "https" || scheme == "wss") {
    return Complaint{"is " + in_quotes(text) + ", but TLS to upstreams is not supported",
                     "http:// to a server on this machine or in a network that you trust"};
  }
  Complaint complaint{"must begin with `http://`, not " + in_quotes(text.substr(0, end + 3)),
                      kHttpForms};
  if (scheme == "ws") complaint.hint = "WebSockets begin as requests of HTTP";
  if (scheme == "fastcgi" || scheme == "scgi") {
    complaint.hint = "there is a handler \"" + scheme + "\"";
  }
  return complaint;
}

}  // namespace

Read<Upstream> parse_http_upstream(std::string_view text) {
  if (auto complaint = text_complaint(text)) return Unexpected(*std::move(complaint));
  if (auto complaint = scheme_complaint(text)) return Unexpected(*std::move(complaint));
  if (text.find_first_of("?#") != std::string_view::npos) {
    return complain("has a query or fragment, which only requests have",
                    "leave out the `?` or `#` and what follows it");
  }
  Upstream upstream;
  upstream.text = text;
  const std::string_view rest = text.substr(text.find("://") + 3);
  if (rest.starts_with("unix:")) return with_http_socket(std::move(upstream), rest.substr(5));
  const std::size_t end = std::min(rest.find('/'), rest.size());
  Read<std::string> base = parse_base(rest.substr(end));
  if (!base) return Unexpected(std::move(base).error());
  upstream.base = *std::move(base);
  return with_authority(std::move(upstream), rest.substr(0, end), kHttpPort);
}

Read<Upstream> parse_script_upstream(std::string_view text, std::string_view scheme,
                                     const std::string& directory) {
  if (auto complaint = text_complaint(text)) return Unexpected(*std::move(complaint));
  const std::string front = std::string(scheme) + "://";
  const std::string forms = "\"unix:/path\" or \"HOST:PORT\"";
  std::string_view rest = text;
  if (rest.starts_with(front)) rest.remove_prefix(front.size());
  Upstream upstream;
  upstream.text = text;
  if (rest.starts_with("unix:")) {
    Read<std::string> path = parse_socket_path(rest.substr(5), directory);
    if (!path) return Unexpected(std::move(path).error());
    upstream.kind = Upstream::Kind::unix_socket;
    upstream.path = *std::move(path);
    return upstream;
  }
  if (rest.find("://") != std::string_view::npos) {
    return complain("is a URL of another protocol: " + in_quotes(text), forms);
  }
  if (rest.starts_with('/')) {
    return complain("is a path without `unix:` in front: " + in_quotes(text),
                    "\"unix:" + std::string(rest) + "\"");
  }
  if (rest.find_first_of("/?#") != std::string_view::npos) {
    return complain("has a path or query, which only requests have: " + in_quotes(text), forms);
  }
  return with_authority(std::move(upstream), rest, std::nullopt);
}

std::string format_upstream(const Upstream& upstream, std::string_view scheme) {
  const std::string front = scheme.empty() ? "" : std::string(scheme) + "://";
  if (upstream.kind == Upstream::Kind::unix_socket) {
    return front + "unix:" + upstream.path + (upstream.base.empty() ? "" : ":" + upstream.base);
  }
  const bool is_ipv6 = upstream.host.find(':') != std::string::npos;
  return front + (is_ipv6 ? "[" + upstream.host + "]" : upstream.host) + ":" +
         std::to_string(upstream.port) + upstream.base;
}

}  // namespace uvhttpd::config
