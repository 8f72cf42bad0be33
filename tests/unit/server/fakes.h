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

void respond_with(Exchange& exchange, std::string_view body, http::Status status = 200);

// Answers with the path and query it was asked for.
void answer_with_target(Exchange& exchange);

// Answers with the request body, when all of it is there.
void echo_body(Exchange& exchange);

// Answers at once and never looks at the body.
void ignore_body(Exchange& exchange);

// Without a length: in chunks, or up to the end of the connection.
void stream_two_pieces(Exchange& exchange);

// A site with the fakes that most tests need, behind `start` (tables of the whole file).
std::string usual_site(std::string_view start = "");
Fakes usual_fakes();

std::string get(std::string_view target, std::string_view fields = "");
std::string post(std::string_view target, std::string_view body, std::string_view fields = "");
std::string post_chunked(std::string_view target, std::string_view chunks,
                         std::string_view fields = "");

}  // namespace uvhttpd::tests
