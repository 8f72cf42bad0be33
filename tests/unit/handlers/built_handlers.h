// SPDX-License-Identifier: MIT
// unit/handlers/built_handlers.h: the real handlers, behind a worker.
#pragma once

#include <string>
#include <string_view>

#include "handlers/cgi.h"
#include "handlers/proxy.h"
#include "handlers/redirect.h"
#include "handlers/respond.h"
#include "handlers/script_gateway.h"
#include "handlers/static_files.h"
#include "handlers/status.h"
#include "support/test_server.h"

namespace uvhttpd::tests {

inline Result<BuiltHandler> build_real(const config::Route& route, const HandlerContext& context) {
  if (std::holds_alternative<config::StaticHandler>(route.handler)) {
    return StaticFiles::build(route, context);
  }
  if (std::holds_alternative<config::CgiHandler>(route.handler)) return build_cgi(route, context);
  if (std::holds_alternative<config::RedirectHandler>(route.handler)) {
    return Redirect::build(route, context);
  }
  if (std::holds_alternative<config::StatusHandler>(route.handler)) {
    return build_status(route, context);
  }
  if (std::holds_alternative<config::ProxyHandler>(route.handler)) {
    return build_proxy(route, context);
  }
  if (std::holds_alternative<config::FastCgiHandler>(route.handler)) {
    return build_fastcgi(route, context);
  }
  if (std::holds_alternative<config::ScgiHandler>(route.handler)) {
    return build_scgi(route, context);
  }
  return Respond::build(route, context);
}

// The answer to one request on a connection of its own; waits for what is made off the loop.
inline Answer ask(TestServer& server, std::string_view target, std::string_view fields = "",
                  std::string_view method = "GET") {
  TestClient client(server, std::string(method) + " " + std::string(target) +
                                " HTTP/1.1\r\nHost: example.org\r\n" + std::string(fields) +
                                "\r\n");
  const bool to_head = method == "HEAD";
  server.wait_until([&] {
    client.pump();
    const std::vector<Answer> answers = answers_in(client.received(), to_head);
    return client.is_closed() || (!answers.empty() && answers.back().is_whole);
  });
  return answer_in(client.take(), to_head);
}

}  // namespace uvhttpd::tests
