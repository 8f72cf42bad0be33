// SPDX-License-Identifier: MIT
// support/in_child.h: what must not happen to the test itself, done in a process of its own.
#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace uvhttpd::tests {

struct ChildEnd {
  int status = -1;  // that `act` returned; -1 when a signal ended it
  int signal = 0;
};

// `act` returns an exit status from 0 to 255.
template <class Act>
ChildEnd in_child(Act&& act) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) ::_exit(act());
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  if (WIFSIGNALED(status)) return {-1, WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

}  // namespace uvhttpd::tests
