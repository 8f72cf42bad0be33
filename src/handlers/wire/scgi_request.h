// SPDX-License-Identifier: MIT
// handlers/wire/scgi_request.h: the head of a request to an SCGI program; the body follows it as it
// is.
#pragma once

#include "base/send_queue.h"
#include "handlers/wire/cgi_env.h"

namespace uvhttpd::wire {

// A netstring with CONTENT_LENGTH first ("0" where `variables` has none), SCGI second, and each
// other variable in its order. No name may come twice, and nothing hold a NUL.
void append_scgi_head(SendQueue& out, const Variables& variables);

}  // namespace uvhttpd::wire
