// SPDX-License-Identifier: MIT
#include "app/certificates.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/tls_sites.h"

namespace uvhttpd {
namespace {

config::Diagnostic to_diagnostic(TlsFault fault, const config::Config& config) {
  using Severity = config::Diagnostic::Severity;
  config::Diagnostic diagnostic;
  diagnostic.severity =
      fault.kind == TlsFault::Kind::wrong_host ? Severity::warning : Severity::error;
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

}  // namespace uvhttpd
