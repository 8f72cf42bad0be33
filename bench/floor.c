// SPDX-License-Identifier: MIT
// floor.c: what a request costs the kernel. It accepts, waits with epoll, receives, finds the
// blank line and sends a ready-made answer; a server can only add to that.
//
//   floor -p PORT [-f FILE] [-s] [-c] [-S "200 OK"]
//     -f  the body (none: an empty one)      -s  send it with sendfile, not from memory
//     -c  one request per connection         -S  status of every answer
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { kConnections = 16384, kEvents = 512, kReceiveBytes = 16384, kRepeatedBytes = 65536 };

// One connection, found by its descriptor.
typedef struct {
  size_t line_bytes;  // of the line not yet ended
  size_t owed;        // bytes of answers not yet sent
  size_t at;          // where in an answer the next of them stands
} Connection;

static Connection connections[kConnections];
static char head[512];
static size_t head_bytes, answer_bytes, copies;
static char* answers;  // `copies` answers in a row, so that pipelined ones leave together
static int file = -1;
static bool by_sendfile, closes;

static void die(const char* what) {
  perror(what);
  exit(1);
}

static void make_answer(const char* status, const char* path) {
  struct stat st = {0};
  if (path != NULL && ((file = open(path, O_RDONLY)) < 0 || fstat(file, &st) != 0)) die(path);
  const size_t body_bytes = (size_t)st.st_size;
  char length[64] = "";  // a 304 has none, and no body either
  if (strncmp(status, "304", 3) != 0)
    snprintf(length, sizeof length, "Content-Length: %zu\r\nContent-Type: text/html\r\n",
             body_bytes);
  head_bytes = (size_t)snprintf(
      head, sizeof head,
      "HTTP/1.1 %s\r\nServer: floor\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n%s"
      "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\nETag: \"floor\"\r\nConnection: %s\r\n\r\n",
      status, length, closes ? "close" : "keep-alive");
  answer_bytes = head_bytes + body_bytes;
  copies = answer_bytes < kRepeatedBytes ? kRepeatedBytes / answer_bytes : 1;
  answers = malloc(copies * answer_bytes);
  if (answers == NULL) die("malloc");
  memcpy(answers, head, head_bytes);
  for (size_t got = 0; got < body_bytes;) {
    const ssize_t n = read(file, answers + head_bytes + got, body_bytes - got);
    if (n <= 0) die(path);
    got += (size_t)n;
  }
  for (size_t i = 1; i < copies; i++) memcpy(answers + i * answer_bytes, answers, answer_bytes);
}

static size_t requests_in(Connection* c, const char* at, size_t bytes) {
  size_t found = 0;
  for (const char* end = at + bytes; at < end;) {
    const char* lf = memchr(at, '\n', (size_t)(end - at));
    if (lf == NULL) {
      c->line_bytes += (size_t)(end - at);
      break;
    }
    if (c->line_bytes + (size_t)(lf - at) <= 1) found++;  // nothing but the CR
    c->line_bytes = 0;
    at = lf + 1;
  }
  return found;
}

static ssize_t send_some(int fd, const Connection* c) {
  if (!by_sendfile) {
    const size_t ready = copies * answer_bytes - c->at;
    return send(fd, answers + c->at, c->owed < ready ? c->owed : ready, MSG_NOSIGNAL);
  }
  if (c->at < head_bytes)
    return send(fd, head + c->at, head_bytes - c->at, MSG_MORE | MSG_NOSIGNAL);
  off_t offset = (off_t)(c->at - head_bytes);
  return sendfile(fd, file, &offset, answer_bytes - c->at);
}

// False when the connection is over.
static bool send_owed(int fd, Connection* c) {
  while (c->owed > 0) {
    const ssize_t n = send_some(fd, c);
    if (n < 0) return errno == EAGAIN;
    c->owed -= (size_t)n;
    c->at = (c->at + (size_t)n) % answer_bytes;
    if (c->owed == 0 && closes) return false;
  }
  return true;
}

// False when the connection is over. Edge-triggered: goes on until there is nothing to read or
// no room to write.
static bool serve(int fd, Connection* c) {
  static char input[kReceiveBytes];
  while (send_owed(fd, c) && c->owed == 0) {
    const ssize_t n = recv(fd, input, sizeof input, 0);
    if (n <= 0) return n < 0 && errno == EAGAIN;
    c->owed += answer_bytes * requests_in(c, input, (size_t)n);
    if ((size_t)n < sizeof input) return send_owed(fd, c);
  }
  return c->owed > 0;
}

static void accept_all(int listener, int epoll) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    Connection* c = &connections[fd % kConnections];
    *c = (Connection){0};
    // A short connection is read, answered and closed before epoll ever hears of it.
    if (fd >= kConnections || (closes && !serve(fd, c))) {
      close(fd);
      continue;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
  }
}

static int listen_on(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((unsigned short)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // accepted sockets inherit it
  if (closes) setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof on);
  if (bind(fd, (struct sockaddr*)&address, sizeof address) != 0 || listen(fd, 4096) != 0)
    die("floor: listen");
  return fd;
}

int main(int argc, char** argv) {
  int port = 0;
  const char *path = NULL, *status = "200 OK";
  for (int option; (option = getopt(argc, argv, "p:f:S:sc")) != -1;) {
    if (option == 'p') port = atoi(optarg);
    else if (option == 'f') path = optarg;
    else if (option == 'S') status = optarg;
    else if (option == 's') by_sendfile = true;
    else if (option == 'c') closes = true;
    else return 2;
  }
  make_answer(status, path);
  by_sendfile = by_sendfile && file >= 0;
  signal(SIGPIPE, SIG_IGN);  // sendfile has no MSG_NOSIGNAL
  const int listener = listen_on(port), epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event events[kEvents] = {{.events = EPOLLIN, .data.fd = listener}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &events[0]) != 0) die("epoll_ctl");
  for (;;) {
    const int ready = epoll_wait(epoll, events, kEvents, -1);
    for (int i = 0; i < ready; i++) {
      const int fd = events[i].data.fd;
      if (fd == listener) accept_all(listener, epoll);
      else if (!serve(fd, &connections[fd]) || (events[i].events & EPOLLRDHUP)) close(fd);
    }
  }
}
