// SPDX-License-Identifier: MIT
// unit/handlers/served_files.h: a site on a directory of its own, for the tests of static files.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "unit/handlers/built_handlers.h"

namespace uvhttpd::tests {

constexpr std::int64_t kLongAgo = 1'700'000'000;  // Tue, 14 Nov 2023 22:13:20 GMT

struct Files {
  TempDir root;
  std::optional<TestServer> server;

  // `start` are whole tables of the file, `site_keys` lines of its [[site]].
  void serve(const std::string& start = "", const std::string& site_keys = "") {
    server.emplace(start + "[[site]]\nroot = \"" + root.path() + "\"\n" + site_keys + "\n", Fakes{},
                   build_real);
  }
  Answer get(std::string_view target, std::string_view fields = "") {
    return ask(*server, target, fields);
  }
  Answer head(std::string_view target, std::string_view fields = "") {
    return ask(*server, target, fields, "HEAD");
  }
  unsigned status(std::string_view target, std::string_view fields = "") {
    return get(target, fields).status;
  }
};

// Words, so that coding them pays; the same every time.
inline std::string text_of(std::size_t bytes) {
  std::string text;
  for (unsigned i = 0; text.size() < bytes; ++i) {
    text += "line " + std::to_string(i * 7919 % 1000) + " of a text that repeats itself a little\n";
  }
  text.resize(bytes);
  return text;
}

// Octets that no coder makes shorter.
inline std::string noise_of(std::size_t bytes) {
  std::string noise;
  std::uint64_t state = 88172645463325252;
  while (noise.size() < bytes) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    noise.push_back(static_cast<char>(state >> 24));
  }
  return noise;
}

}  // namespace uvhttpd::tests
