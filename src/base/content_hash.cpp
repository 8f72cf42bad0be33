// SPDX-License-Identifier: MIT
#include "base/content_hash.h"

#include <xxhash.h>

namespace uvhttpd {

std::uint64_t content_hash(std::string_view content) {
  return XXH3_64bits(content.data(), content.size());
}

}  // namespace uvhttpd
