// SPDX-License-Identifier: MIT
// app/expectations.h: the [[expect]] tests of a configuration, put to the server that it makes.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "config/config.h"

namespace uvhttpd {

// What would keep a server from starting although its file is valid: an account that does not
// exist, a file of passwords that cannot be understood. Certificates are not looked at.
std::optional<config::Diagnostic> find_obstacle(std::shared_ptr<const config::Config> config);

// One error for each test that fails, at its place; nothing is run, opened or listened on that the
// server in force would notice.
std::vector<config::Diagnostic> run_expectations(std::shared_ptr<const config::Config> config);

}  // namespace uvhttpd
