// SPDX-License-Identifier: MIT
// unit/server/fakes.h: handlers, bodies and requests that the tests of connections share.
#pragma once

#include <algorithm>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/exchange.h"
#include "support/test_server.h"

namespace uvhttpd::tests {

// Counts its own lives: kept by an exchange, it tells when that is destroyed.
struct Lives {
  int begun = 0;
  int ended = 0;
};
class Witness {
 public:
  explicit Witness(Lives& lives) : lives_(lives) { ++lives_.begun; }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() { ++lives_.ended; }

 private:
  Lives& lives_;
};

// A body given piece by piece, as the test says.
class ScriptedSource final : public BodySource {
 public:
  struct Step {
    std::string bytes;
    PullResult result = PullResult::more;
  };
  explicit ScriptedSource(std::vector<Step> steps) : steps_(steps.begin(), steps.end()) {}
  // Blocked when the script has run out.
  PullResult pull(SendQueue& out, std::size_t) override {
    if (steps_.empty()) return PullResult::blocked;
    const Step step = std::move(steps_.front());
    steps_.pop_front();
    out.append(step.bytes);
    return step.result;
  }
  void add(Step step) { steps_.push_back(std::move(step)); }

 private:
  std::deque<Step> steps_;
};

// Takes what it has room for.
class CollectingSink final : public BodySink {
 public:
  std::size_t room = SIZE_MAX;
  std::string bytes;
  bool finished = false;
  std::function<void()> on_finish;

  std::size_t write(std::string_view more) override {
    const std::size_t taken = std::min(room, more.size());
    bytes.append(more.substr(0, taken));
    if (room != SIZE_MAX) room -= taken;
    return taken;
  }
  void finish() override {
    finished = true;
    if (on_finish) on_finish();
  }
};

inline void respond_with(Exchange& exchange, std::string_view body, http::Status status = 200) {
  ResponseHead head(exchange.arena(), status);
  head.content_length = body.size();
  exchange.respond(head, &exchange.keep<ScriptedSource>(std::vector<ScriptedSource::Step>{
                             {std::string(body), PullResult::end}}));
}

// Answers with the path and query it was asked for.
inline void answer_with_target(Exchange& exchange) {
  respond_with(exchange, exchange.request().head.target);
}

// Answers with the request body, when all of it is there.
inline void echo_body(Exchange& exchange) {
  auto& sink = exchange.keep<CollectingSink>();
  sink.on_finish = [&exchange, &sink] { respond_with(exchange, sink.bytes); };
  exchange.receive_body(sink);
}

// Answers at once and never looks at the body.
inline void ignore_body(Exchange& exchange) { respond_with(exchange, "early"); }

// Without a length: in chunks, or up to the end of the connection.
inline void stream_two_pieces(Exchange& exchange) {
  exchange.respond(ResponseHead(exchange.arena()),
                   &exchange.keep<ScriptedSource>(std::vector<ScriptedSource::Step>{
                       {"one", PullResult::more}, {"two", PullResult::end}}));
}

// A site with the fakes that most tests need, behind `start` (tables of the whole file).
inline std::string usual_site(std::string_view start = "") {
  return std::string(start) + "\n[[site]]\n" + route("/echo", "echo") + route("/early", "early") +
         route("/stream", "stream") + route("/*", "target");
}
inline Fakes usual_fakes() {
  return {{"echo", {echo_body}},
          {"early", {ignore_body}},
          {"stream", {stream_two_pieces}},
          {"target", {answer_with_target}}};
}

inline std::string get(std::string_view target, std::string_view fields = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: example.org\r\n" + std::string(fields) +
         "\r\n";
}
inline std::string post(std::string_view target, std::string_view body,
                        std::string_view fields = "") {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: example.org\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(fields) + "\r\n" + std::string(body);
}
inline std::string post_chunked(std::string_view target, std::string_view chunks,
                                std::string_view fields = "") {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n" + std::string(fields) +
         "\r\n" + std::string(chunks);
}

}  // namespace uvhttpd::tests
