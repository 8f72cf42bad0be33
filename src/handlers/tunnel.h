// SPDX-License-Identifier: MIT
// handlers/tunnel.h: two peers that have left HTTP behind, a WebSocket's above all, and octets that
// go from each to the other.
#pragma once

#include <memory>

#include "handlers/upstream_connection.h"
#include "io/deadline_list.h"
#include "server/exchange.h"

namespace uvhttpd {

// Source and sink of Exchange::upgrade. Lives as long as its exchange.
class Tunnel final : public BodySink, public BodySource {
 public:
  // What the connection has received already goes to the client first. `patience` is how long both
  // sides may be silent.
  Tunnel(Exchange& exchange, std::unique_ptr<UpstreamConnection> connection,
         DeadlineList& patience);
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;
  ~Tunnel() override;

  std::size_t write(std::string_view bytes) override;
  void finish() override;
  PullResult pull(SendQueue& out, std::size_t budget) override;

 private:
  static constexpr std::size_t kMaxQueued = 64 << 10;  // towards the upstream
  static constexpr std::size_t kReceivePerPull = 64 << 10;

  void on_ready(unsigned now_ready);
  void flush();
  void update_interest();
  void note_life();

  Exchange& exchange_;
  std::unique_ptr<UpstreamConnection> connection_;
  DeadlineList& patience_;
  DeadlineNode silence_;
  bool client_ended_ = false;
  bool upstream_ended_ = false;
  bool is_gone_ = false;  // the connection has nothing more to wait for
  bool is_broken_ = false;
  bool is_silent_ = false;  // for too long
  bool write_blocked_ = false;
  bool pull_awaited_ = false;
  bool is_read_paused_ = false;
};

}  // namespace uvhttpd
