// SPDX-License-Identifier: MIT
#include "handlers/placeholders.h"

#include <optional>

namespace uvhttpd {
namespace {

std::optional<std::string_view> value_of(std::string_view name, const PlaceholderValues& values) {
  if (name == "path") return values.path;
  if (name == "query") return values.query;
  if (name == "host") return values.host;
  if (name == "scheme") return values.scheme;
  return std::nullopt;
}

}  // namespace

std::string fill_placeholders(std::string_view text, const PlaceholderValues& values,
                              Escape escape) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    out.append(text.substr(0, open));
    if (open == std::string_view::npos) break;
    text.remove_prefix(open);
    const std::size_t close = text.find('}');
    const std::string_view name =
        close == std::string_view::npos ? std::string_view() : text.substr(1, close - 1);
    if (const auto value = value_of(name, values)) {
      out.append(escape(*value));
      text.remove_prefix(close + 1);
    } else {
      out.push_back('{');
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace uvhttpd
