// SPDX-License-Identifier: MIT
// hello_cgi.c: what the servers run under `cgi`. Linked statically it starts as fast as a program
// can, so that what is seen is what the server spends on running it.
#include <string.h>
#include <unistd.h>

int main(void) {
  static const char answer[] =
      "Content-Type: text/plain\r\nContent-Length: 13\r\n\r\nhello, world\n";
  return write(STDOUT_FILENO, answer, strlen(answer)) == (ssize_t)strlen(answer) ? 0 : 1;
}
