// SPDX-License-Identifier: MIT
#include "app/handler_table.h"

#include <variant>

#include "handlers/cgi.h"
#include "handlers/proxy.h"
#include "handlers/redirect.h"
#include "handlers/respond.h"
#include "handlers/script_gateway.h"
#include "handlers/static_files.h"
#include "handlers/status.h"

namespace uvhttpd {
namespace {

struct Row {
  bool (*takes)(const config::Handler& handler);
  BuildHandler build;
};

template <class Rules>
bool holds(const config::Handler& handler) {
  return std::holds_alternative<Rules>(handler);
}

constexpr Row kRows[] = {
    {holds<config::StaticHandler>, StaticFiles::build},
    {holds<config::CgiHandler>, build_cgi},
    {holds<config::FastCgiHandler>, build_fastcgi},
    {holds<config::ScgiHandler>, build_scgi},
    {holds<config::ProxyHandler>, build_proxy},
    {holds<config::RedirectHandler>, Redirect::build},
    {holds<config::RespondHandler>, Respond::build},
    {holds<config::StatusHandler>, build_status},
};

}  // namespace

Result<BuiltHandler> build_handler(const config::Route& route, const HandlerContext& context) {
  for (const Row& row : kRows) {
    if (row.takes(route.handler)) return row.build(route, context);
  }
  return Unexpected(Error{"no handler for the route " + route.path.text, 0});
}

}  // namespace uvhttpd
