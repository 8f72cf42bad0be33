// SPDX-License-Identifier: MIT
// handlers/script_codec.h: a request as FastCGI and SCGI programs are given it, and their answer,
// which is a CGI program's (RFC 3875 section 6).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/line_log.h"
#include "config/gateways.h"
#include "handlers/gateway_event.h"
#include "handlers/wire/cgi_env.h"
#include "handlers/wire/cgi_head.h"
#include "handlers/wire/fcgi_record.h"
#include "server/exchange.h"

namespace uvhttpd {

class ScriptCodec {
 public:
  enum class Protocol : std::uint8_t { fastcgi, scgi };

  // `variables` are all but CONTENT_LENGTH, which follows from the body.
  ScriptCodec(Protocol protocol, Exchange& exchange, wire::Variables variables,
              bool keep_connection);

  void start(const config::Upstream& upstream);
  void encode_head(SendQueue& out, const GatewayBody& body);
  void encode_body(SendQueue& out, std::string_view piece);
  void encode_body_end(SendQueue& out);

  GatewayEvent next(RecvBuffer& received);
  void input_ended() { input_ended_ = true; }
  void fill(ResponseHead& head);
  std::string_view body() const { return rest_.empty() ? data_ : rest_; }
  void take(RecvBuffer& received, std::size_t bytes);
  std::uint64_t announced() const;
  void skip(std::uint64_t bytes);
  std::string_view trailers() const { return {}; }
  std::string_view fault() const { return fault_; }
  // 503: it has not begun with the request, having too many.
  http::Status fault_status() const { return is_overloaded_ ? 503 : 502; }
  bool is_reusable() const { return keep_connection_ && has_ended_; }

  // CONTENT_LENGTH is what these programs read by.
  static constexpr bool kNeedsLength = true;
  bool asks_for_continue() const { return false; }
  bool is_continue() const { return false; }
  bool is_upgraded() const { return false; }
  std::optional<std::string_view> local_redirect() const;

 private:
  bool is_fastcgi() const { return protocol_ == Protocol::fastcgi; }
  // The next octets of output, in data_; `body` stands for them.
  GatewayEvent next_output(RecvBuffer& received);
  void take_output(RecvBuffer& received, std::size_t bytes);
  GatewayEvent end_of_output();
  GatewayEvent fail(std::string_view reason);

  Protocol protocol_;
  bool keep_connection_;
  bool input_ended_ = false;
  bool has_head_ = false;
  bool has_ended_ = false;
  bool is_overloaded_ = false;
  Exchange* exchange_;
  wire::Variables variables_;
  wire::FcgiDecoder decoder_;
  std::unique_ptr<wire::CgiHeadParser> head_;
  std::unique_ptr<LineLog> errors_;  // once it has written some
  std::string prefix_;               // of its lines in the log
  std::string_view rest_;            // of head_: output that came with the head
  std::string_view data_;
  std::string_view fault_;
};

}  // namespace uvhttpd
