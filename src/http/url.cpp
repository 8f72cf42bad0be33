// SPDX-License-Identifier: MIT
#include "http/url.h"

#include <algorithm>

#include "base/text.h"
#include "http/target.h"

namespace uvhttpd::http {
namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;

Unexpected<Error> bad(std::string_view text, std::string_view why) {
  return Unexpected(Error{"\"" + escape_for_log(text) + "\" " + std::string(why), 0});
}

bool breaks_a_line(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet <= 0x20 || octet == 0x7f;
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  if (std::any_of(text.begin(), text.end(), breaks_a_line)) {
    return bad(text, "is no URL: it has a space or a control character");
  }
  Url url;
  const std::size_t colon = text.find("://");
  const std::string scheme = to_lower(text.substr(0, colon == std::string_view::npos ? 0 : colon));
  if (scheme != "http" && scheme != "https") {
    return bad(text, "is no URL of the form http://HOST/PATH");
  }
  url.is_https = scheme == "https";
  std::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const std::optional<Authority> authority = parse_authority(rest.substr(0, end));
  if (!authority || authority->host.empty()) return bad(text, "has no valid host");
  url.authority = rest.substr(0, end);
  url.host = authority->host;
  url.port = url.is_https ? kHttpsPort : kHttpPort;
  if (!authority->port.empty()) {
    url.port = static_cast<std::uint16_t>(*parse_decimal(authority->port));
  }
  url.target = rest.substr(end);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  return url;
}

}  // namespace uvhttpd::http
