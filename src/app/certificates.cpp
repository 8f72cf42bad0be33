// SPDX-License-Identifier: MIT
#include "app/certificates.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "server/password_file.h"
#include "server/tls_sites.h"

namespace uvhttpd {
namespace {

config::Diagnostic to_diagnostic(TlsFault fault, const config::Config& config) {
  using Severity = config::Diagnostic::Severity;
  config::Diagnostic diagnostic;
  const bool is_error =
      fault.kind == TlsFault::Kind::unusable || fault.kind == TlsFault::Kind::expired;
  diagnostic.severity = is_error ? Severity::error : Severity::warning;
  diagnostic.file = fault.file.empty() ? config.file : std::move(fault.file);
  diagnostic.message = std::move(fault.reason);
  return diagnostic;
}

std::vector<TlsFault> faults_of(const config::Config& config) {
  std::vector<TlsFault> faults;
  auto built = build_tls(config, std::make_shared<TlsTickets>(), faults);
  if (!built) std::move(built.error().begin(), built.error().end(), std::back_inserter(faults));
  return faults;
}

}  // namespace

std::vector<config::Diagnostic> check_certificates(const config::Config& config) {
  std::vector<config::Diagnostic> diagnostics;
  for (TlsFault& fault : faults_of(config)) {
    diagnostics.push_back(to_diagnostic(std::move(fault), config));
  }
  return diagnostics;
}

std::vector<config::Diagnostic> unusable_certificates(const config::Config& config) {
  std::vector<config::Diagnostic> diagnostics;
  for (TlsFault& fault : faults_of(config)) {
    if (fault.kind != TlsFault::Kind::unusable) continue;
    diagnostics.push_back(to_diagnostic(std::move(fault), config));
  }
  return diagnostics;
}

std::vector<config::Diagnostic> empty_password_files(const config::Config& config) {
  std::set<std::string> files;
  for (const config::Site& site : config.sites) {
    for (const config::Route& route : site.routes) {
      if (route.auth) files.insert(route.auth->users);
    }
  }
  std::vector<config::Diagnostic> warnings;
  for (const std::string& file : files) {
    const auto users = PasswordFile::open(file, TimePoint{});
    if (!users || !users->first_hash().empty()) continue;
    config::Diagnostic& warning = warnings.emplace_back();
    warning.severity = config::Diagnostic::Severity::warning;
    warning.file = file;
    warning.message = "no user in it: nobody is let in";
  }
  return warnings;
}

}  // namespace uvhttpd
