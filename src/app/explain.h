// SPDX-License-Identifier: MIT
// app/explain.h: the command `explain`: what would answer a request, with what, and why.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.h"

namespace uvhttpd {

struct ExplainOptions {
  std::vector<std::string> request;  // the URL, or a method and the URL
  std::vector<std::string> fields;   // "Name: value"
  std::string client = "127.0.0.1";  // the address that asks
  bool json = false;
};

// Prints to standard output and returns the exit status.
int explain(std::shared_ptr<const config::Config> config, const ExplainOptions& options);

}  // namespace uvhttpd
