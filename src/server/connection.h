// SPDX-License-Identifier: MIT
// server/connection.h: one client connection: requests in, responses out, one function that drives
// it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/intrusive_list.h"
#include "config/config.h"
#include "http/phase.h"
#include "http/request_parser.h"
#include "io/deadline_list.h"
#include "io/socket.h"
#include "io/transport.h"
#include "server/connection_quota.h"
#include "server/exchange.h"
#include "server/send_pace.h"

namespace uvhttpd {

class WorkerContext;

// Callbacks only record facts and call advance(), which looks at the two phases and does the step
// that http::next_step names, until it must wait. Owned by the context: it frees the connection
// after bury().
class Connection : public ListNode {
 public:
  // `listener` tells what to believe of proxies; absent: nothing.
  Connection(WorkerContext& context, const PeerAddress& peer, const PeerAddress& server,
             std::shared_ptr<const config::Listener> listener = nullptr);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Takes the transport over, whose readiness must come to on_ready(this, …), and reads at once.
  void start(std::unique_ptr<Transport> transport, ConnectionPlace place = {});
  static void on_ready(void* self, unsigned ready);

  // From Exchange and the context.
  void wake();
  void advance();
  void want_body();
  void on_response();
  void on_upgrade();
  void inform(const ResponseHead& head);
  // The one path for requests that cannot be understood or must not go on: an answer, then a
  // half-close; nothing is parsed any more. With an answer under way already it is broken off.
  void refuse(const http::Refusal& refusal);
  bool has_responded() const { return response_ != http::ResponsePhase::none; }
  bool has_whole_request() const { return request_ == http::RequestPhase::done && !refused_; }

  // Answers what has been asked with `Connection: close`, then closes; at once when idle.
  void drain();
  // Closes without ceremony.
  void abort();
  bool is_buried() const { return buried_; }
  WorkerContext& context() { return context_; }
  const http::RequestParser& parser() const { return parser_; }

 private:
  static constexpr std::uint64_t kMaxDiscard =
      256 << 10;  // of an unwanted body, to keep the connection
  // What the one deadline of the connection is for.
  enum class Waiting : std::uint8_t {
    nothing,
    handshake,
    head,
    idle,
    body,
    send,
    pace,
    linger,
    probe,
    drain
  };

  // The steps. Each returns false when the connection must wait.
  bool take_step();
  bool identify();
  bool parse();
  bool feed();
  bool flush();
  bool relay();
  bool discard();
  bool recycle();
  bool finish();
  bool break_off();
  bool close_when_sent();

  void receive();
  bool note_refused_certificate();
  void close_unidentified(std::string_view reason);
  void describe_client(Request& request) const;
  void begin_exchange();
  bool is_in_handshake() const;
  void refuse_plain();
  bool body_is_too_slow();
  // Gives the sink of a tunnel what has come; false when there is nothing, or no room for it.
  bool pass_on();
  void encode_head();
  bool fill_queue();
  PullResult pull_piece();
  // Sends what is queued, within the turn's share; false when the client must be waited for, or
  // its send_rate.
  bool send_queued();
  void set_pace();
  std::size_t may_send(std::size_t share);
  void end_exchange();
  void linger();
  void discard_input();
  void close();

  bool wants_input() const;
  void update_interest();
  void update_deadline();
  Waiting what_is_awaited() const;
  void on_deadline();
  void on_send_deadline();
  Duration quiet_for() const;
  std::uint64_t acknowledged() const;
  void give_way();
  void probe_client();
  void load_stash();
  void store_stash();
  SendQueue& queue();
  bool is_tunnel() const { return exchange_ && exchange_->is_upgraded_; }
  // Nothing may be sent for now.
  bool is_output_held() const { return output_blocked_ || paused_; }
  bool is_queue_empty() const { return !queue_ || queue_->empty(); }

  WorkerContext& context_;
  std::shared_ptr<const config::Listener> listener_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<SendQueue> queue_;
  std::unique_ptr<SendPace> pace_;  // since the first answer with a send_rate
  std::unique_ptr<char[]> stash_;   // unread octets while the connection is not advancing
  std::uint32_t stash_bytes_ = 0;
  std::uint32_t requests_ = 0;
  http::RequestPhase request_ = http::RequestPhase::head;
  http::ResponsePhase response_ = http::ResponsePhase::none;
  Waiting waiting_ = Waiting::nothing;
  bool keep_alive_ = false;
  bool refused_ = false;      // the framing is lost: nothing more is parsed
  bool read_closed_ = false;  // the client has sent all it will
  bool sink_full_ = false;
  bool output_blocked_ = false;
  bool paused_ = false;  // the client would take more than its send_rate
  bool source_ended_ = false;
  bool chunked_ = false;
  bool bodiless_ = false;
  bool until_close_ = false;  // only the end of the connection ends the body
  bool again_ = false;
  bool lingering_ = false;
  bool peer_has_ended_ = false;  // told while octets of it were left unread
  bool continue_due_ = false;    // 100 Continue is awaited and not sent
  bool probed_ = false;
  bool zero_sent_ =
      false;              // of a probe: the end of the connection must not look like that of a body
  bool drained_ = false;  // no further request is awaited
  bool buried_ = false;
  bool is_proxied_tls_ = false;  // its PROXY protocol header says that the client uses TLS
  std::uint32_t sent_this_turn_ = 0;
  std::uint64_t body_sent_ = 0;  // of the response body, queued
  std::uint64_t discarded_ = 0;
  std::uint64_t sent_total_ = 0;
  int stalled_looks_ = 0;            // at the output without enough progress
  std::uint64_t progress_mark_ = 0;  // sent and acknowledged when the send deadline was armed
  TimePoint body_wait_began_{};
  TimePoint linger_began_{};
  Duration body_waited_{0};
  PeerAddress peer_;
  ConnectionPlace place_;
  PeerAddress client_;  // the peer, or whom its PROXY protocol header names
  PeerAddress server_;
  http::RequestParser parser_;
  DeadlineNode deadline_;
};

}  // namespace uvhttpd
