// SPDX-License-Identifier: MIT
// app/commands.h: the command line and what each of its commands does.
#pragma once

namespace uvhttpd {

// Exit status: 0 done; 1 a failure at run time; 2 a mistake in the command line or the
// configuration.
int run_command_line(int argc, char** argv);

}  // namespace uvhttpd
