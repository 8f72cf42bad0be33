// SPDX-License-Identifier: MIT
// handlers/guarded_names.h: names of files that nobody meant to publish.
#pragma once

#include <string_view>

namespace uvhttpd {

// Whether one segment of a path is what an editor or a merge leaves beside a file: "name~",
// "#name#", "name.bak", ".orig", ".rej", ".save", ".swp", ".swo" and ".swn", in any case. Such a
// copy of a program would be sent as text.
bool is_backup_name(std::string_view name);

}  // namespace uvhttpd
