// SPDX-License-Identifier: MIT
// server/cors.h: cross-origin resource sharing: what browsers are told about other origins (Fetch
// standard, section "CORS protocol").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "server/response.h"

namespace uvhttpd {

struct Request;

// The rules of one route. Immutable once built.
class CorsRules {
 public:
  // `config` outlives the object. `methods` are what the route takes; empty: all.
  CorsRules(const config::Cors& config, const std::vector<std::string>& methods);

  // A browser asks before it sends a request that a form could not have sent.
  static bool is_preflight(const Request& request);
  // Fills in the answer to a preflight: 204, or 403 when the origin is none of ours.
  void answer_preflight(const Request& request, ResponseHead& head) const;
  // What an answer to the request says to scripts of other origins.
  void annotate(const Request& request, ResponseHead& head) const;

 private:
  // "*", the request's origin, or "" when it is absent or not allowed.
  std::string_view allowed_origin(const Request& request) const;
  bool takes(std::string_view origin) const;
  void add_origin(std::string_view origin, ResponseHead& head) const;

  const config::Cors& config_;
  bool is_open_ = false;  // to all origins
  std::string methods_;
  std::string headers_;
  std::string exposed_;
  std::string max_age_;
};

}  // namespace uvhttpd
