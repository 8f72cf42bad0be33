// SPDX-License-Identifier: MIT
#include "handlers/wire/cgi_env.h"

#include <algorithm>

#include "base/text.h"
#include "handlers/wire/origin_fields.h"
#include "http/framing.h"

namespace uvhttpd::wire {
namespace {

using http::FieldName;

constexpr std::string_view kPath = "/usr/local/bin:/usr/bin:/bin";
constexpr std::string_view kFieldPrefix = "HTTP_";
constexpr std::string_view kHttps = "https";

bool is_withheld(FieldName name, bool pass_authorization) {
  switch (name) {
    case FieldName::authorization: return !pass_authorization;
    case FieldName::content_length:  // CONTENT_LENGTH and CONTENT_TYPE say it
    case FieldName::content_type:
    case FieldName::proxy:
    case FieldName::proxy_authorization:
    case FieldName::trailer: return true;
    default: return http::is_of_connection(name);
  }
}

// RFC 9110 section 7.6.1: what Connection names ends here. Host cannot be meant.
bool is_named_in_connection(const http::RequestHead& head, const http::Field& field) {
  return field.known != FieldName::host &&
         http::has_token(head.fields, FieldName::connection, field.name);
}

// "X-Some" becomes HTTP_X_SOME, and so does "X_Some", where it is passed on.
std::string variable_name(std::string_view field_name) {
  std::string name(kFieldPrefix);
  for (const char c : field_name) {
    const char lower = ascii_lower(c);
    if (lower >= 'a' && lower <= 'z') {
      name += static_cast<char>(lower - 'a' + 'A');
    } else {
      name += c >= '0' && c <= '9' ? c : '_';
    }
  }
  return name;
}

// RFC 3875 section 4.1.18.
void add_fields(const GatewayRequest& request, Variables& variables) {
  const auto first = static_cast<std::ptrdiff_t>(variables.size());
  // RFC 9112 section 3.2.2: a Host beside an absolute target is ignored.
  const std::string_view authority = request.target.authority;
  if (!authority.empty() || request.head.fields.has(FieldName::host)) {
    variables.emplace_back("HTTP_HOST", authority);
  }
  for (const http::Field& field : request.head.fields.all()) {
    if (field.known == FieldName::host) continue;
    if (!is_fit_name(field.name) && !is_passed_name(field.name, request.pass_names)) continue;
    if (is_withheld(field.known, request.pass_authorization)) continue;
    if (is_named_in_connection(request.head, field)) continue;
    if (!request.peer_is_trusted && says_who_asks(field.name)) continue;
    std::string name = variable_name(field.name);
    const auto same = std::find_if(variables.begin() + first, variables.end(),
                                   [&](const auto& variable) { return variable.first == name; });
    if (same == variables.end()) {
      variables.emplace_back(std::move(name), field.value);
    } else {
      // RFC 6265 section 5.4 for cookies, RFC 9110 section 5.3 for the rest.
      same->second += field.known == FieldName::cookie ? "; " : ", ";
      same->second += field.value;
    }
  }
}

// What the client calls us, else our address: IPv6 in brackets, as in a URI (RFC 3875
// section 4.1.14).
std::string server_name(const GatewayRequest& request) {
  if (!request.target.host.empty()) return std::string(request.target.host);
  if (request.server.kind == PeerAddress::Kind::unix_socket) return "localhost";
  const std::string address = request.server.text();
  return address.find(':') != std::string::npos ? "[" + address + "]" : address;
}

// A Unix socket has no port: what the client asked for stands in.
std::string server_port(const GatewayRequest& request) {
  if (request.server.kind != PeerAddress::Kind::unix_socket) {
    return std::to_string(request.server.port);
  }
  const auto authority = http::parse_authority(request.target.authority);
  if (authority && !authority->port.empty()) return std::string(authority->port);
  return request.scheme == kHttps ? "443" : "80";
}

std::string line_of(const Variables::value_type& variable) {
  std::string line = variable.first;
  return line.append("=").append(variable.second);
}

}  // namespace

bool is_passed_name(std::string_view field_name, std::span<const std::string> names) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return equals_ignoring_case(name, field_name);
  });
}

Variables meta_variables(const GatewayRequest& request) {
  const http::Target& target = request.target;
  Variables variables;
  variables.reserve(24 + request.head.fields.all().size());
  const auto add = [&variables](std::string_view name, std::string_view value) {
    variables.emplace_back(name, value);
  };
  add("GATEWAY_INTERFACE", "CGI/1.1");
  add("SERVER_SOFTWARE", "uvhttpd/" UVHTTPD_VERSION);
  add("SERVER_PROTOCOL", request.head.minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1");
  add("SERVER_NAME", server_name(request));
  add("SERVER_ADDR", request.server.text());
  add("SERVER_PORT", server_port(request));
  add("REQUEST_METHOD", request.head.method_text);
  add("REQUEST_SCHEME", request.scheme);
  if (request.scheme == kHttps) add("HTTPS", "on");
  if (request.tls != nullptr) {
    add("SSL_PROTOCOL", request.tls->version);
    add("SSL_CIPHER", request.tls->cipher);
    if (!request.tls->server_name.empty()) add("SSL_TLS_SNI", request.tls->server_name);
    add("SSL_CLIENT_VERIFY", request.certificate != nullptr ? "SUCCESS" : "NONE");
  }
  if (request.certificate != nullptr) {
    add("SSL_CLIENT_S_DN", request.certificate->client_subject);
    add("SSL_CLIENT_M_SERIAL", request.certificate->client_serial);
    add("SSL_CLIENT_FINGERPRINT", request.certificate->client_fingerprint);
  }
  std::string uri(target.raw_path);
  if (target.has_query) uri.append("?").append(target.query);
  add("REQUEST_URI", uri);
  add("QUERY_STRING", target.query);
  add("SCRIPT_NAME", request.script_name);
  // Not of RFC 3875, but nginx gives it to all programs.
  add("DOCUMENT_URI", std::string(request.script_name).append(request.path_info));
  if (!request.script_filename.empty()) add("SCRIPT_FILENAME", request.script_filename);
  if (!request.document_root.empty()) add("DOCUMENT_ROOT", request.document_root);
  add("PATH_INFO", request.path_info);
  const bool has_files = !request.script_filename.empty() && !request.document_root.empty();
  if (has_files && !request.path_info.empty()) {
    add("PATH_TRANSLATED", std::string(request.document_root).append(request.path_info));
  }
  const std::string client = request.client.text();
  add("REMOTE_ADDR", client);
  add("REMOTE_HOST", client);
  // 0: a proxy has told the address alone, or it came by a Unix socket.
  if (request.client.port != 0) add("REMOTE_PORT", std::to_string(request.client.port));
  if (!request.auth_type.empty()) add("AUTH_TYPE", request.auth_type);
  if (!request.remote_user.empty()) add("REMOTE_USER", request.remote_user);
  if (request.body_bytes) add("CONTENT_LENGTH", std::to_string(*request.body_bytes));
  if (const auto type = request.head.fields.value(FieldName::content_type))
    add("CONTENT_TYPE", *type);
  add("REDIRECT_STATUS", "200");  // php-cgi runs nothing without it
  add_fields(request, variables);
  return variables;
}

Variables merged(Variables meta, const Variables& configured) {
  for (const auto& [name, value] : configured) {
    const auto same = std::find_if(meta.begin(), meta.end(), [&name = name](const auto& variable) {
      return variable.first == name;
    });
    if (same == meta.end()) {
      meta.emplace_back(name, value);
    } else {
      same->second = value;
    }
  }
  return meta;
}

bool is_fit_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '-';
  });
}

std::vector<std::string> environment(const Variables& meta, const Variables& configured) {
  std::vector<std::string> result;
  result.reserve(meta.size() + configured.size() + 2);
  const auto has = [](const Variables& among, std::string_view name) {
    return std::any_of(among.begin(), among.end(),
                       [name](const auto& variable) { return variable.first == name; });
  };
  for (auto each = configured.begin(); each != configured.end(); ++each) {
    const bool comes_again = std::any_of(
        each + 1, configured.end(), [&](const auto& later) { return later.first == each->first; });
    if (!comes_again) result.push_back(line_of(*each));
  }
  for (const auto& variable : meta) {
    if (!has(configured, variable.first)) result.push_back(line_of(variable));
  }
  if (!has(configured, "PATH")) result.push_back("PATH=" + std::string(kPath));
  if (!has(configured, "LANG")) result.push_back("LANG=C");
  return result;
}

}  // namespace uvhttpd::wire
