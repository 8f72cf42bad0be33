// SPDX-License-Identifier: MIT
#include "server/cors.h"

#include <algorithm>

#include "base/text.h"
#include "server/exchange.h"

namespace uvhttpd {
namespace {

std::string join(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& each : list) out += (out.empty() ? "" : ", ") + each;
  return out;
}

// "https://*.example.org" takes the subdomains of example.org, of that scheme and port.
bool takes_subdomain(std::string_view pattern, std::string_view origin) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return false;
  const std::string_view scheme = pattern.substr(0, star);
  const std::string_view parent = pattern.substr(star + 1);
  return origin.size() > scheme.size() + parent.size() && origin.starts_with(scheme) &&
         origin.ends_with(parent);
}

}  // namespace

CorsRules::CorsRules(const config::Cors& config, const std::vector<std::string>& methods)
    : config_(config),
      is_open_(config.origins.size() == 1 && config.origins.front() == "*"),
      methods_(join(config.methods.empty() ? methods : config.methods)),
      headers_(join(config.headers)),
      exposed_(join(config.expose)),
      max_age_(std::to_string(std::chrono::ceil<std::chrono::seconds>(config.max_age).count())) {
  if (methods_.empty()) methods_ = config.credentials ? "GET, HEAD, POST, PUT, PATCH, DELETE" : "*";
}

bool CorsRules::is_preflight(const Request& request) {
  return request.head.method == http::Method::options &&
         request.head.fields.has(http::FieldName::origin) &&
         request.head.fields.has(http::FieldName::access_control_request_method);
}

void CorsRules::answer_preflight(const Request& request, ResponseHead& head) const {
  head.add("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  const std::string_view origin = allowed_origin(request);
  head.status = origin.empty() ? 403 : 204;
  if (origin.empty()) {
    head.content_length = 0;
    return;
  }
  add_origin(origin, head);
  head.add("Access-Control-Allow-Methods", methods_);
  if (!headers_.empty()) head.add("Access-Control-Allow-Headers", headers_);
  head.add("Access-Control-Max-Age", max_age_);
}

void CorsRules::annotate(const Request& request, ResponseHead& head) const {
  // Whom to allow what is said by the configuration alone, whatever a program has written.
  for (const std::string_view name :
       {"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials",
        "Access-Control-Expose-Headers"}) {
    head.remove(name);
  }
  // Also when this request has no origin: a cache may have the next one's.
  if (!is_open_) head.add("Vary", "Origin");
  const std::string_view origin = allowed_origin(request);
  if (origin.empty()) return;
  add_origin(origin, head);
  if (!exposed_.empty()) head.add("Access-Control-Expose-Headers", exposed_);
}

std::string_view CorsRules::allowed_origin(const Request& request) const {
  if (is_open_) return "*";
  const auto origin = request.head.fields.value(http::FieldName::origin);
  return origin && takes(*origin) ? *origin : std::string_view();
}

bool CorsRules::takes(std::string_view origin) const {
  const std::string lower = to_lower(origin);
  return std::any_of(config_.origins.begin(), config_.origins.end(),
                     [&](const std::string& allowed) {
                       return allowed == lower || takes_subdomain(allowed, lower);
                     });
}

void CorsRules::add_origin(std::string_view origin, ResponseHead& head) const {
  head.add("Access-Control-Allow-Origin", origin);
  if (config_.credentials) head.add("Access-Control-Allow-Credentials", "true");
}

}  // namespace uvhttpd
