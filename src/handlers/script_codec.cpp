// SPDX-License-Identifier: MIT
#include "handlers/script_codec.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "handlers/wire/scgi_request.h"

namespace uvhttpd {

ScriptCodec::ScriptCodec(Protocol protocol, Exchange& exchange, wire::Variables variables,
                         bool keep_connection)
    : protocol_(protocol),
      keep_connection_(keep_connection && protocol == Protocol::fastcgi),
      exchange_(&exchange),
      variables_(std::move(variables)) {}

void ScriptCodec::start(const config::Upstream& upstream) {
  prefix_ = "upstream " + upstream.text + ": ";
  input_ended_ = has_head_ = has_ended_ = is_overloaded_ = false;
  decoder_ = {};
  head_ = std::make_unique<wire::CgiHeadParser>();
  errors_.reset();
  rest_ = data_ = fault_ = {};
}

// ---- The request.

void ScriptCodec::encode_head(SendQueue& out, const GatewayBody& body) {
  std::erase_if(variables_, [](const auto& each) { return each.first == "CONTENT_LENGTH"; });
  if (body.kind == GatewayBody::Kind::length) {
    variables_.emplace_back("CONTENT_LENGTH", std::to_string(body.length));
  }
  if (!is_fastcgi()) return wire::append_scgi_head(out, variables_);
  wire::append_begin_request(out, keep_connection_);
  wire::append_params(out, variables_);
}

void ScriptCodec::encode_body(SendQueue& out, std::string_view piece) {
  if (is_fastcgi()) {
    wire::append_stdin(out, piece);
  } else {
    out.append(piece);
  }
}

void ScriptCodec::encode_body_end(SendQueue& out) {
  if (is_fastcgi()) wire::append_stdin_end(out);
}

// ---- The answer.

GatewayEvent ScriptCodec::next(RecvBuffer& received) {
  if (has_ended_) return GatewayEvent::end;
  if (has_head_ && !rest_.empty()) return GatewayEvent::body;
  for (;;) {
    const GatewayEvent event = next_output(received);
    if (event != GatewayEvent::body || has_head_) return event;
    const wire::CgiHeadParser::Event found = head_->push(data_);
    take_output(received, data_.size());
    switch (found) {
      case wire::CgiHeadParser::Event::need_more: continue;
      case wire::CgiHeadParser::Event::fault: return fail(head_->fault());
      case wire::CgiHeadParser::Event::head: break;
    }
    has_head_ = true;
    rest_ = head_->rest();
    return GatewayEvent::head;
  }
}

GatewayEvent ScriptCodec::next_output(RecvBuffer& received) {
  if (!is_fastcgi()) {
    data_ = received.unread();
    if (!data_.empty()) return GatewayEvent::body;
    return input_ended_ ? end_of_output() : GatewayEvent::need_more;
  }
  for (;;) {
    switch (decoder_.next(received)) {
      case wire::FcgiDecoder::Event::output: data_ = decoder_.data(); return GatewayEvent::body;
      case wire::FcgiDecoder::Event::errors:
        if (!errors_) {
          errors_ =
              std::make_unique<LineLog>(exchange_->log(), std::string(exchange_->id()), prefix_);
        }
        errors_->take(decoder_.data());
        decoder_.take(received, decoder_.data().size());
        continue;
      case wire::FcgiDecoder::Event::fault: return fail(decoder_.fault());
      case wire::FcgiDecoder::Event::need_more:
        return input_ended_ ? fail("it closed the connection within its answer")
                            : GatewayEvent::need_more;
      case wire::FcgiDecoder::Event::end: break;
    }
    if (decoder_.protocol_status() != wire::FcgiStatus::request_complete) {
      is_overloaded_ = decoder_.protocol_status() == wire::FcgiStatus::overloaded && !has_head_;
      return fail(wire::name_of(decoder_.protocol_status()));
    }
    return end_of_output();
  }
}

GatewayEvent ScriptCodec::end_of_output() {
  errors_.reset();  // with a last line
  if (!has_head_) {
    return fail(head_->received().empty() ? "its output ended before it began"
                                          : "its output ended inside its head");
  }
  has_ended_ = true;
  return GatewayEvent::end;
}

GatewayEvent ScriptCodec::fail(std::string_view reason) {
  fault_ = reason;
  return GatewayEvent::fault;
}

void ScriptCodec::take(RecvBuffer& received, std::size_t bytes) {
  if (!rest_.empty()) return rest_.remove_prefix(bytes);
  take_output(received, bytes);
}

void ScriptCodec::take_output(RecvBuffer& received, std::size_t bytes) {
  data_.remove_prefix(bytes);
  if (is_fastcgi()) {
    decoder_.take(received, bytes);
  } else {
    received.consume(bytes);
  }
}

std::uint64_t ScriptCodec::announced() const {
  if (!rest_.empty()) return 0;
  return is_fastcgi() ? decoder_.announced() : std::numeric_limits<std::uint64_t>::max();
}

void ScriptCodec::skip(std::uint64_t bytes) {
  if (is_fastcgi()) decoder_.skip(static_cast<std::size_t>(bytes));
}

void ScriptCodec::fill(ResponseHead& head) {
  const wire::CgiHead& answer = head_->head();
  head.status = answer.status;
  head.reason = answer.reason;
  head.content_length = answer.content_length;
  for (const http::ResponseField& field : answer.fields) head.add(field.name, field.value);
}

std::optional<std::string_view> ScriptCodec::local_redirect() const {
  const wire::CgiHead& answer = head_->head();
  if (answer.kind != wire::CgiResponseKind::local_redirect) return std::nullopt;
  return answer.location;
}

}  // namespace uvhttpd
