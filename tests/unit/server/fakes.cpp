// SPDX-License-Identifier: MIT
// unit/server/fakes.cpp
#include "unit/server/fakes.h"

namespace uvhttpd::tests {

void respond_with(Exchange& exchange, std::string_view body, http::Status status) {
  ResponseHead head(exchange.arena(), status);
  head.content_length = body.size();
  exchange.respond(head, &exchange.keep<ScriptedSource>(std::vector<ScriptedSource::Step>{
                             {std::string(body), PullResult::end}}));
}

void answer_with_target(Exchange& exchange) {
  respond_with(exchange, exchange.request().head.target);
}

void echo_body(Exchange& exchange) {
  auto& sink = exchange.keep<CollectingSink>();
  sink.on_finish = [&exchange, &sink] { respond_with(exchange, sink.bytes); };
  exchange.receive_body(sink);
}

void ignore_body(Exchange& exchange) { respond_with(exchange, "early"); }

void stream_two_pieces(Exchange& exchange) {
  exchange.respond(ResponseHead(exchange.arena()),
                   &exchange.keep<ScriptedSource>(std::vector<ScriptedSource::Step>{
                       {"one", PullResult::more}, {"two", PullResult::end}}));
}

std::string usual_site(std::string_view start) {
  return std::string(start) + "\n[[site]]\n" + route("/echo", "echo") + route("/early", "early") +
         route("/stream", "stream") + route("/*", "target");
}

Fakes usual_fakes() {
  return {{"echo", {echo_body}},
          {"early", {ignore_body}},
          {"stream", {stream_two_pieces}},
          {"target", {answer_with_target}}};
}

std::string get(std::string_view target, std::string_view fields) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: example.org\r\n" + std::string(fields) +
         "\r\n";
}

std::string post(std::string_view target, std::string_view body, std::string_view fields) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: example.org\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

std::string post_chunked(std::string_view target, std::string_view chunks,
                         std::string_view fields) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n" + std::string(fields) +
         "\r\n" + std::string(chunks);
}

}  // namespace uvhttpd::tests
