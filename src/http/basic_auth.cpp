// SPDX-License-Identifier: MIT
#include "http/basic_auth.h"

#include <algorithm>
#include <cstdint>

#include "base/text.h"

namespace uvhttpd::http {
namespace {

constexpr std::string_view kScheme = "Basic";

// 0 to 63, or -1.
int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (is_digit(c)) return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

// RFC 4648 section 4: padded, and with nothing in the bits that padding leaves over.
std::optional<Secret> decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  Secret octets(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_padding = i >= text.size() - padding;
    const int value = is_padding ? 0 : base64_value(text[i]);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if (i % 4 != 3) continue;
    char* at = octets.data() + i / 4 * 3;
    at[0] = static_cast<char>(bits >> 16 & 0xff);
    at[1] = static_cast<char>(bits >> 8 & 0xff);
    at[2] = static_cast<char>(bits & 0xff);
  }
  const std::string_view left_over = octets.view().substr(octets.size() - padding);
  if (left_over.find_first_not_of('\0') != std::string_view::npos) return std::nullopt;
  octets.shorten(octets.size() - padding);
  return octets;
}

}  // namespace

std::optional<BasicCredentials> parse_basic_credentials(std::string_view field_value) {
  const std::size_t space = std::min(field_value.find(' '), field_value.size());
  if (!equals_ignoring_case(field_value.substr(0, space), kScheme)) return std::nullopt;
  std::string_view token = field_value.substr(space);
  token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
  const std::optional<Secret> decoded = decode_base64(token);
  if (!decoded) return std::nullopt;
  const std::string_view both = decoded->view();
  const std::size_t colon = both.find(':');
  if (colon == std::string_view::npos || has_control(both)) return std::nullopt;
  return BasicCredentials{std::string(both.substr(0, colon)), Secret(both.substr(colon + 1))};
}

std::optional<BasicCredentials> basic_credentials(const FieldList& fields) {
  int count = 0;
  fields.for_each(FieldName::authorization, [&count](std::string_view) { ++count; });
  if (count != 1) return std::nullopt;
  return parse_basic_credentials(*fields.value(FieldName::authorization));
}

std::string basic_challenge(std::string_view realm) {
  std::string challenge = "Basic realm=\"";
  for (const char c : realm) {
    if (is_control(c)) continue;
    if (c == '"' || c == '\\') challenge += '\\';
    challenge += c;
  }
  return challenge + "\", charset=\"UTF-8\"";
}

}  // namespace uvhttpd::http
