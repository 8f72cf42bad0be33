// SPDX-License-Identifier: MIT
// app/handler_table.h: the list of all handlers. A new one is a row.
#pragma once

#include "server/runtime.h"

namespace uvhttpd {

// A BuildHandler.
Result<BuiltHandler> build_handler(const config::Route& route, const HandlerContext& context);

}  // namespace uvhttpd
