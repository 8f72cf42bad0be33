// SPDX-License-Identifier: MIT
// io/recorded_transport.h: a peer in memory that has said all it will and takes whatever comes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "io/event_loop.h"
#include "io/fd_watcher.h"
#include "io/tls_info.h"
#include "io/transport.h"

namespace uvhttpd {

// What has been sent to the peer.
struct Recording {
  static constexpr std::size_t kMaxKept = 256 << 10;
  std::string octets;       // the first kMaxKept of them
  std::uint64_t total = 0;  // all of them
};

// Hands out the octets of a request; the peer closes its side when an answer has begun to arrive.
// Of files that are sent nothing is read: their octets are recorded as zeros. Readiness goes to
// `callback(owner, ready)` from the loop.
class RecordedTransport final : public Transport {
 public:
  // `recording` outlives the transport. `tls` is what would be known of the stream's encryption;
  // absent: it has none.
  RecordedTransport(EventLoop& loop, std::string request, std::optional<TlsInfo> tls,
                    Recording& recording, FdWatcher::Callback callback, void* owner);
  RecordedTransport(const RecordedTransport&) = delete;
  RecordedTransport& operator=(const RecordedTransport&) = delete;
  ~RecordedTransport() override { *self_ = nullptr; }

  IoResult receive(std::span<char> into) override;
  IoResult send(SendQueue& queue, std::size_t limit) override;
  void want(unsigned interest) override;
  void shutdown_write() override {}
  void cut_off() override {}
  std::uint64_t unacknowledged() const override { return 0; }
  const TlsInfo* tls() const override { return tls_ ? &*tls_ : nullptr; }

 private:
  // What is awaited and has come.
  unsigned due() const;
  void tell();
  void record(const char* octets, std::size_t size);

  EventLoop& loop_;
  std::string request_;
  std::optional<TlsInfo> tls_;
  std::size_t received_ = 0;
  Recording& recording_;
  FdWatcher::Callback callback_;
  void* owner_;
  unsigned interest_ = ready::kNothing;
  bool is_posted_ = false;
  // What the loop calls may come when the transport is gone.
  std::shared_ptr<RecordedTransport*> self_ = std::make_shared<RecordedTransport*>(this);
};

}  // namespace uvhttpd
