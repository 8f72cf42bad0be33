// SPDX-License-Identifier: MIT
// support/in_child.h: what must not happen to the test itself, done in a process of its own.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "base/unique_fd.h"

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

// To see what type an object has, it asks the kernel by a pipe whether there is memory, and takes
// an object for none where it gets no pipe.
#if defined(__has_feature)
#if __has_feature(undefined_behavior_sanitizer)
constexpr bool kSanitizerNeedsDescriptors = true;
#else
constexpr bool kSanitizerNeedsDescriptors = false;
#endif
#else
constexpr bool kSanitizerNeedsDescriptors = false;
#endif

// Of a process that may have few: none is free afterwards.
inline std::vector<UniqueFd> all_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = 64;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  std::vector<UniqueFd> all;
  for (;;) {
    UniqueFd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!next) return all;
    all.push_back(std::move(next));
  }
}

}  // namespace uvhttpd::tests
