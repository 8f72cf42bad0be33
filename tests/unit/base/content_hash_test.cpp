// SPDX-License-Identifier: MIT
// unit/base/content_hash_test.cpp: contents are told apart, and the same everywhere.
#include "base/content_hash.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace uvhttpd::tests {
namespace {

TEST_CASE("content_hash is XXH3, so that machines agree") {
  CHECK(content_hash("") == 0x2d06800538d394c2ULL);
}

TEST_CASE("content_hash tells contents of one length apart, whichever octet differs") {
  const std::string content(1000, 'x');
  std::set<std::uint64_t> seen{content_hash(content)};
  for (std::size_t at = 0; at < content.size(); ++at) {
    std::string other = content;
    other[at] = 'y';
    CHECK(seen.insert(content_hash(other)).second);
  }
}

}  // namespace
}  // namespace uvhttpd::tests
