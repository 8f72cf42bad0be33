// SPDX-License-Identifier: MIT
// server/pipeline.h: what happens to every request before and after its handler, as two flat lists.
#pragma once

#include <cstdint>
#include <string_view>

#include "server/authenticator.h"

namespace uvhttpd {

class Exchange;
struct RouteRuntime;
class WorkerContext;

class Pipeline {
 public:
  // The head is read. Ends in a handler, or in an answer of the server's own.
  static void before(Exchange& exchange);
  // The exchange begins anew with `GET target` and the same site; false when that is no target.
  static bool redirect(Exchange& exchange, std::string_view target);
  // The exchange begins anew with another path, and is otherwise as it was.
  static void pass_on(Exchange& exchange, std::string_view path);
  // The response's head is about to be sent.
  static void after(Exchange& exchange);
  // The exchange is over. `responded`: a status was decided; else the client went before (499 in
  // the log).
  static void log(Exchange& exchange, WorkerContext& context, std::uint64_t body_bytes,
                  bool responded);

 private:
  static bool read_target(Exchange& exchange);
  static bool answer_for_server(Exchange& exchange);
  static bool find_site(Exchange& exchange);
  static bool redirect_to_https(Exchange& exchange);
  static bool is_challenge(const Exchange& exchange);
  static bool check_client_certificate(Exchange& exchange);
  static bool answer_preflight(Exchange& exchange);
  static void handle(Exchange& exchange);
  static bool find_route(Exchange& exchange);
  static bool leads_elsewhere(Exchange& exchange, const RouteRuntime& route);
  static const RouteRuntime* first_of_path(const Exchange& exchange);
  static bool find_route_instead(Exchange& exchange);
  static bool check_client(Exchange& exchange);
  static bool check_rate(Exchange& exchange);
  static bool authenticate(Exchange& exchange);
  static void on_authenticated(Exchange& exchange, std::string_view user,
                               Authenticator::Verdict verdict);
  static bool accept_user(Exchange& exchange, std::string_view user,
                          Authenticator::Verdict verdict);
  static void finish_handling(Exchange& exchange);
  static bool check_body(Exchange& exchange);
};

}  // namespace uvhttpd
