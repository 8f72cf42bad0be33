// SPDX-License-Identifier: MIT
// app/daemon.h: the life of the running server: start, readiness, signals, reload, drain.
#pragma once

#include <memory>

#include "config/config.h"

namespace uvhttpd {

// Serves until a signal ends it. Returns the exit status: 0; 1 when it could not start; 2 when a
// test in the configuration fails.
int run_daemon(std::shared_ptr<const config::Config> config);

}  // namespace uvhttpd
