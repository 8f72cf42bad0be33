// SPDX-License-Identifier: MIT
#include "server/media_types.h"

#include "base/text.h"
#include "http/mime.h"

namespace uvhttpd {

std::string MediaTypes::of(std::string_view path, std::string_view unknown) const {
  const std::size_t name = path.rfind('/') + 1;  // npos + 1 is 0
  const std::size_t dot = path.rfind('.');
  std::string type(unknown);
  // ".profile" is a name without an extension.
  if (dot != std::string_view::npos && dot > name) {
    const std::string extension = to_lower(path.substr(dot));
    if (const auto own = config_.types.find(extension); own != config_.types.end()) {
      type = own->second;
    } else if (const std::string_view known = http::media_type_of(extension); !known.empty()) {
      type = known;
    }
  }
  if (!charset_.empty() && http::takes_charset(type)) type += "; charset=" + charset_;
  return type;
}

}  // namespace uvhttpd
