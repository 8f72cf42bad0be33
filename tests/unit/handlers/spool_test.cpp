// SPDX-License-Identifier: MIT
// unit/handlers/spool_test.cpp: bodies kept until their length is known.
#include "handlers/spool.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <string>

namespace uvhttpd {

TEST_CASE("Spool gives back what it was given, small or large") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, std::size_t{65'536},
                                 std::size_t{65'537}, std::size_t{1'000'000}}) {
    CAPTURE(size);
    std::string body(size, 'x');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + i % 23);
    Spool spool("/tmp");
    for (std::size_t at = 0; at < size; at += 30'000) {
      REQUIRE(spool.append(std::string_view(body).substr(at, 30'000)).has_value());
    }
    CHECK(spool.bytes() == size);
    Result<UniqueFd> file = spool.take();
    REQUIRE(file.has_value());
    std::string read(size + 1, '\0');
    std::size_t filled = 0;
    for (ssize_t got = 0;
         (got = ::read(file->get(), read.data() + filled, read.size() - filled)) > 0;) {
      filled += static_cast<std::size_t>(got);
    }
    read.resize(filled);
    CHECK(read == body);
  }
}

TEST_CASE("Spool tells when the disk takes no more") {
  Spool spool("/no/such/directory");
  REQUIRE(spool.append(std::string(60'000, 'x')).has_value());
  const Result<void> result = spool.append(std::string(60'000, 'x'));
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().message.find("/no/such/directory") != std::string::npos);
}

}  // namespace uvhttpd
