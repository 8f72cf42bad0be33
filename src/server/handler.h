// SPDX-License-Identifier: MIT
// server/handler.h: what answers requests, and how bodies flow: responses are pulled, requests
// pushed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/send_queue.h"

namespace uvhttpd {

class Exchange;

// What stands behind an answer, for people.
struct AnswerSource {
  std::string file{};     // on the disk: the file served, the program that runs; empty: none
  std::string details{};  // "with PATH_INFO /a", or empty
  std::string
      upstream{};  // the servers that are asked, "http://a:9000, http://b:9000"; empty: none
};

// Answers the requests of one route of one worker. Lives as long as the runtime it belongs to,
// which every exchange keeps alive.
class Handler {
 public:
  virtual ~Handler() = default;
  // Must end in respond() or fail() of the exchange, now or later on the same loop. Once the
  // exchange is destroyed (its keep()-state with it) it must not be touched.
  virtual void handle(Exchange& exchange) = 0;
  // What handle() would take its answer from. Called before it when a request is only rehearsed.
  // May answer the exchange where handle() would at once; must run no program and ask no other
  // server.
  virtual AnswerSource foresee(Exchange&) { return {}; }
  // The path that another route answers in the place of the request's, for methods that this one
  // does not take, too: a program that is the index of a directory. Asked only for those; where
  // there is one, handle() follows, and must not answer otherwise than with it or a refusal. Lives
  // as long as the exchange; empty: there is none.
  virtual std::string_view path_instead(Exchange&) { return {}; }
};

enum class PullResult {
  more,     // something was appended; ask again when it has gone
  blocked,  // nothing for now: Exchange::wake() says when to ask again
  end,      // the body is complete; octets may have been appended
  failed,   // the body cannot be completed: the connection is broken off
};

// A response body. Asked only when the previous piece has gone, so back-pressure needs no code of
// its own.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // Appends about `budget` octets at most. What is borrowed must be kept alive by its keeper, not
  // by the exchange: the queue may outlive it.
  virtual PullResult pull(SendQueue& out, std::size_t budget) = 0;
  // Asked after `end` when the body went out in chunks: field lines for the trailer section, each
  // with its CRLF (RFC 9112 section 7.1.2). With a known length, and in HTTP/1.0, there is none.
  virtual std::string_view trailers() { return {}; }
};

// A request body, pushed in order within the sink's own window.
class BodySink {
 public:
  virtual ~BodySink() = default;
  // Takes octets from the front; fewer than given means wait: Exchange::wake() says when to go on.
  virtual std::size_t write(std::string_view bytes) = 0;
  // The body is complete. Not called when the client goes away: then the exchange is destroyed.
  virtual void finish() = 0;
};

}  // namespace uvhttpd
