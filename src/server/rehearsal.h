// SPDX-License-Identifier: MIT
// server/rehearsal.h: what a configuration would answer to a request, found out by letting the
// server answer it: without sockets, and without running a program or asking another server.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/url.h"
#include "io/recorded_transport.h"
#include "server/handler.h"
#include "server/worker_context.h"

namespace uvhttpd {

struct RehearsedRequest {
  std::string_view method = "GET";
  http::Url url;
  config::Fields fields{};  // besides Host, which one of them may replace
  PeerAddress client = PeerAddress::of_ipv4({127, 0, 0, 1});
  bool is_plain_to_tls = false;  // the listener awaits TLS, and the client speaks none
};

// The error is a method or a field that no request can have.
Result<void> check_request(const RehearsedRequest& request);

struct RehearsedAnswer {
  const config::Site* site = nullptr;    // absent: none has the host
  const config::Route* route = nullptr;  // absent: the server itself answers
  std::string host;                      // as the server understood it
  std::string path;                      // decoded and normalised; empty: refused before
  std::string answered_path;             // Exchange::answered_path()
  std::string handler;                   // its name
  // One for each route of the site; all not_asked when the answer came before routing.
  struct RouteFate {
    const config::Route* route = nullptr;
    std::string handler;
    std::vector<std::string> methods;  // that it takes; empty: all
    RouteVerdict verdict = RouteVerdict::not_asked;
  };
  std::vector<RouteFate> routes;
  // What allow and deny say of the client.
  struct Admission {
    PeerAddress client;
    bool is_let_in = true;
    const config::Network* network = nullptr;  // that decided; absent: it is in none
  };
  std::optional<Admission> admission;          // absent: there are none, or routing was not asked
  Checkpoint checkpoint = Checkpoint::target;  // that answered
  // That the request is counted by: nothing is counted here. Absent: none, or it was answered
  // before.
  const config::RateLimit* counted_by = nullptr;
  std::string user;  // whom `auth` has let in; empty: nobody had to say who they are, or is right
  AnswerSource source;
  // A program would run. Status, fields and body are its own, and what follows here is empty.
  bool is_program = false;
  http::Status status = 0;
  std::string reason;
  config::Fields fields;               // as sent, in order
  std::uint64_t body_bytes = 0;        // as sent
  std::vector<std::string> log_lines;  // what the error log would say, debug lines too
};

// May be used while a server runs in the same process: it shares nothing with it.
class Rehearsal {
 public:
  // The error is one that would keep the server from starting with the configuration.
  static Result<std::unique_ptr<Rehearsal>> prepare(std::shared_ptr<const config::Config> config,
                                                    BuildHandler build_handler);
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;
  ~Rehearsal();

  // The answer points into the configuration. The error is that of check_request, or that no
  // answer came in time.
  Result<RehearsedAnswer> ask(const RehearsedRequest& request, Duration patience = kPatience);

  static constexpr Duration kPatience{10'000};

 private:
  class RehearsingHandler;
  Rehearsal();
  std::optional<TlsInfo> encryption_of(const RehearsedRequest& request) const;
  bool perform(const RehearsedRequest& request, Duration patience, Recording& recording);
  void on_end(const Exchange& exchange);
  void note_routing(const Exchange& exchange);

  EventLoop loop_;
  std::vector<std::string> log_lines_;
  Log log_;
  Activity activity_;
  RehearsedAnswer answer_;  // that is being found out
  bool has_ended_ = false;
  WorkerContext context_;
};

}  // namespace uvhttpd
