// SPDX-License-Identifier: MIT
// app/field_origin.h: who wrote a field of an answer, in words.
#pragma once

#include <string>
#include <string_view>

#include "server/rehearsal.h"

namespace uvhttpd {

// "the server", "headers of [[site]] in line 3", "the handler static" and the like, for a field of
// the answer.
std::string field_origin(std::string_view name, std::string_view value,
                         const RehearsedAnswer& answer);

// " in line 3"; empty for what is in no file.
std::string in_line(std::size_t line);

}  // namespace uvhttpd
