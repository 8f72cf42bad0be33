// SPDX-License-Identifier: MIT
// http/phase.h: what a connection does next, as a pure function of where its two sides are.
#pragma once

#include <cstdint>

namespace uvhttpd::http {

// `preface`: what a proxy says in front of all requests is awaited.
// `tunnel`: what comes is no HTTP any more (RFC 9110 section 7.8). When the client has sent all of
// it the phase is `done`.
enum class RequestPhase : std::uint8_t { preface, head, body, done, tunnel, lost };
enum class ResponsePhase : std::uint8_t { none, ready, sending, done, broken };

enum class Step : std::uint8_t {
  identify,   // read who the client is
  parse,      // read the next head
  feed,       // the handler has the request: give it body octets, or wait for it
  flush,      // encode the head once, then fill and send
  relay,      // the tunnel: give octets on in both directions
  discard,    // early answer: throw a bounded rest of the body away
  recycle,    // the exchange is over, the connection goes on
  close,      // lingering close: the answer is out, the client may still be sending
  abandon,    // the client is gone: drop everything
  break_off,  // close so that the client sees a short body, never a well-formed lie
};

// RFC 9112 section 9.3. Defined for all combinations.
constexpr Step next_step(RequestPhase request, ResponsePhase response, bool keep_alive) {
  if (response == ResponsePhase::broken) return Step::break_off;
  if (request == RequestPhase::lost && response != ResponsePhase::done) return Step::abandon;
  if (request == RequestPhase::tunnel && response != ResponsePhase::done) return Step::relay;
  switch (response) {
    case ResponsePhase::none:
      if (request == RequestPhase::preface) return Step::identify;
      return request == RequestPhase::head ? Step::parse : Step::feed;
    case ResponsePhase::ready:
    case ResponsePhase::sending: return Step::flush;
    case ResponsePhase::done: break;
    case ResponsePhase::broken: return Step::break_off;
  }
  if (request == RequestPhase::done && keep_alive) return Step::recycle;
  if (request == RequestPhase::body && keep_alive) return Step::discard;
  return Step::close;
}

}  // namespace uvhttpd::http
