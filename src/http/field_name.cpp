// SPDX-License-Identifier: MIT
#include "http/field_name.h"

#include "base/text.h"

namespace uvhttpd::http {
namespace {

struct Known {
  std::string_view name;  // lower case
  FieldName number;
};

constexpr Known kKnown[] = {
    {"te", FieldName::te},
    {"via", FieldName::via},
    {"date", FieldName::date},
    {"host", FieldName::host},
    {"proxy", FieldName::proxy},
    {"range", FieldName::range},
    {"accept", FieldName::accept},
    {"cookie", FieldName::cookie},
    {"expect", FieldName::expect},
    {"origin", FieldName::origin},
    {"server", FieldName::server},
    {"status", FieldName::status},
    {"referer", FieldName::referer},
    {"trailer", FieldName::trailer},
    {"upgrade", FieldName::upgrade},
    {"if-match", FieldName::if_match},
    {"if-range", FieldName::if_range},
    {"location", FieldName::location},
    {"forwarded", FieldName::forwarded},
    {"x-real-ip", FieldName::x_real_ip},
    {"connection", FieldName::connection},
    {"keep-alive", FieldName::keep_alive},
    {"user-agent", FieldName::user_agent},
    {"set-cookie", FieldName::set_cookie},
    {"content-type", FieldName::content_type},
    {"max-forwards", FieldName::max_forwards},
    {"authorization", FieldName::authorization},
    {"if-none-match", FieldName::if_none_match},
    {"content-length", FieldName::content_length},
    {"accept-encoding", FieldName::accept_encoding},
    {"x-forwarded-for", FieldName::x_forwarded_for},
    {"content-encoding", FieldName::content_encoding},
    {"proxy-connection", FieldName::proxy_connection},
    {"x-forwarded-host", FieldName::x_forwarded_host},
    {"if-modified-since", FieldName::if_modified_since},
    {"transfer-encoding", FieldName::transfer_encoding},
    {"x-forwarded-proto", FieldName::x_forwarded_proto},
    {"if-unmodified-since", FieldName::if_unmodified_since},
    {"proxy-authorization", FieldName::proxy_authorization},
    {"access-control-request-method", FieldName::access_control_request_method},
    {"access-control-request-headers", FieldName::access_control_request_headers},
};
constexpr std::size_t kLongest = 30;

// first_of_length[n]: where the names of n octets begin in kKnown, which is sorted by length.
struct Starts {
  std::uint8_t at[kLongest + 2];
};
constexpr Starts starts_by_length() {
  Starts starts{};
  std::size_t index = 0;
  for (std::size_t length = 0; length <= kLongest + 1; ++length) {
    while (index < std::size(kKnown) && kKnown[index].name.size() < length) ++index;
    starts.at[length] = static_cast<std::uint8_t>(index);
  }
  return starts;
}
constexpr Starts kStarts = starts_by_length();

}  // namespace

FieldName field_name(std::string_view name) {
  if (name.size() > kLongest) return FieldName::other;
  for (std::size_t i = kStarts.at[name.size()]; i < kStarts.at[name.size() + 1]; ++i) {
    if (equals_ignoring_case(kKnown[i].name, name)) return kKnown[i].number;
  }
  return FieldName::other;
}

bool is_of_connection(FieldName name) {
  switch (name) {
    case FieldName::connection:
    case FieldName::keep_alive:
    case FieldName::proxy_connection:
    case FieldName::te:
    case FieldName::transfer_encoding:
    case FieldName::upgrade: return true;
    default: return false;
  }
}

}  // namespace uvhttpd::http
