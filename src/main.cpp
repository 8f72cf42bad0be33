// SPDX-License-Identifier: MIT
// main.cpp: where exceptions of libraries end.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "app/commands.h"

int main(int argc, char** argv) {
  // libuv would make rings for io_uring before the sandbox forbids them, and end the process when
  // they then do not work.
  ::setenv("UV_USE_IO_URING", "0", 1);
  try {
    return uvhttpd::run_command_line(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "uvhttpd: %s\n", error.what());
    return 1;
  }
}
