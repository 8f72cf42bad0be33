// SPDX-License-Identifier: MIT
#include "handlers/wire/rewrite.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "http/target.h"

namespace uvhttpd::wire {
namespace {

struct SplitUrl {
  std::string scheme;  // lower case
  std::string_view authority;
  std::string_view rest;  // path, query and fragment
};

// "http://host/rest" and "//host/rest", which has the scheme of the page; nullopt for all else.
std::optional<SplitUrl> split_url(std::string_view value, std::string_view page_scheme) {
  const std::size_t slashes = value.find("//");
  if (slashes == std::string_view::npos) return std::nullopt;
  const std::string_view scheme = value.substr(0, slashes);
  SplitUrl url{to_lower(scheme), {}, value.substr(slashes + 2)};
  if (scheme.empty()) {
    url.scheme = page_scheme;
  } else if (url.scheme == "http:" || url.scheme == "https:") {
    url.scheme.pop_back();
  } else {
    return std::nullopt;
  }
  // Browsers take a backslash for a slash: what follows one is no longer the authority.
  url.authority = url.rest.substr(0, url.rest.find_first_of("/?#\\"));
  url.rest.remove_prefix(url.authority.size());
  return url;
}

// In lower case and with its port; empty when there is none or it is malformed.
std::string whole_authority(std::string_view text, std::string_view scheme) {
  const auto authority = http::parse_authority(text);
  if (!authority) return {};
  std::string whole = to_lower(authority->host) + ":";
  if (!authority->port.empty()) return whole.append(authority->port);
  return whole.append(scheme == "https" ? "443" : "80");
}

bool is_upstream(const SplitUrl& url, const UpstreamView& view) {
  const std::string asked = whole_authority(url.authority, url.scheme);
  if (asked.empty()) return false;
  const auto& known = view.authorities;
  if (std::find(known.begin(), known.end(), asked) != known.end()) return true;
  return url.scheme == view.scheme && asked == whole_authority(view.authority, view.scheme);
}

// The path without the base; nullopt: it lies outside.
std::optional<std::string_view> without_base(std::string_view path, std::string_view base) {
  if (!path.starts_with(base)) return std::nullopt;
  path.remove_prefix(base.size());
  const bool is_whole = path.empty() || std::string_view("/?#\\").find(path[0]) != path.npos;
  return is_whole ? std::optional(path) : std::nullopt;
}

// `path` begins with "/", or is what of a URL follows its authority.
std::optional<std::string> path_of_ours(std::string_view path, const UpstreamView& view) {
  const std::optional<std::string_view> below = without_base(path, view.base);
  if (!below) return std::nullopt;
  std::string ours(view.prefix);
  if (!below->starts_with('/') && (ours.empty() || view.base.empty())) ours += '/';
  return ours.append(*below);
}

// A client takes what begins so for the name of another server.
bool names_server(std::string_view path) {
  return path.size() > 1 && (path[1] == '/' || path[1] == '\\');
}

std::string_view host_of(std::string_view authority) {
  return authority.substr(0, authority.rfind(':'));
}

bool is_upstream_host(std::string_view domain, const UpstreamView& view) {
  if (domain.starts_with('.')) domain.remove_prefix(1);
  return std::any_of(view.authorities.begin(), view.authorities.end(), [domain](const auto& each) {
    return equals_ignoring_case(host_of(each), domain);
  });
}

// Browsers take such a cookie with Path=/ and without a Domain, or not at all (RFC 6265bis section
// 4.1.3.2).
bool is_bound_to_host(std::string_view cookie) {
  constexpr std::string_view kPrefix = "__Host-";  // of __Host-Http-, too
  return equals_ignoring_case(trim_ows(cookie).substr(0, kPrefix.size()), kPrefix);
}

// A cookie for all of the base, or for more, is one for all that is ours: "/shop" and not "/shop/",
// which "/shop" itself would not match (RFC 6265 section 5.1.4).
std::optional<std::string> cookie_path_of_ours(std::string_view path, const UpstreamView& view) {
  std::string_view stem = path;
  if (stem.ends_with('/')) stem.remove_suffix(1);
  const bool is_around = view.base.starts_with(stem) &&
                         (view.base.size() == stem.size() || view.base[stem.size()] == '/');
  if (is_around) return std::string(view.prefix.empty() ? "/" : view.prefix);
  return path_of_ours(path, view);
}

}  // namespace

std::string rewrite_location(std::string_view value, const UpstreamView& view) {
  std::string_view path = value;
  if (const std::optional<SplitUrl> url = split_url(value, view.scheme)) {
    if (!is_upstream(*url, view)) return std::string(value);
    path = url->rest;
  } else if (!value.starts_with('/') || names_server(value)) {
    return std::string(value);
  }
  const std::optional<std::string> ours = path_of_ours(path, view);
  if (!ours) return std::string(value);
  if (!names_server(*ours)) return *ours;
  // As a path it would lead away from us: only a whole URL says what is meant.
  if (view.authority.empty()) return std::string(value);
  return std::string(view.scheme).append("://").append(view.authority).append(*ours);
}

std::string rewrite_cookie(std::string_view value, const UpstreamView& view) {
  if (is_bound_to_host(value)) return std::string(value);
  const std::size_t end = std::min(value.find(';'), value.size());
  std::string cookie(value.substr(0, end));
  std::string_view attributes = value.substr(end);
  while (!attributes.empty()) {
    // With the semicolon in front of it.
    const std::string_view whole = attributes.substr(0, attributes.find(';', 1));
    attributes.remove_prefix(whole.size());
    const std::size_t equals = std::min(whole.find('='), whole.size() - 1);
    const std::string_view name = trim_ows(whole.substr(1, std::max<std::size_t>(equals, 1) - 1));
    const std::string_view text = trim_ows(whole.substr(equals + 1));
    if (equals_ignoring_case(name, "Domain") && is_upstream_host(text, view)) continue;
    std::optional<std::string> path;
    if (equals_ignoring_case(name, "Path") && text.starts_with('/')) {
      path = cookie_path_of_ours(text, view);
    }
    if (path) {
      cookie.append(whole.substr(0, equals + 1)).append(*path);
    } else {
      cookie.append(whole);
    }
  }
  return cookie;
}

}  // namespace uvhttpd::wire
