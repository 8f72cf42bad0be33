// SPDX-License-Identifier: MIT
#include "app/deciding_key.h"

#include "app/field_origin.h"

namespace uvhttpd {
namespace {

std::string of_certificate(const RehearsedAnswer& answer) {
  const auto& tls = answer.site->tls;
  const std::string key = "client_ca" + in_line(tls ? tls->client_ca_line : 0);
  constexpr http::Status kMisdirected = 421;
  return key + (answer.status == kMisdirected ? ": the connection is another site's"
                                              : ": the client has no certificate");
}

// Who is in no network at all was wanted in one of `allow`.
std::string of_client(const RehearsedAnswer& answer, const config::KeyLines& lines) {
  const bool is_denied = answer.admission && answer.admission->network != nullptr;
  return is_denied ? "deny" + in_line(lines.deny) : "allow" + in_line(lines.allow);
}

}  // namespace

std::string deciding_key(const RehearsedAnswer& answer) {
  if (answer.site == nullptr) return "";
  const config::KeyLines& lines =
      answer.route != nullptr ? answer.route->key_lines : answer.site->key_lines;
  switch (answer.checkpoint) {
    case Checkpoint::https: return "redirect_https" + in_line(answer.site->redirect_https_line);
    case Checkpoint::certificate: return of_certificate(answer);
    case Checkpoint::preflight: return "cors";
    case Checkpoint::client: return of_client(answer, lines);
    case Checkpoint::rate: return "rate_limit" + in_line(lines.rate_limit);
    case Checkpoint::user: return "auth" + in_line(lines.auth);
    case Checkpoint::body: return "body_bytes" + in_line(lines.body_bytes);
    case Checkpoint::target:
    case Checkpoint::site:
    case Checkpoint::server:
    case Checkpoint::route:
    case Checkpoint::handler: break;
  }
  return "";
}

}  // namespace uvhttpd
