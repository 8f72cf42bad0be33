// SPDX-License-Identifier: MIT
// unit/handlers/scgi_request_test.cpp: the netstring in front of an SCGI request.
#include "handlers/wire/scgi_request.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace uvhttpd::wire {
namespace {

using namespace std::string_literals;

std::string head_of(const Variables& variables) {
  SendQueue queue;
  append_scgi_head(queue, variables);
  std::string bytes;
  std::vector<iovec> parts(8);
  const std::size_t count = queue.gather(parts, SIZE_MAX);
  for (std::size_t i = 0; i < count; ++i) {
    bytes.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  }
  return bytes;
}

}  // namespace

TEST_CASE("an SCGI head is a netstring that begins with CONTENT_LENGTH and SCGI") {
  struct Row {
    const char* name;
    Variables variables;
    std::string head;
  };
  const Row rows[] = {
      {"no body", {}, "24:CONTENT_LENGTH\0000\0SCGI\0001\0,"s},
      {"an empty length", {{"CONTENT_LENGTH", ""}}, "24:CONTENT_LENGTH\0000\0SCGI\0001\0,"s},
      {"a body",
       {{"REQUEST_METHOD", "POST"}, {"CONTENT_LENGTH", "27"}, {"REQUEST_URI", "/deepthought"}},
       "70:CONTENT_LENGTH\00027\0SCGI\0001\0REQUEST_METHOD\0POST\0REQUEST_URI\0/deepthought\0,"s},
      {"an empty value", {{"PATH_INFO", ""}}, "35:CONTENT_LENGTH\0000\0SCGI\0001\0PATH_INFO\0\0,"s},
      {"another SCGI", {{"SCGI", "2"}, {"A", "b"}}, "28:CONTENT_LENGTH\0000\0SCGI\0001\0A\0b\0,"s},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(head_of(row.variables) == row.head);
  }
}

}  // namespace uvhttpd::wire
