// SPDX-License-Identifier: MIT
#include "handlers/http_codec.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"
#include "handlers/placeholders.h"
#include "handlers/upstream_connection.h"
#include "handlers/wire/cgi_env.h"
#include "handlers/wire/origin_fields.h"
#include "handlers/wire/rewrite.h"
#include "http/forwarded.h"
#include "http/framing.h"

namespace uvhttpd {
namespace {

using http::FieldName;

constexpr http::ResponseLimits kLimits{.head_bytes = UpstreamConnection::kMaxHeadBytes,
                                       .head_fields = 200};
// RFC 9110 section 7.6.3: the version is the one that the request came in.
constexpr std::array<std::string_view, 2> kVia{"1.0 uvhttpd", "1.1 uvhttpd"};

// What we say of it ourselves, with what a trusted peer has said.
constexpr std::array<std::string_view, 5> kOwnOrigin{
    "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-prefix", "x-forwarded-proto"};

// "/a/../b", "/a/%2e%2e%2fb": which resource that is depends on who reads it, however many times
// the upstream decodes it and whatever it takes for a slash.
bool has_dot_segments(std::string_view raw_path, Arena& arena) {
  const bool may_have = raw_path.find("/.") != std::string_view::npos ||
                        std::any_of(raw_path.begin(), raw_path.end(), [](char octet) {
                          return octet == '%' || octet == '\\' || octet == ';';
                        });
  if (!may_have) return false;
  struct Spelling {
    std::string_view code;
    char sign;
  };
  constexpr std::array<Spelling, 5> kSpellings{
      {{"%25", '%'}, {"%2e", '.'}, {"%2f", '/'}, {"%5c", '/'}, {"\\", '/'}}};
  std::string text;
  for (const char octet : to_lower(raw_path)) {
    text += octet;
    for (const Spelling& spelling : kSpellings) {
      if (!text.ends_with(spelling.code)) continue;
      text.resize(text.size() - spelling.code.size());
      text += spelling.sign;
    }
  }
  // Parameters are cut off first by some: "/..;a/" is "/../" to them.
  text += '/';
  const std::string_view segments = http::without_parameters(text, arena);
  return segments.find("/./") != segments.npos || segments.find("/../") != segments.npos;
}

// RFC 9110 section 6.5.1: what a recipient must know before the body, and what it would believe.
bool is_unfit_for_trailers(std::string_view name) {
  constexpr std::array<std::string_view, 25> kNames{"age",
                                                    "authorization",
                                                    "cache-control",
                                                    "connection",
                                                    "cookie",
                                                    "date",
                                                    "expect",
                                                    "expires",
                                                    "forwarded",
                                                    "host",
                                                    "location",
                                                    "max-forwards",
                                                    "pragma",
                                                    "proxy-authenticate",
                                                    "proxy",
                                                    "proxy-authorization",
                                                    "range",
                                                    "retry-after",
                                                    "set-cookie",
                                                    "te",
                                                    "trailer",
                                                    "transfer-encoding",
                                                    "upgrade",
                                                    "vary",
                                                    "www-authenticate"};
  const auto begins_with = [name](std::string_view prefix) {
    return equals_ignoring_case(name.substr(0, prefix.size()), prefix);
  };
  return begins_with("content-") || begins_with("if-") || begins_with("access-control-") ||
         std::any_of(kNames.begin(), kNames.end(),
                     [name](std::string_view unfit) { return equals_ignoring_case(name, unfit); });
}

// Calls use(field) for those of a trailer section, checked before, that may stand in one.
template <class Fn>
void for_each_trailer(std::string_view lines, Fn&& use) {
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim_ows(line.substr(colon + 1));
    if (!is_unfit_for_trailers(name)) use(http::Field{http::field_name(name), name, value});
    lines.remove_prefix(end + 2);
  }
}

// The path is the prefix, which ends in no slash, or begins with it and a slash.
bool is_below(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

void append_field(SendQueue& out, std::string_view name, std::string_view value) {
  out.append(name, ": ", value, "\r\n");
}

// How often the request may still be passed on; nullopt: this is no field that says so.
std::optional<std::uint64_t> forwards_left(const Request& request, const http::Field& field) {
  const bool counts =
      field.known == FieldName::max_forwards && request.head.method == http::Method::options;
  return counts ? parse_decimal(field.value) : std::nullopt;
}

std::string_view without_slash(std::string_view prefix) {
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  return prefix;
}

}  // namespace

bool ends_here(const Request& request) {
  const std::span<const http::Field> fields = request.head.fields.all();
  return std::any_of(fields.begin(), fields.end(), [&request](const http::Field& field) {
    return forwards_left(request, field) == 0;
  });
}

bool asks_for_websocket(const Request& request) {
  const http::RequestHead& head = request.head;
  return head.method == http::Method::get && head.minor_version >= 1 && !request.has_body() &&
         http::has_token(head.fields, FieldName::connection, "upgrade") &&
         http::has_token(head.fields, FieldName::upgrade, "websocket");
}

HttpCodec::Settings::Settings(const config::ProxyHandler& handler)
    : rules(handler), prefix(without_slash(handler.strip_prefix)) {
  for (const auto& [name, value] : handler.set_headers) set_names.push_back(wire::folded(name));
}

HttpCodec::HttpCodec(const Settings& settings, Exchange& exchange)
    : settings_(&settings), exchange_(&exchange), parser_(kLimits) {}

void HttpCodec::start(const config::Upstream& upstream) {
  upstream_ = &upstream;
  fault_ = {};
  has_ended_ = false;
  is_upgrade_ = settings_->rules.websocket && asks_for_websocket(exchange_->request());
  parser_.start(exchange_->request().head.method);
}

// ---- The request.

void HttpCodec::encode_head(SendQueue& out, const GatewayBody& body) {
  const Request& request = exchange_->request();
  out.append(request.head.method_text, " ");
  encode_target(out);
  out.append(" HTTP/1.1\r\n");
  encode_host(out);
  is_chunked_ = body.kind == GatewayBody::Kind::chunked;
  encode_fields(out);
  encode_origin(out);
  encode_own_fields(out);
  if (is_chunked_) out.append("Transfer-Encoding: chunked\r\n");
  if (body.kind == GatewayBody::Kind::length) {
    append_field(out, "Content-Length", std::to_string(body.length));
  }
  // RFC 9110 section 10.1.1: it is the upstream that knows whether it wants the body.
  asks_for_continue_ = request.framing.expect_continue && !settings_->rules.pool.buffer_body;
  if (asks_for_continue_) out.append("Expect: 100-continue\r\n");
  out.append(is_upgrade_ ? "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" : "\r\n");
}

// As the client wrote it, unless something is taken off or put in front, or the upstream could find
// another resource there than the one whose route this is.
void HttpCodec::encode_target(SendQueue& out) {
  const http::Target& target = exchange_->request().target;
  const std::string& prefix = settings_->prefix;
  std::string_view path = target.raw_path;
  // What is not below the prefix, however it is spelled, is nothing that we know better.
  const bool says_it = is_below(path, prefix) || !is_below(target.path, prefix);
  const bool is_raw = says_it && !has_dot_segments(path, exchange_->arena());
  if (!is_raw) path = target.path;
  if (is_below(path, prefix)) path.remove_prefix(prefix.size());
  if (!is_raw) path = with_coded_semicolons(http::encode_path(path, exchange_->arena()));
  out.append(upstream_->base, path.starts_with('/') ? "" : "/", path);
  if (target.has_query) out.append("?", target.query);
}

// A ";" that no upstream takes for the beginning of parameters.
std::string_view HttpCodec::with_coded_semicolons(std::string_view path) {
  if (path.find(';') == std::string_view::npos) return path;
  std::string text(path);
  for (std::size_t at = text.find(';'); at != std::string::npos; at = text.find(';', at)) {
    text.replace(at, 1, "%3B");
  }
  return exchange_->arena().copy(text);
}

void HttpCodec::encode_host(SendQueue& out) {
  for (const auto& [name, value] : settings_->rules.set_headers) {
    if (!equals_ignoring_case(name, "host")) continue;
    // HTTP/1.1 has no request without one.
    const std::string host = expand(value, authority_of(*upstream_));
    return append_field(out, "Host", host.empty() ? authority_of(*upstream_) : host);
  }
  const std::string_view authority = exchange_->request().target.authority;
  if (!authority.empty()) return append_field(out, "Host", authority);
  append_field(out, "Host", authority_of(*upstream_));
}

// By `set_headers`, to whatever.
bool HttpCodec::is_set(std::string_view name) const {
  const std::vector<std::string>& names = settings_->set_names;
  return std::any_of(names.begin(), names.end(),
                     [name](std::string_view each) { return equals_ignoring_case(each, name); });
}

bool HttpCodec::is_dropped(const http::Field& field) const {
  switch (field.known) {
    case FieldName::host:
    case FieldName::content_length:
    case FieldName::expect:
    case FieldName::proxy:
    case FieldName::proxy_authorization: return true;
    default: break;
  }
  if (http::is_of_connection(field.known)) return true;
  const Request& request = exchange_->request();
  if (http::has_token(request.head.fields, FieldName::connection, field.name)) return true;
  const auto is_among = [&field](const auto& names) {
    return std::any_of(names.begin(), names.end(),
                       [&](std::string_view name) { return wire::folds_to(field.name, name); });
  };
  if (is_among(settings_->set_names) || is_among(kOwnOrigin)) return true;
  // The password was for us.
  if (field.known == FieldName::authorization && !request.user.empty()) return true;
  // Behind WSGI and its like "X_Real_IP" is "X-Real-IP", and "SCRIPT_NAME" the path.
  if (!wire::is_fit_name(field.name)) {
    if (!settings_->rules.underscores_in_headers) return true;
    const FieldName meant = http::field_name(wire::folded(field.name));
    if (http::is_of_connection(meant) || meant == FieldName::content_length ||
        meant == FieldName::host) {
      return true;
    }
  }
  return !request.peer_is_trusted && wire::says_who_asks(field.name);
}

void HttpCodec::encode_fields(SendQueue& out) {
  const Request& request = exchange_->request();
  const http::FieldList& fields = request.head.fields;
  for (const http::Field& field : fields.all()) {
    // A body that was collected has no trailers any more.
    if (field.known == FieldName::trailer && !is_chunked_) continue;
    if (is_dropped(field)) continue;
    const std::optional<std::uint64_t> left = forwards_left(request, field);
    if (left) {
      append_field(out, field.name, std::to_string(*left - 1));
    } else {
      append_field(out, field.name, field.value);
    }
  }
  if (!is_set("via")) append_field(out, "Via", kVia[request.head.minor_version >= 1 ? 1 : 0]);
  if (http::has_token(fields, FieldName::te, "trailers")) {
    out.append("TE: trailers\r\n");
    if (!is_upgrade_) out.append("Connection: TE\r\n");
  }
}

// What a trusted proxy has said in lines of that name, in one.
std::string_view HttpCodec::said_before(FieldName name) const {
  const Request& request = exchange_->request();
  if (!request.peer_is_trusted || !request.head.fields.has(name)) return {};
  std::string_view only;
  std::string list;
  request.head.fields.for_each(name, [&](std::string_view value) {
    if (value.empty()) return;
    if (!only.empty()) list.append(list.empty() ? only : "").append(", ").append(value);
    if (only.empty()) only = value;
  });
  return list.empty() ? only : exchange_->arena().copy(list);
}

// Who asks, and for what. What a trusted proxy has said of it goes before.
void HttpCodec::encode_origin(SendQueue& out) {
  const Request& request = exchange_->request();
  Arena& arena = exchange_->arena();
  const bool is_trusted = request.peer_is_trusted;
  const std::string peer = request.sender.text();
  const std::string_view authority = request.target.authority;

  const auto add = [&](std::string_view name, std::string_view value) {
    if (!is_set(name) && !value.empty()) append_field(out, name, value);
  };
  const auto add_to_list = [&](std::string_view name, std::string_view list,
                               std::string_view last) {
    if (!is_set(name)) out.append(name, ": ", list, list.empty() ? "" : ", ", last, "\r\n");
  };
  // A proxy that has used only one of the two has said in it who asks.
  const bool is_for_another = is_trusted && request.client != request.sender;
  std::string_view addresses = said_before(FieldName::x_forwarded_for);
  std::string_view elements = said_before(FieldName::forwarded);
  if (is_for_another && addresses.empty()) addresses = arena.copy(request.client.text());
  if (is_for_another && elements.empty()) {
    elements = http::forwarded_element(
        {.node = request.client.text(), .proto = request.scheme, .host = {}}, arena);
  }
  add_to_list("X-Forwarded-For", addresses, peer);
  add("X-Forwarded-Proto", request.scheme);
  const std::string_view host = said_before(FieldName::x_forwarded_host);
  add("X-Forwarded-Host", host.empty() ? authority : host);
  std::string_view prefix;  // from the client's view: what was taken off before comes first
  if (is_trusted) prefix = without_slash(request.head.fields.value_of("x-forwarded-prefix"));
  add("X-Forwarded-Prefix", arena.concat(prefix, std::string_view(settings_->prefix)));
  add_to_list(
      "Forwarded", elements,
      http::forwarded_element({.node = peer, .proto = request.scheme, .host = authority}, arena));
}

void HttpCodec::encode_own_fields(SendQueue& out) {
  for (const auto& [name, value] : settings_->rules.set_headers) {
    if (equals_ignoring_case(name, "host")) continue;
    const std::string expanded = expand(value, upstream_->text);
    // Whoever asks only whether it is there is not to find a user who is nobody.
    if (!expanded.empty()) append_field(out, name, expanded);
  }
}

void HttpCodec::encode_body(SendQueue& out, std::string_view piece) {
  if (!is_chunked_) return out.append(piece);
  std::array<char, 18> size{};
  char* end = std::to_chars(size.data(), size.data() + 16, piece.size(), 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append({size.data(), static_cast<std::size_t>(end - size.data())});
  out.append(piece);
  out.append("\r\n");
}

void HttpCodec::encode_body_end(SendQueue& out) {
  if (!is_chunked_) return;
  out.append("0\r\n");
  for_each_trailer(exchange_->request_trailers(), [&](const http::Field& field) {
    if (!is_dropped(field)) append_field(out, field.name, field.value);
  });
  out.append("\r\n");
}

std::string HttpCodec::expand(std::string_view text, std::string_view upstream) const {
  const Request& request = exchange_->request();
  const std::string client = request.client.text();
  ForwardedValues values{.client = client,
                         .host = request.target.authority,
                         .scheme = request.scheme,
                         .upstream = upstream,
                         .request_id = exchange_->id(),
                         .user = request.user};
  if (const TlsInfo* certificate = request.certificate) {
    values.client_verify = certificate->client_verify;
    values.client_subject = certificate->client_subject;
    values.client_serial = certificate->client_serial;
    values.client_fingerprint = certificate->client_fingerprint;
  }
  return fill_placeholders(text, values);
}

// ---- The answer.

GatewayEvent HttpCodec::next(RecvBuffer& received) {
  using Event = http::ResponseParser::Event;
  if (has_ended_) return GatewayEvent::end;
  switch (parser_.next(received, exchange_->arena())) {
    case Event::need_more: return GatewayEvent::need_more;
    case Event::interim: return GatewayEvent::interim;
    case Event::body: return GatewayEvent::body;
    case Event::end: has_ended_ = true; return GatewayEvent::end;
    case Event::error: return GatewayEvent::fault;
    case Event::head: break;
  }
  const bool is_asked_for =
      is_upgrade_ && http::has_token(parser_.head().fields, FieldName::upgrade, "websocket");
  if (parser_.framing().upgraded && !is_asked_for) {
    fault_ = "it changes the protocol without being asked to";
    return GatewayEvent::fault;
  }
  return GatewayEvent::head;
}

// Where the upstream speaks of its own addresses, ours stand, if that is asked for.
std::string_view HttpCodec::rewritten(const http::Field& field) {
  const config::ProxyHandler& rules = settings_->rules;
  const bool is_location = rules.rewrite_redirects && field.known == FieldName::location;
  const bool is_cookie = rules.rewrite_cookies && field.known == FieldName::set_cookie;
  if (!is_location && !is_cookie) return field.value;
  const Request& request = exchange_->request();
  const std::array<std::string, 1> authorities{authority_of(*upstream_)};
  const wire::UpstreamView view{.authorities = authorities,
                                .base = upstream_->base,
                                .prefix = settings_->prefix,
                                .scheme = request.scheme,
                                .authority = request.target.authority};
  return exchange_->arena().copy(is_location ? wire::rewrite_location(field.value, view)
                                             : wire::rewrite_cookie(field.value, view));
}

bool HttpCodec::is_kept_back(const http::Field& field) const {
  const http::FieldList& fields = parser_.head().fields;
  if (http::is_of_connection(field.known)) return true;
  if (fields.has(FieldName::connection) &&
      http::has_token(fields, FieldName::connection, field.name)) {
    return true;
  }
  const std::vector<std::string>& hidden = settings_->rules.hide_headers;
  return std::any_of(hidden.begin(), hidden.end(), [&](const std::string& name) {
    return equals_ignoring_case(name, field.name);
  });
}

std::string_view HttpCodec::trailers() {
  std::string lines;
  for_each_trailer(parser_.trailers(), [&](const http::Field& field) {
    if (is_kept_back(field)) return;
    lines.append(field.name).append(": ").append(field.value).append("\r\n");
  });
  return exchange_->arena().copy(lines);
}

void HttpCodec::fill(ResponseHead& head) {
  const http::UpstreamHead& answer = parser_.head();
  const http::ResponseFraming& framing = parser_.framing();
  head.status = answer.status;
  head.reason = answer.reason;
  for (const http::Field& field : answer.fields.all()) {
    if (field.known == FieldName::date) {
      head.date = field.value;
    } else if (field.known != FieldName::content_length && field.known != FieldName::server &&
               !is_kept_back(field)) {
      head.add(field.name, rewritten(field));
    }
  }
  if (framing.upgraded) {
    head.add("Connection", "Upgrade");
    head.add("Upgrade", "websocket");
    return;
  }
  // RFC 9110 section 15.5.22: which protocols are wanted instead.
  if (answer.status == 426 && answer.fields.has(FieldName::upgrade)) {
    head.add("Connection", "Upgrade");
    answer.fields.for_each(FieldName::upgrade,
                           [&head](std::string_view value) { head.add("Upgrade", value); });
  }
  if (framing.body == http::ResponseFraming::Body::length) head.content_length = framing.length;
  // Of the answer to HEAD: what GET would have.
  if (framing.body == http::ResponseFraming::Body::none) {
    const auto said = answer.fields.value(FieldName::content_length);
    if (said && exchange_->request().head.method == http::Method::head) {
      head.content_length = parse_decimal(*said);
    } else if (answer.status >= 200 && exchange_->request().head.method != http::Method::head) {
      head.content_length = 0;
    }
  }
}

}  // namespace uvhttpd
