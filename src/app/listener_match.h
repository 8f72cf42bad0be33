// SPDX-License-Identifier: MIT
// app/listener_match.h: which listeners a request to a URL would come in on.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "http/url.h"
#include "server/rehearsal.h"

namespace uvhttpd {

// Addresses as the file has them. A host that is a name is taken to lead to this machine.
struct ListenerMatch {
  std::vector<std::string> certain;
  // Sockets of the file system, of the service manager and with a port that is chosen at the
  // start: the URL does not tell.
  std::vector<std::string> possible;
  // That has the URL's address and port and speaks TLS to a URL without, or the other way round;
  // empty: none. One behind a proxy that ends TLS speaks as the proxy does.
  std::string other_way;
  std::string why_none;  // where none is certain: "no listener has port 81"
};
ListenerMatch match_listeners(const std::vector<config::Listener>& listeners, const http::Url& url);

// What the rehearsal answers when the request comes in as its URL says; the match is that of the
// URL. The error is also that nobody would answer, because the listener speaks no TLS.
Result<RehearsedAnswer> ask_through(const ListenerMatch& match, Rehearsal& rehearsal,
                                    RehearsedRequest request,
                                    Duration patience = Rehearsal::kPatience);

}  // namespace uvhttpd
