// SPDX-License-Identifier: MIT
// main.cpp: where exceptions of libraries end.
#include <cstdio>
#include <exception>

#include "app/commands.h"

int main(int argc, char** argv) {
  try {
    return uvhttpd::run_command_line(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "uvhttpd: %s\n", error.what());
    return 1;
  }
}
