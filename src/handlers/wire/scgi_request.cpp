// SPDX-License-Identifier: MIT
#include "handlers/wire/scgi_request.h"

#include <string>
#include <string_view>

#include "base/assert.h"

namespace uvhttpd::wire {
namespace {

constexpr std::string_view kLength = "CONTENT_LENGTH";
constexpr std::string_view kVersion = "SCGI";

void append_header(std::string& headers, std::string_view name, std::string_view value) {
  ASSERT(name.find('\0') == std::string_view::npos && value.find('\0') == std::string_view::npos);
  headers.append(name).append(1, '\0').append(value).append(1, '\0');
}

}  // namespace

void append_scgi_head(SendQueue& out, const Variables& variables) {
  std::string_view length = "0";
  for (const auto& [name, value] : variables) {
    if (name == kLength && !value.empty()) length = value;
  }
  std::string headers;
  append_header(headers, kLength, length);
  append_header(headers, kVersion, "1");
  for (const auto& [name, value] : variables) {
    if (name != kLength && name != kVersion) append_header(headers, name, value);
  }
  out.append(std::to_string(headers.size()));
  out.append(":");
  out.append(headers);
  out.append(",");
}

}  // namespace uvhttpd::wire
