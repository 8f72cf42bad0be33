// SPDX-License-Identifier: MIT
// http/field_name.h: the field names that the server itself acts on, as numbers.
#pragma once

#include <cstdint>
#include <string_view>

namespace uvhttpd::http {

enum class FieldName : std::uint8_t {
  other,
  accept,
  accept_encoding,
  access_control_request_headers,
  access_control_request_method,
  authorization,
  connection,
  content_encoding,
  content_length,
  content_type,
  cookie,
  date,
  expect,
  forwarded,
  host,
  if_match,
  if_modified_since,
  if_none_match,
  if_range,
  if_unmodified_since,
  keep_alive,
  location,
  max_forwards,
  origin,
  proxy,
  proxy_authorization,
  proxy_connection,
  range,
  referer,
  server,
  set_cookie,
  status,
  te,
  trailer,
  transfer_encoding,
  upgrade,
  user_agent,
  via,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_proto,
  x_real_ip,
  count_,
};
static_assert(static_cast<unsigned>(FieldName::count_) <= 64, "FieldList keeps a 64 bit mask");

// FieldName::other for a name the server does not act on. Case does not matter.
FieldName field_name(std::string_view name);

// Whether a field of that name concerns one connection only and is never passed on (RFC 9110
// section 7.6.1). Trailer is passed on with what it tells of.
bool is_of_connection(FieldName name);

}  // namespace uvhttpd::http
