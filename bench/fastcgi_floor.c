// SPDX-License-Identifier: MIT
// fastcgi_floor.c: what stands behind the servers under `fastcgi`, as cheap as it can be. It reads
// records up to the end of a request's input and sends a ready-made answer, and keeps the
// connection if it is asked to.
//
//   fastcgi_floor -l PATH -f FILE
//     -l  the socket it listens on      -f  the body of every answer, of one record at most
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { kConnections = 16384, kEvents = 512, kReceiveBytes = 65536 };
enum { kVersion = 1, kBeginRequest = 1, kEndRequest = 3, kStdin = 5, kStdout = 6 };
enum { kHeaderBytes = 8, kRecordBytes = 65535, kFlagsAt = 2, kKeepConnection = 1 };

// One connection, found by its descriptor.
typedef struct {
  uint8_t header[kHeaderBytes];  // of the record that is being read
  size_t header_bytes;           // those that are there
  size_t content_at, content_bytes, padding_bytes;
  bool keeps;  // of the last request
} Connection;

static Connection connections[kConnections];
// The answer: its output, the end of the output, the end of the request.
static uint8_t answer[kHeaderBytes + kRecordBytes + kHeaderBytes + 2 * kHeaderBytes];
static size_t answer_bytes, ends_at;

static void die(const char* what) {
  perror(what);
  exit(1);
}

static uint8_t* put_header(uint8_t* at, uint8_t type, size_t content_bytes) {
  const uint8_t header[kHeaderBytes] = {
      kVersion, type, 0, 0, (uint8_t)(content_bytes >> 8), (uint8_t)content_bytes, 0, 0};
  memcpy(at, header, sizeof header);
  return at + sizeof header;
}

static void make_answer(const char* path) {
  FILE* file = fopen(path, "rb");
  struct stat st;
  if (file == NULL || fstat(fileno(file), &st) != 0) die(path);
  char* content = (char*)answer + kHeaderBytes;
  const int head_bytes =
      snprintf(content, kRecordBytes, "Content-Type: text/html\r\nContent-Length: %lld\r\n\r\n",
               (long long)st.st_size);
  const size_t body_bytes = (size_t)st.st_size;
  if ((size_t)head_bytes + body_bytes > kRecordBytes) {
    fprintf(stderr, "fastcgi_floor: %s is longer than a record\n", path);
    exit(1);
  }
  if (fread(content + head_bytes, 1, body_bytes, file) != body_bytes) die(path);
  fclose(file);
  ends_at = kHeaderBytes + (size_t)head_bytes + body_bytes;
  put_header(answer, kStdout, (size_t)head_bytes + body_bytes);
  uint8_t* at = put_header(answer + ends_at, kStdout, 0);
  at = put_header(at, kEndRequest, kHeaderBytes) + kHeaderBytes;  // status 0, request complete
  answer_bytes = (size_t)(at - answer);
}

// False when the connection is over. A client that does not take what fits no buffer is given up.
static bool send_answer(int fd, const Connection* c) {
  uint8_t* const headers[] = {answer, answer + ends_at, answer + ends_at + kHeaderBytes};
  for (size_t i = 0; i < 3; i++) memcpy(headers[i] + 2, c->header + 2, 2);  // whose answer it is
  return send(fd, answer, answer_bytes, MSG_NOSIGNAL) == (ssize_t)answer_bytes && c->keeps;
}

// A byte of a record, or as many as need no look. Returns how many it took.
static size_t take(Connection* c, const uint8_t* at, size_t bytes) {
  if (c->header_bytes < kHeaderBytes) {
    c->header[c->header_bytes++] = *at;
    if (c->header_bytes == kHeaderBytes) {
      c->content_at = 0;
      c->content_bytes = (size_t)(c->header[4] << 8 | c->header[5]);
      c->padding_bytes = c->header[6];
    }
    return 1;
  }
  if (c->header[1] == kBeginRequest && c->content_at <= kFlagsAt) {
    if (c->content_at == kFlagsAt) c->keeps = (*at & kKeepConnection) != 0;
    c->content_at++;
    return 1;
  }
  const size_t left = c->content_bytes + c->padding_bytes - c->content_at;
  const size_t taken = bytes < left ? bytes : left;
  c->content_at += taken;
  return taken;
}

// False when the connection is over. Edge-triggered: reads until there is nothing.
static bool serve(int fd, Connection* c) {
  static uint8_t input[kReceiveBytes];
  for (;;) {
    const ssize_t n = recv(fd, input, sizeof input, 0);
    if (n <= 0) return n < 0 && errno == EAGAIN;
    for (size_t at = 0; at < (size_t)n;) {
      at += take(c, input + at, (size_t)n - at);
      if (c->header_bytes < kHeaderBytes || c->content_at < c->content_bytes + c->padding_bytes)
        continue;
      c->header_bytes = 0;
      if (c->header[1] == kStdin && c->content_bytes == 0 && !send_answer(fd, c)) return false;
    }
    if ((size_t)n < sizeof input) return true;
  }
}

static int listen_on(const char* path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    fprintf(stderr, "fastcgi_floor: %s is too long\n", path);
    exit(1);
  }
  strcpy(address.sun_path, path);
  if (bind(fd, (struct sockaddr*)&address, sizeof address) != 0 || chmod(path, 0666) != 0 ||
      listen(fd, 4096) != 0)
    die("fastcgi_floor: listen");
  return fd;
}

int main(int argc, char** argv) {
  const char *socket_path = NULL, *body_path = NULL;
  for (int option; (option = getopt(argc, argv, "l:f:")) != -1;) {
    if (option == 'l') socket_path = optarg;
    else if (option == 'f') body_path = optarg;
    else return 2;
  }
  if (socket_path == NULL || body_path == NULL) return 2;
  make_answer(body_path);
  const int listener = listen_on(socket_path), epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event events[kEvents] = {{.events = EPOLLIN, .data.fd = listener}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &events[0]) != 0) die("epoll_ctl");
  for (;;) {
    const int ready = epoll_wait(epoll, events, kEvents, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd != listener) {
        if (!serve(fd, &connections[fd]) || (events[i].events & EPOLLRDHUP)) close(fd);
        continue;
      }
      while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = fd};
        if (fd >= kConnections || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
          close(fd);
          continue;
        }
        connections[fd] = (Connection){0};
      }
    }
  }
}
