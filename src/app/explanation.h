// SPDX-License-Identifier: MIT
// app/explanation.h: what `explain` says about an answer, for people and as JSON.
#pragma once

#include <string>

#include "app/listener_match.h"
#include "server/rehearsal.h"

namespace uvhttpd {

struct Explained {
  std::string method;
  std::string url;  // as typed
  const config::Config& config;
  ListenerMatch listeners;
  RehearsedAnswer answer;
};

std::string explain_as_text(const Explained& explained);
std::string explain_as_json(const Explained& explained);

}  // namespace uvhttpd
