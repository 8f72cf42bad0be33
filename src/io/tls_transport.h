// SPDX-License-Identifier: MIT
// io/tls_transport.h: the server's side of a stream that TLS encrypts (RFC 8446, RFC 5246).
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/unique_fd.h"
#include "io/fd_watcher.h"
#include "io/plain_transport.h"
#include "io/tls_context.h"
#include "io/transport.h"

struct bio_st;
struct bio_method_st;

namespace uvhttpd {

// One of the handshakes that may be under way; given back when it goes.
class HandshakePlace {
 public:
  HandshakePlace() = default;  // of none
  // nullopt: `most` are under way already (0: no limit). The count must outlive the place; threads
  // may share it.
  static std::optional<HandshakePlace> take(std::atomic<std::uint64_t>& count, std::uint64_t most);
  HandshakePlace(HandshakePlace&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  HandshakePlace& operator=(HandshakePlace&& other) noexcept {
    std::swap(count_, other.count_);
    return *this;
  }
  ~HandshakePlace() {
    if (count_ != nullptr) count_->fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  explicit HandshakePlace(std::atomic<std::uint64_t>& count) : count_(&count) {}
  std::atomic<std::uint64_t>* count_ = nullptr;
};

// What all streams of one loop use in turn: EventLoop::object.
struct TlsWorkspace;

// The handshake goes on by itself while the owner wants any readiness; until it is over, receive()
// and send() are blocked, and the owner is told then of all it wants. Its deadline is the owner's,
// who sees `tls()`. The first octet decides: what does not begin as TLS goes through as it comes.
//
// The end is close_notify, or a FIN between two records, which anybody can forge: what ends there
// must say itself that it is complete (RFC 9112 section 9.8). Within a record it is ECONNRESET.
// What else is wrong with the encryption is EPROTO. Closing says close_notify, unless cut_off().
//
// A failure has told the peer by an alert what is wrong. receive() gives as they come the octets
// that are still on their way, for who waits for the end: closing earlier may take the alert along.
class TlsTransport final : public Transport {
 public:
  struct Options {
    // Octets that are not encrypted come first, until end_preface().
    bool has_preface = false;
    HandshakePlace place = {};  // given back when the handshake is over
  };
  // Readiness goes to `callback(owner, ready)`, never from inside a call of the owner's.
  TlsTransport(EventLoop& loop, UniqueFd socket, FdWatcher::Callback callback, void* owner,
               std::shared_ptr<const TlsContext> context, Options options);
  ~TlsTransport() override;
  TlsTransport(const TlsTransport&) = delete;
  TlsTransport& operator=(const TlsTransport&) = delete;

  IoResult receive(std::span<char> into) override;
  IoResult send(SendQueue& queue, std::size_t limit) override;
  void want(unsigned interest) override;
  void shutdown_write() override;
  void cut_off() override;
  std::uint64_t unacknowledged() const override;
  const TlsInfo* tls() const override { return &info_; }
  bool end_preface(std::string_view unread) override;

 private:
  friend struct TlsWorkspace;
  enum class Phase : std::uint8_t { preface, first_octet, handshake, established, plain, failed };
  // A turn of its own for input that the kernel knows nothing of any more.
  struct Soon {
    uv_idle_t handle;
    TlsTransport* transport;
  };

  IoResult look_at_first_octet();
  void begin_handshake();
  IoResult shake();
  void describe();
  void describe_client();
  IoResult receive_plain(std::span<char> into);
  IoResult receive_after_failure(std::span<char> into);
  IoResult receive_encrypted(std::span<char> into);
  IoResult end_of_input();
  IoResult send_file(const SendQueue::FileRange& file, std::size_t limit);
  IoResult send_record(const SendQueue& queue, std::size_t limit);
  // After a call of the library that did not succeed: `wanted` is the readiness it waits for.
  IoResult why_not(int result, unsigned& wanted);
  IoResult fail(int error);
  void discard_input();
  void say_goodbye();
  bool is_before_data() const { return phase_ == Phase::first_octet || phase_ == Phase::handshake; }

  bool has_input() const;
  void tell_soon();
  void update_watch();
  void on_ready(unsigned now_ready);
  void on_soon();

  // The BIO that the library reads from.
  void begin_call();
  int read_octets(char* into, int size);

  EventLoop& loop_;
  TlsWorkspace& workspace_;
  UniqueFd socket_;
  FdWatcher::Callback callback_;
  void* owner_;
  std::shared_ptr<const TlsContext> context_;
  HandshakePlace place_;
  TlsInfo info_;
  SslPtr ssl_;
  bio_st* output_ = nullptr;             // the library's
  std::string given_back_;               // what came behind the preface
  std::optional<PlainTransport> plain_;  // has the socket, while octets go through as they are
  std::optional<FdWatcher> watcher_;     // after socket_: stopped before the descriptor is closed
  UvHandle<Soon> soon_;
  std::size_t pending_ = 0;       // octets of the queue in a record that is not out yet
  std::uint64_t sent_ = 0;        // octets of queues
  std::uint64_t sent_files_ = 0;  // of them those that the kernel encrypted straight from files
  std::uint64_t preamble_ = 0;    // octets on the wire before the first of a queue
  unsigned wanted_ = ready::kNothing;
  // What the library waits for, to go on with each of them.
  unsigned shake_wants_ = ready::kReadable;
  unsigned read_wants_ = ready::kReadable;
  unsigned write_wants_ = ready::kWritable;
  int error_ = 0;
  int reads_left_ = 0;
  Phase phase_;
  bool is_dry_ = false;      // all that has been received was given to the owner
  bool is_emptied_ = false;  // in this call the kernel gave less than it was asked for
  bool has_seen_fin_ = false;
  bool has_ended_ = false;
  bool is_end_told_ = false;
  bool is_cut_off_ = false;
  bool is_kernel_sending_ = false;
};

}  // namespace uvhttpd
