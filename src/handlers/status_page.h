// SPDX-License-Identifier: MIT
// handlers/status_page.h: what the server is doing, as a page for people and as JSON for programs.
#pragma once

#include <string>

#include "handlers/server_status.h"

namespace uvhttpd {

// A complete HTML document in UTF-8, without scripts. With `refreshes` it asks the browser to fetch
// it again every few seconds. Links are relative references of a query only.
std::string render_status_html(const ServerStatus& status, bool refreshes);

// docs/configuration.md says what is in it.
std::string render_status_json(const ServerStatus& status);

}  // namespace uvhttpd
