// SPDX-License-Identifier: MIT
// io/transport.h: a byte stream to a peer that never blocks and never calls back.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/send_queue.h"

namespace uvhttpd {

struct TlsInfo;

struct IoResult {
  enum class Kind : std::uint8_t {
    done,     // some octets moved, or there was nothing to move
    blocked,  // `bytes` moved, the rest must wait for readiness
    end,      // receive: the peer has finished sending
    failed,   // the stream is of no more use; `error` is the errno
  };
  Kind kind = Kind::done;
  std::size_t bytes = 0;
  int error = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual IoResult receive(std::span<char> into) = 0;
  // Sends from the front of the queue, at most about `limit` octets, and consumes what it sent. A
  // file that has become too short is `failed` with EIO.
  virtual IoResult send(SendQueue& queue, std::size_t limit) = 0;
  // Which readiness (bits of io/fd_watcher.h) the owner wants to hear of from now on.
  virtual void want(unsigned interest) = 0;
  virtual void shutdown_write() = 0;
  // The peer is to see, once the stream is closed, that it was broken off and did not end.
  virtual void cut_off() = 0;
  // Octets sent that the peer has not acknowledged.
  virtual std::uint64_t unacknowledged() const = 0;
  // What is known of the stream's encryption, and grows until it is established; lives as long as
  // the transport. nullptr: the stream has none.
  virtual const TlsInfo* tls() const { return nullptr; }
  // The peer's preface, which is never encrypted, is over; `unread` came behind it. True when the
  // octets were taken back: what they mean is received later.
  virtual bool end_preface(std::string_view unread) {
    static_cast<void>(unread);
    return false;
  }
};

// Receives at most `limit` octets straight to the end of the queue.
inline IoResult receive_into(Transport& transport, SendQueue& queue, std::size_t limit) {
  const IoResult result = transport.receive({queue.reserve(limit), limit});
  queue.commit(result.bytes);
  return result;
}

}  // namespace uvhttpd
