// SPDX-License-Identifier: MIT
// handlers/gateway_codec.h: what the gateways differ in: how a request is put to an upstream, and
// how its answer is read.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>

#include "handlers/http_codec.h"
#include "handlers/script_codec.h"

namespace uvhttpd {

// Both have the same functions, which GatewayRun calls in this order for each attempt:
//   start(upstream)                   anew, whatever became of the attempt before
//   encode_head, encode_body…, encode_body_end
//   next(received)                    events, until `end` or `fault`
//   input_ended()                     the upstream has closed; next() then says what that means
// After `interim` and `head`: fill() writes the answer's head. After `body`: body() is the front of
// what has come, take() takes from it; announced() octets more belong to it without anything in
// between, of which skip() tells when they have been received elsewhere.
using GatewayCodec = std::variant<HttpCodec, ScriptCodec>;

}  // namespace uvhttpd
