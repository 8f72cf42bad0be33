// SPDX-License-Identifier: MIT
#include "app/published_files.h"

#include <string>
#include <utility>

#include "server/published_roots.h"

namespace uvhttpd {

std::vector<config::Diagnostic> published_files(const config::Config& config) {
  const std::pair<const std::string&, const char*> files[] = {
      {config.file, "the configuration"},
      {config.server.log, "the error log"},
      {config.access_log.path, "the access log"},
  };
  const PublishedRoots roots(config);
  std::vector<config::Diagnostic> warnings;
  for (const auto& [file, what] : files) {
    if (!file.starts_with('/')) continue;
    Result<void> checked = roots.check_is_unpublished(file, what);
    if (checked) continue;
    config::Diagnostic& warning = warnings.emplace_back();
    warning.severity = config::Diagnostic::Severity::warning;
    warning.file = config.file;
    warning.message = std::move(checked).error().message;
  }
  return warnings;
}

}  // namespace uvhttpd
