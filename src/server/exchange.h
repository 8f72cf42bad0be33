// SPDX-License-Identifier: MIT
// server/exchange.h: one request and its response, as a handler sees them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/log.h"
#include "http/framing.h"
#include "http/message.h"
#include "http/target.h"
#include "io/event_loop.h"
#include "io/socket.h"
#include "server/handler.h"
#include "server/response.h"

namespace uvhttpd {

class Connection;
class RateLimiter;
class Runtime;
struct RouteRuntime;
struct SiteRuntime;
struct TlsInfo;
class WorkerContext;

struct Request {
  http::RequestHead head;
  http::Framing framing;
  http::Target target;
  // The part of target.path that the `*` of the route's pattern matched, without a leading slash
  // for
  // "/prefix/*"; the whole path without its leading slash for other patterns.
  std::string_view matched;
  PeerAddress peer;       // who is connected; a proxy, perhaps
  PeerAddress sender;     // the peer, or whom its PROXY protocol header names
  PeerAddress client;     // who asks: the sender, or whom it names in fields, where it is believed
  PeerAddress server;     // the address that the client reached
  std::string_view user;  // whom the route's `auth` has let in; of the arena
  std::string_view scheme = "http";  // that the client used; "https" where a proxy ends TLS
  // Of the connection to the peer; absent: it is not encrypted.
  const TlsInfo* tls = nullptr;
  // The same when it has a certificate of the client's, verified by the rules of this site.
  const TlsInfo* certificate = nullptr;
  // The peer is one of the listener's trusted_proxies. What it says of the client, its scheme
  // aside, changes no routing: X-Forwarded-Host is a field like others.
  bool peer_is_trusted = false;
  // RFC 3875 section 4.1.1; empty: nobody had to say who they are.
  std::string_view auth_type() const { return user.empty() ? "" : "Basic"; }
  bool has_body() const { return framing.body != http::Framing::Body::none; }
};

// What a request goes through, in this order.
enum class Checkpoint : std::uint8_t {
  target,
  site,
  https,
  certificate,
  server,
  preflight,
  route,
  client,
  rate,
  user,
  body,
  handler
};

// How often one request may be sent on within the server.
constexpr unsigned kMaxInternalRedirects = 5;

class Exchange {
 public:
  Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  const Request& request() const { return request_; }
  // Only of an exchange that has been routed, as a handler's always has.
  const RouteRuntime& route() const { return *route_; }
  bool has_route() const { return route_ != nullptr; }
  const SiteRuntime* site() const { return site_; }
  // That it came to last: the one that answered it, or where it waits. Without a route the client
  // and the rate were asked about before Checkpoint::route ends.
  Checkpoint checkpoint() const { return checkpoint_; }
  Arena& arena() { return arena_; }
  EventLoop& loop();
  Log& log();
  // "5e0a9c417f3a-19" or the like: the same in the error log and the access log, and no other
  // server's or earlier start's. Valid as long as the exchange.
  std::string_view id();

  // State of the handler that is destroyed with the exchange, in reverse order.
  template <class T, class... Args>
  T& keep(Args&&... args) {
    return arena_.make<T>(std::forward<Args>(args)...);
  }

  // The body goes to the sink from now on (100 Continue is sent when it is awaited). Once at most;
  // the sink must live as long as the exchange. Not calling it means the body is not wanted.
  void receive_body(BodySink& sink);
  // The request body's octets handed over so far.
  std::uint64_t body_bytes_received() const;

  // The request's trailer section (RFC 9110 section 6.5): field lines, each with its CRLF. Empty
  // until the sink is finished; valid as long as the exchange.
  std::string_view request_trailers() const;

  // What is asked for, as it stands in the error log: "GET /a?b".
  std::string subject() const;

  // The response. Once, this or fail(). `source` gives the body and must live as long as the
  // exchange; nullptr is an empty body. For HEAD and for statuses without a body the source is not
  // asked.
  void respond(const ResponseHead& head, BodySource* source);
  // An error answer with the site's page for it. `reason` goes to the error log when it is not
  // empty.
  void fail(http::Status status, std::string_view reason,
            std::span<const http::ResponseField> extra = {});
  // An error answer that says why, in a sentence for whoever asked. Not logged.
  void explain_failure(http::Status status, std::string_view explanation);
  // Has the pipeline handle `GET target` (a path, perhaps with a query) instead, as RFC 3875
  // section 6.2.2 says; in the place of respond(). HEAD stays HEAD. The site is the same, and so
  // are the fields, but for those about the body: request() has none any more, and what the client
  // still sends of it is discarded after the answer. The access log has what the client asked for.
  // Like respond() it may end the exchange. While the exchange lasts the caller's keep()-state
  // stays, is asked for nothing and must not answer. False, and nothing has happened: the target is
  // invalid, there were kMaxInternalRedirects already, or something has responded.
  bool redirect_internally(std::string_view target);
  // Has the pipeline handle the request as if its path were `path` (decoded and normal, as
  // Target::path is); in the place of respond(), and before receive_body(). The rest of it is as it
  // was: method, query, fields, body, and what the client sent as its target. False, and nothing
  // has happened: the request was sent on kMaxInternalRedirects times already, or something has
  // responded. What is said of redirect_internally() about the caller's state holds here, too.
  bool pass_on(std::string_view path);
  // An interim response (RFC 9110 section 15.2) with the status above 100 and below 200, but not
  // 101. Sent at once, without configured fields. Not sent to HTTP/1.0 clients, after the response,
  // to a client that lets what it is sent pile up, nor with status 100, which the connection writes
  // itself.
  void inform(const ResponseHead& head);
  // Ends HTTP on this connection (RFC 9110 section 7.8); in the place of respond(). The head, of
  // status 101, has the fields Upgrade and Connection. From then on what the client sends, also
  // what came right behind its request, goes to `sink`, which is finished when the client has sent
  // all; what `source` gives goes out as it is, and its end closes the connection. Both must live
  // as long as the exchange. Handlers have their own idle timeout: only of a client that takes
  // nothing the connection tires. Where can_upgrade() is false the answer is 502.
  void upgrade(const ResponseHead& head, BodySource& source, BodySink& sink);
  // The client knows upgrades, which HTTP/1.0 does not, and its request has come completely.
  bool can_upgrade() const;
  bool has_responded() const;
  // The path that patterns of configured fields are about: the one asked for, unless the handler
  // says that another answers it: a directory's index, say. Before it responds.
  std::string_view answered_path() const {
    return answered_path_.empty() ? request_.target.path : answered_path_;
  }
  void set_answered_path(std::string_view path) { answered_path_ = arena_.copy(path); }

  // The sink has room again, or the source something to pull. May be called at any time from the
  // loop; does nothing when neither is awaited.
  void wake();

 private:
  friend class Connection;
  friend class Pipeline;
  void reset();

  Connection* connection_ = nullptr;
  Request request_;
  const RouteRuntime* route_ = nullptr;
  const SiteRuntime* site_ = nullptr;
  const RateLimiter* counted_by_ = nullptr;
  std::shared_ptr<const Runtime> runtime_;
  std::uint64_t number_ = 0;
  std::string_view id_;  // of the arena, once it has been asked for
  std::optional<ResponseHead> response_;
  std::string_view answered_path_;
  BodySource* source_ = nullptr;
  BodySink* sink_ = nullptr;
  bool is_upgraded_ = false;
  Checkpoint checkpoint_ = Checkpoint::target;
  std::uint8_t internal_redirects_ = 0;
  std::uint8_t passes_ = 0;
  TimePoint started_{};
  Arena arena_;  // last: what it destroys may still use the rest
};

}  // namespace uvhttpd
