// SPDX-License-Identifier: MIT
#include "http/method.h"

#include <algorithm>
#include <iterator>

namespace uvhttpd::http {
namespace {

// Registered beyond RFC 9110, as far as the parser takes them; and those of caches and of UPnP,
// which are not, but which applications behind gateways are asked with.
constexpr std::string_view kRegistered[] = {
    "ACL",      "BIND",      "CHECKOUT",   "COPY",       "LINK",   "LOCK",
    "M-SEARCH", "MERGE",     "MKACTIVITY", "MKCALENDAR", "MKCOL",  "MOVE",
    "NOTIFY",   "PROPFIND",  "PROPPATCH",  "PURGE",      "REBIND", "REPORT",
    "SEARCH",   "SUBSCRIBE", "UNBIND",     "UNLINK",     "UNLOCK", "UNSUBSCRIBE",
};

}  // namespace

Method method_of(std::string_view text) {
  switch (text.size()) {
    case 3:
      if (text == "GET") return Method::get;
      if (text == "PUT") return Method::put;
      break;
    case 4:
      if (text == "HEAD") return Method::head;
      if (text == "POST") return Method::post;
      break;
    case 5:
      if (text == "PATCH") return Method::patch;
      if (text == "TRACE") return Method::trace;
      break;
    case 6:
      if (text == "DELETE") return Method::delete_;
      break;
    case 7:
      if (text == "OPTIONS") return Method::options;
      if (text == "CONNECT") return Method::connect;
      break;
    default: break;
  }
  const bool registered =
      std::find(std::begin(kRegistered), std::end(kRegistered), text) != std::end(kRegistered);
  return registered ? Method::registered : Method::other;
}

}  // namespace uvhttpd::http
