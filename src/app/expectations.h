// SPDX-License-Identifier: MIT
// app/expectations.h: the [[expect]] tests of a configuration, put to the server that it makes.
#pragma once

#include <memory>
#include <vector>

#include "config/config.h"

namespace uvhttpd {

// One error for each test that fails, at its place; nothing is run, opened or listened on that the
// server in force would notice.
std::vector<config::Diagnostic> run_expectations(std::shared_ptr<const config::Config> config);

}  // namespace uvhttpd
