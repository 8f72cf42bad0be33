// SPDX-License-Identifier: MIT
#include "server/allow.h"

#include <algorithm>

namespace uvhttpd {

std::string_view allow_value(const std::vector<std::string>& methods, Arena& arena) {
  constexpr std::string_view kOptions = "OPTIONS";
  if (methods.empty()) return kAllMethods;
  std::string list;
  for (const std::string& method : methods) list.append(list.empty() ? "" : ", ").append(method);
  const bool has_options = std::find(methods.begin(), methods.end(), kOptions) != methods.end();
  if (!has_options) list.append(", ").append(kOptions);
  return arena.copy(list);
}

void respond_with_allow(Exchange& exchange, std::string_view allow) {
  ResponseHead head(exchange.arena(), 204);
  head.add("Allow", allow);
  exchange.respond(head, nullptr);
}

}  // namespace uvhttpd
