// SPDX-License-Identifier: MIT
// server/site.h: sites and routes as one worker uses them: configuration plus handlers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "http/response_encoder.h"
#include "server/access_rules.h"
#include "server/cors.h"
#include "server/error_pages.h"
#include "server/handler.h"
#include "server/rate_limiter.h"

namespace uvhttpd {

class Authenticator;

// Fields of answers, or only of those about paths that the pattern takes.
struct HeaderLayer {
  const config::PathPattern* pattern = nullptr;  // absent: of all
  std::vector<http::ResponseField> fields;
};

struct RouteRuntime {
  const config::Route* config = nullptr;
  std::unique_ptr<Handler> handler;
  std::string handler_name;  // "static", for the log
  std::vector<std::string>
      methods;  // what is taken: the route's own, else the handler's; empty: all
  // The handler runs what the path names: a later static route must not show its source when this
  // one only refuses the method.
  bool executes = false;
  // The handler has other servers answer.
  bool asks_others = false;
  // The site's fields and the route's own, from the general to the particular: in an answer a later
  // one takes the place of an earlier one of its name.
  std::vector<HeaderLayer> headers;
  std::optional<CorsRules> cors;
  AccessRules access;
  std::shared_ptr<RateLimiter> rate_limiter;  // absent: requests are not counted
  Authenticator* authenticator = nullptr;     // the runtime's; absent: whoever asks is answered
  std::string challenge;                      // with it: WWW-Authenticate
  // None of all these is a field that the handler may write itself, so heads may be prepared.
  bool headers_are_additive = true;

  bool takes(std::string_view method) const;
};

struct SiteRuntime {
  const config::Site* config = nullptr;
  std::vector<RouteRuntime> routes;
  std::string name;                  // its first host, or "default"; for the log
  std::vector<HeaderLayer> headers;  // for answers without a route
  std::optional<CorsRules> cors;
  // Those of its routes have them already; for requests that no route takes.
  AccessRules access;
  std::shared_ptr<RateLimiter> rate_limiter;
  std::unique_ptr<ErrorPages> error_pages;
};

// Whether the pattern takes the path; `matched` becomes what its `*` stands for (Request::matched).
// With `path_info`, "*.ext" also takes a path that goes on behind a segment with that ending.
bool path_matches(const config::PathPattern& pattern, std::string_view path, bool path_info,
                  std::string_view& matched);

// What routing decides.
struct RouteChoice {
  const RouteRuntime* route = nullptr;  // absent: no route takes it
  std::string_view matched;
  // Without a route: the methods that the path's routes do take; empty: no route has the path.
  std::vector<std::string> allowed;
};
RouteChoice choose_route(const SiteRuntime& site, std::string_view path, std::string_view method);

// What became of one route while routing decided.
enum class RouteVerdict : std::uint8_t {
  not_asked,     // an earlier one had answered
  other_path,    // its pattern does not take the path
  other_method,  // it has the path but does not take the method
  shielded,      // it has the path, and so has a route of programs before it
  chosen,
};
// The same decision, and what it made of each of the site's routes, in their order.
RouteChoice choose_route(const SiteRuntime& site, std::string_view path, std::string_view method,
                         std::vector<RouteVerdict>& verdicts);

}  // namespace uvhttpd
