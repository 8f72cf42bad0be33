// SPDX-License-Identifier: MIT
#include "handlers/placeholders.h"

namespace uvhttpd {
namespace {

const Placeholder* find(std::string_view name, std::span<const Placeholder> placeholders) {
  for (const Placeholder& each : placeholders) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

}  // namespace

std::string fill_placeholders(std::string_view text, std::span<const Placeholder> placeholders,
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
    if (const Placeholder* known = find(name, placeholders)) {
      out.append(escape(known->value));
      text.remove_prefix(close + 1);
    } else {
      out.push_back('{');
      text.remove_prefix(1);
    }
  }
  return out;
}

std::string fill_placeholders(std::string_view text, const PlaceholderValues& values,
                              Escape escape) {
  const Placeholder placeholders[] = {{"path", values.path},
                                      {"query", values.query},
                                      {"host", values.host},
                                      {"scheme", values.scheme}};
  return fill_placeholders(text, placeholders, escape);
}

std::string fill_placeholders(std::string_view text, const ForwardedValues& values) {
  const Placeholder placeholders[] = {{"client", values.client},
                                      {"host", values.host},
                                      {"scheme", values.scheme},
                                      {"upstream", values.upstream},
                                      {"request_id", values.request_id},
                                      {"user", values.user},
                                      {"client_verify", values.client_verify},
                                      {"client_subject", values.client_subject},
                                      {"client_serial", values.client_serial},
                                      {"client_fingerprint", values.client_fingerprint}};
  return fill_placeholders(text, placeholders,
                           [](std::string_view value) { return std::string(value); });
}

}  // namespace uvhttpd
