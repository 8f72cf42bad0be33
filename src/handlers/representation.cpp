// SPDX-License-Identifier: MIT
#include "handlers/representation.h"

namespace uvhttpd {
namespace {

constexpr std::size_t kOverhead = 512;  // of nodes, tables and strings, about

}  // namespace

void Representation::prepare() {
  prepared = http::encode_fields(fields);
  std::vector<http::ResponseField> rest;
  for (const http::ResponseField& field : fields) {
    if (!describes_content(field.name)) rest.push_back(field);
  }
  prepared_unchanged = http::encode_fields(rest);
}

std::size_t CachedFile::memory() const {
  std::size_t bytes = kOverhead;
  // What is described on demand counts from the beginning.
  const std::size_t described = kOverhead + identity().prepared.size() * 4;
  for (unsigned i = 0; i < http::kCodings; ++i) {
    const bool is_to_come = (makeable >> i & 1) != 0 && !representations[i];
    if (is_to_come) bytes += described;
  }
  for (const auto& representation : representations) {
    if (!representation) continue;
    bytes += kOverhead + representation->prepared.size() * 4;
    if (representation->content) bytes += representation->content->size();
  }
  return bytes;
}

}  // namespace uvhttpd
