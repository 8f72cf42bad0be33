// SPDX-License-Identifier: MIT
// handlers/http_codec.h: a request as a reverse proxy sends it on, and the upstream's answer (RFC
// 9110 section 7.6, RFC 9112).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/gateways.h"
#include "handlers/gateway_event.h"
#include "http/response_parser.h"
#include "server/exchange.h"

namespace uvhttpd {

class HttpCodec {
 public:
  // What the proxy of a route works out once. Outlives the codecs.
  struct Settings {
    explicit Settings(const config::ProxyHandler& handler);
    const config::ProxyHandler& rules;
    const std::string prefix;            // what is stripped of the path, without a slash at the end
    std::vector<std::string> set_names;  // of fields that a client must not bring in, folded
  };

  HttpCodec(const Settings& settings, Exchange& exchange);

  void start(const config::Upstream& upstream);
  void encode_head(SendQueue& out, const GatewayBody& body);
  void encode_body(SendQueue& out, std::string_view piece);
  void encode_body_end(SendQueue& out);

  GatewayEvent next(RecvBuffer& received);
  void input_ended() { parser_.input_ended(); }
  void fill(ResponseHead& head);
  std::string_view body() const { return parser_.body(); }
  void take(RecvBuffer& received, std::size_t bytes) { parser_.take(received, bytes); }
  std::uint64_t announced() const { return parser_.announced(); }
  void skip(std::uint64_t bytes) { parser_.skip(bytes); }
  // After `end`: those that the client may have, as lines.
  std::string_view trailers();
  std::string_view fault() const { return fault_.empty() ? parser_.fault() : fault_; }
  http::Status fault_status() const { return 502; }
  // Some applications answer HEAD with a body all the same, and late: it would be taken for the
  // answer to the next request.
  bool is_reusable() const {
    return parser_.is_reusable() && exchange_->request().head.method != http::Method::head;
  }

  // Chunked bodies are sent on as they come.
  static constexpr bool kNeedsLength = false;
  // The head that was sent asks whether the body is wanted: `interim` with 100, or the answer,
  // says.
  bool asks_for_continue() const { return asks_for_continue_; }
  bool is_continue() const { return parser_.head().status == 100; }
  // After `head`: the upstream has changed the protocol, as it was asked to.
  bool is_upgraded() const { return parser_.framing().upgraded; }
  // After `head`: where the request is to be handled again; never by a proxy.
  std::optional<std::string_view> local_redirect() const { return std::nullopt; }

 private:
  void encode_target(SendQueue& out);
  std::string_view with_coded_semicolons(std::string_view path);
  void encode_host(SendQueue& out);
  void encode_fields(SendQueue& out);
  std::string_view said_before(http::FieldName name) const;
  void encode_origin(SendQueue& out);
  void encode_own_fields(SendQueue& out);
  bool is_set(std::string_view name) const;
  bool is_dropped(const http::Field& field) const;
  bool is_kept_back(const http::Field& field) const;
  std::string expand(std::string_view text, std::string_view upstream) const;
  std::string_view rewritten(const http::Field& field);

  const Settings* settings_;
  Exchange* exchange_;
  const config::Upstream* upstream_ = nullptr;
  bool is_upgrade_ = false;
  bool asks_for_continue_ = false;
  bool is_chunked_ = false;
  bool has_ended_ = false;
  std::string_view fault_;
  http::ResponseParser parser_;
};

// Whether the request may be passed on no further (RFC 9110 section 7.6.2): OPTIONS with
// "Max-Forwards: 0".
bool ends_here(const Request& request);
// Whether the client asks for a WebSocket (RFC 6455 section 4.1).
bool asks_for_websocket(const Request& request);

}  // namespace uvhttpd
