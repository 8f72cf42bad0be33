// SPDX-License-Identifier: MIT
// app/deciding_key.h: which key of the configuration had a request answered before its handler.
#pragma once

#include <string>

#include "server/rehearsal.h"

namespace uvhttpd {

// "redirect_https in line 5" and the like; empty: a handler answered, or no key did.
std::string deciding_key(const RehearsedAnswer& answer);

}  // namespace uvhttpd
