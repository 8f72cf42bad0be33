// SPDX-License-Identifier: MIT
// server/allow.h: which methods may be used, as the field Allow says it (RFC 9110 section 10.2.1).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "server/exchange.h"

namespace uvhttpd {

// Of a route that takes all: those of RFC 9110 and RFC 5789 that get through.
constexpr std::string_view kAllMethods = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH";

// "GET, HEAD, OPTIONS": the methods, and OPTIONS in any case; kAllMethods if there are none. Lives
// as long as the arena.
std::string_view allow_value(const std::vector<std::string>& methods, Arena& arena);

// Answers OPTIONS. `allow` must live as long as the exchange.
void respond_with_allow(Exchange& exchange, std::string_view allow);

}  // namespace uvhttpd
