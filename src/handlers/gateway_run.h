// SPDX-License-Identifier: MIT
// handlers/gateway_run.h: one request on its way to an upstream and the answer on its way back,
// with all that can go wrong in between.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "handlers/gateway_codec.h"
#include "handlers/overload.h"
#include "handlers/spool.h"
#include "handlers/upstream_pool.h"
#include "server/exchange.h"
#include "server/runtime.h"

namespace uvhttpd {

// What the runs of one handler share. Outlives them.
class GatewayShared {
 public:
  // `rules` and `route` outlive it. `one_at_a_time`: a process behind the upstream serves one
  // connection until it is closed, so one that is kept idle holds a process.
  GatewayShared(const HandlerContext& context, const config::Route& route,
                const config::UpstreamRules& rules, HealthCheck::Kind check, bool one_at_a_time,
                config::ProxyProtocol announce = config::ProxyProtocol::off);

  UpstreamPool pool;
  const config::UpstreamRules& rules;
  const bool one_at_a_time;
  DeadlineList connect_deadlines;
  DeadlineList head_deadlines;
  DeadlineList idle_deadlines;
  DeadlineList continue_deadlines;
  DeadlineList held_up_deadlines;

  OverloadNotice overload;
};

// What else a proxy needs for WebSockets and the PROXY protocol.
struct TunnelRules {
  DeadlineList* deadlines = nullptr;  // without an octet either way; absent: no tunnels
  config::ProxyProtocol announce = config::ProxyProtocol::off;
};

// Lives as long as its exchange. Destroyed before the answer has ended, it closes the connection.
class GatewayRun final : public BodySink, public BodySource {
 public:
  // `hash_key` must live as long as the exchange.
  GatewayRun(GatewayShared& shared, Exchange& exchange, GatewayCodec codec,
             std::string_view hash_key, TunnelRules tunnel);
  GatewayRun(const GatewayRun&) = delete;
  GatewayRun& operator=(const GatewayRun&) = delete;
  ~GatewayRun() override;

  // Once, from Handler::handle.
  void begin();

  std::size_t write(std::string_view bytes) override;
  void finish() override;
  PullResult pull(SendQueue& out, std::size_t budget) override;
  std::string_view trailers() override;

 private:
  // `over`: an error answer has been given, the answer has ended or been broken off.
  enum class Phase : std::uint8_t { spooling, choosing, connecting, head, body, over };

  void attempt();
  void connect(bool may_reuse);
  void on_ready(unsigned now_ready);
  bool has_room_again();
  bool has_other_address();
  void connecting_failed(http::Status status, std::string_view reason);
  void on_connected();
  void send_request();
  void ask_for_body();
  bool flush();
  void fill_from_spool();

  GatewayEvent next_event();
  void note_closed(IoResult::Kind kind);
  void read_head();
  void note_if_broken(std::string_view reason);
  IoResult receive();
  // False when the exchange, and this with it, is no more after the call.
  bool outlives(const std::function<void()>& call);
  void answer();
  void open_tunnel(const ResponseHead& head);
  void handle_again(std::string_view target);
  void answer_without_body(const ResponseHead& head);
  std::size_t within_length(std::size_t bytes);
  std::optional<PullResult> pull_directly(SendQueue& out, std::size_t budget);
  void store_some();
  PullResult pull_stored(SendQueue& out, std::size_t budget);
  PullResult wait_for_body();
  bool is_cut_off() const;
  PullResult end_of_body();
  PullResult break_off(std::string_view reason);

  void on_deadline();
  void update_deadline();
  void end_wait();
  void update_interest();
  bool may_be_repeated() const;
  bool may_try_again(bool is_stale) const;
  void attempt_failed(http::Status status, std::string_view reason, bool is_connected = true);
  void fallen_silent(std::string_view reason);
  void note_tried();
  void give_up(http::Status status, std::string_view reason);
  void part_with_upstream();
  void release_connection();
  void drop_connection();
  void on_out_of_order();
  void on_held_up();
  void not_held_up();
  GatewayBody body_to_send() const;

  GatewayShared& shared_;
  Exchange& exchange_;
  GatewayCodec codec_;
  const std::string_view hash_key_;
  const TunnelRules tunnel_;
  Phase phase_ = Phase::choosing;
  unsigned retries_ = 0;
  std::size_t addresses_tried_ = 0;  // of the upstream, in this attempt
  std::vector<const UpstreamServer*> tried_;
  UpstreamServer* server_ = nullptr;
  std::unique_ptr<UpstreamConnection> connection_;
  UpstreamWaiter waiter_;  // for an address
  UpstreamWaiter asked_;   // for the health of what has been asked
  DeadlineNode deadline_;
  DeadlineNode held_up_;
  const DeadlineList* armed_in_ = nullptr;

  std::optional<Spool> spool_;
  std::shared_ptr<const UniqueFd> body_file_;  // the whole body, once spooled
  std::uint64_t body_bytes_ = 0;               // of it
  std::uint64_t body_sent_ = 0;                // of it, in this attempt
  std::optional<std::uint64_t> left_;          // of the answer's length

  // The request, in this attempt.
  bool is_retry_fresh_ = false;  // a kept connection has failed: a new one is made
  bool has_sent_ = false;        // octets have gone out
  bool is_sent_ = false;         // the whole request is queued
  bool takes_nothing_ = false;   // the upstream has stopped reading
  bool is_held_up_ = false;      // counted in the upstream's load
  bool is_turned_away_ = false;  // it has not begun with the request
  // The client's body.
  bool body_asked_ = false;
  bool body_taken_ = false;    // some of it is gone: there is no second attempt
  bool body_blocked_ = false;  // the exchange waits for room
  bool body_ended_ = false;
  // The answer.
  bool is_gone_ = false;       // the connection has nothing more to wait for
  bool has_received_ = false;  // octets of an answer have come
  bool input_ended_ = false;
  bool was_reset_ = false;
  bool pull_awaited_ = false;
  bool is_read_paused_ = false;
  bool surplus_noted_ = false;
  bool has_ended_ = false;  // and was whole
  // The answer's body where it is buffered.
  std::optional<Spool> store_;
  std::uint64_t stored_taken_ = 0;
  bool store_awaited_ = false;  // the exchange waits for more of it
  std::string fault_;           // why no more of it comes

  bool* destroyed_ = nullptr;  // told when this is destroyed, if set
};

}  // namespace uvhttpd
