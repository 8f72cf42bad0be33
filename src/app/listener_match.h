// SPDX-License-Identifier: MIT
// app/listener_match.h: which listeners a request to a URL would come in on.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "http/url.h"

namespace uvhttpd {

// Addresses as the file has them. A host that is a name is taken to lead to this machine.
struct ListenerMatch {
  std::vector<std::string> certain;
  // Sockets of the file system, of the service manager and with a port that is chosen at the
  // start: the URL does not tell.
  std::vector<std::string> possible;
  std::string why_none;  // where none is certain: "no listener has port 81"
};
ListenerMatch match_listeners(const std::vector<config::Listener>& listeners, const http::Url& url);

}  // namespace uvhttpd
