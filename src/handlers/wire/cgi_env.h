// SPDX-License-Identifier: MIT
// handlers/wire/cgi_env.h: the meta-variables of a request (RFC 3875 section 4.1), and the
// environment of a program.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"
#include "http/target.h"
#include "io/socket.h"
#include "io/tls_info.h"

namespace uvhttpd::wire {

using Variables = std::vector<std::pair<std::string, std::string>>;  // name, value

// A request as a gateway sees it. The program's two parts of the path together are target.path.
struct GatewayRequest {
  const http::RequestHead& head;
  const http::Target& target;
  const PeerAddress& client;
  const PeerAddress& server;
  std::string_view script_name;
  std::string_view path_info;
  std::string_view script_filename;         // absolute; empty: the program has no files
  std::string_view document_root;           // empty: none
  std::optional<std::uint64_t> body_bytes;  // absent: the request has no body
  bool pass_authorization = false;
  bool peer_is_trusted = false;                  // to say who asks
  std::span<const std::string> pass_names = {};  // of fields, though they are not fit
  std::string_view scheme = "http";  // as the client sees it; "https": HTTPS is "on", too
  std::string_view auth_type = {};   // "Basic" when we know who asks; empty: we do not
  std::string_view remote_user = {};
  // Of the client's connection, and of the certificate that it was asked for; absent: none. They
  // become SSL_… as Apache's mod_ssl names them.
  const TlsInfo* tls = nullptr;
  const TlsInfo* certificate = nullptr;
};

// Whether a variable can stand for the field: letters, digits and hyphens. "X_A" and "X-A" would be
// the same to the program, so a client could pass the one off as the other.
bool is_fit_name(std::string_view field_name);
// Whether it is among `names`, in whatever case.
bool is_passed_name(std::string_view field_name, std::span<const std::string> names);

// Each name once. Of the request's fields those whose names are fit, joined
// when repeated. Never: Proxy (it would be HTTP_PROXY, which programs take for their own proxy),
// what concerns one connection only (RFC 9110 section 7.6.1), Authorization unless it is asked
// for, and of a peer that is not trusted what says who asks.
Variables meta_variables(const GatewayRequest& request);

// `meta` with what the operator says instead of, or besides it. Each name once; in `configured` the
// last of a name counts, and an empty value is one.
Variables merged(Variables meta, const Variables& configured);

// "NAME=value" of all. `configured` wins over meta-variables, and those over PATH and LANG, which
// are always there. In `configured` the last of a name counts.
std::vector<std::string> environment(const Variables& meta, const Variables& configured);

}  // namespace uvhttpd::wire
