#!/bin/sh
# SPDX-License-Identifier: MIT
# The system calls that the compiler's headers know, as initialisers of {name, number}: the command
# line is the compiler's.
set -eu
printf '#include <sys/syscall.h>\n' | "$@" -x c++ -E -dM - |
  sed -n 's/^#define __NR_\([a-z0-9_]*\) .*/{"\1", __NR_\1},/p' |
  grep -v -e '"syscalls"' -e '"arch_specific_syscall"' | sort
