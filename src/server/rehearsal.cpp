// SPDX-License-Identifier: MIT
#include "server/rehearsal.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "server/connection.h"

namespace uvhttpd {
namespace {

// The head of the request as it goes over the wire.
std::string encode(const RehearsedRequest& request) {
  std::string octets = fmt::format("{} {} HTTP/1.1\r\n", request.method, request.url.target);
  const bool has_host =
      std::any_of(request.fields.begin(), request.fields.end(),
                  [](const auto& field) { return equals_ignoring_case(field.first, "Host"); });
  if (!has_host) octets += "Host: " + request.url.authority + "\r\n";
  for (const auto& [name, value] : request.fields) octets += name + ": " + value + "\r\n";
  return octets + "\r\n";
}

// None for a name: which of the server's addresses it stands for only the client's resolver knows.
PeerAddress address_in(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return PeerAddress::parse(host).value_or(PeerAddress{});
}

// Interim responses are passed over. False when there is no whole head.
bool read_response(const Recording& recording, RehearsedAnswer& answer) {
  std::string_view rest = recording.octets;
  for (;;) {
    const std::size_t end = rest.find("\r\n\r\n");
    constexpr std::size_t kStatusAt = 9;  // behind "HTTP/1.1 "
    if (end == std::string_view::npos || end < kStatusAt + 3) return false;
    std::string_view head = rest.substr(0, end + 2);
    rest.remove_prefix(end + 4);
    answer.status = static_cast<http::Status>(parse_decimal(head.substr(kStatusAt, 3)).value_or(0));
    if (answer.status < 200) continue;
    const std::size_t line = head.find("\r\n");
    answer.reason = head.substr(0, line).substr(std::min(line, kStatusAt + 4));
    for (head.remove_prefix(line + 2); !head.empty();) {
      const std::string_view field = head.substr(0, head.find("\r\n"));
      const std::size_t colon = std::min(field.find(':'), field.size());
      answer.fields.emplace_back(field.substr(0, colon),
                                 trim_ows(field.substr(std::min(colon + 1, field.size()))));
      head.remove_prefix(field.size() + 2);
    }
    answer.body_bytes = recording.total - (recording.octets.size() - rest.size());
    return true;
  }
}

}  // namespace

Result<void> check_request(const RehearsedRequest& request) {
  // A method is a token, as field names are.
  if (!http::is_valid_field(request.method, "")) {
    return Unexpected(Error{"\"" + escape_for_log(request.method) + "\" is no method", 0});
  }
  for (const auto& [name, value] : request.fields) {
    if (http::is_valid_field(name, value)) continue;
    return Unexpected(
        Error{"\"" + escape_for_log(name + ": " + value) + "\" is no header field", 0});
  }
  return {};
}

// Stands in the place of a route's handler, which it asks only where that runs no program and
// asks no other server.
class Rehearsal::RehearsingHandler final : public Handler {
 public:
  RehearsingHandler(std::unique_ptr<Handler> handler, bool reaches_out, RehearsedAnswer& answer)
      : handler_(std::move(handler)), reaches_out_(reaches_out), answer_(answer) {}

  void handle(Exchange& exchange) override {
    answer_.source = handler_->foresee(exchange);
    if (exchange.has_responded()) return;
    if (!reaches_out_) return handler_->handle(exchange);
    answer_.is_program = true;
    exchange.respond(ResponseHead(exchange.arena(), 204), nullptr);
  }
  std::string_view path_instead(Exchange& exchange) override {
    return handler_->path_instead(exchange);
  }

 private:
  std::unique_ptr<Handler> handler_;
  const bool reaches_out_;
  RehearsedAnswer& answer_;
};

Rehearsal::Rehearsal() : context_(loop_, log_, activity_, 0) {
  log_.keep_in(log_lines_);
  context_.keeps_pace = false;
  context_.observer = {
      [](void* self, const Exchange& exchange) { static_cast<Rehearsal*>(self)->on_end(exchange); },
      this};
  context_.on_all_closed = [this] { loop_.stop(); };
}

Rehearsal::~Rehearsal() = default;

Result<std::unique_ptr<Rehearsal>> Rehearsal::prepare(std::shared_ptr<const config::Config> config,
                                                      BuildHandler build_handler) {
  std::unique_ptr<Rehearsal> rehearsal(new Rehearsal);
  TRY_ASSIGN(std::shared_ptr<Runtime> runtime,
             Runtime::build(std::move(config), build_handler, rehearsal->loop_, rehearsal->log_,
                            rehearsal->activity_, 1, false));
  runtime->replace_handlers([&](const RouteRuntime& route, std::unique_ptr<Handler> handler) {
    return std::make_unique<RehearsingHandler>(
        std::move(handler), route.executes || route.asks_others, rehearsal->answer_);
  });
  rehearsal->context_.use_runtime(std::move(runtime));
  return rehearsal;
}

Result<RehearsedAnswer> Rehearsal::ask(const RehearsedRequest& request, Duration patience) {
  TRY(check_request(request));
  answer_ = {};
  log_lines_.clear();
  has_ended_ = false;
  Recording recording;
  if (!perform(request, patience, recording) || !read_response(recording, answer_)) {
    return Unexpected(Error{fmt::format("no answer within {} ms", patience.count()), 0});
  }
  if (answer_.is_program) {
    answer_.status = 0;
    answer_.reason.clear();
    answer_.fields.clear();
    answer_.body_bytes = 0;
  }
  answer_.log_lines = log_lines_;
  return std::move(answer_);
}

// As if the client had named the host in its handshake, too, and had no certificate of its own.
std::optional<TlsInfo> Rehearsal::encryption_of(const RehearsedRequest& request) const {
  const http::Url& url = request.url;
  TlsInfo tls;
  tls.is_plain = request.is_plain_to_tls;
  if (tls.is_plain) return tls;
  if (!url.is_https) return std::nullopt;
  tls.is_established = true;
  tls.server_name = url.host;
  const SiteRuntime* site = context_.runtime()->find_site(url.host);
  if (site != nullptr && site->config->tls) tls.client_ca = site->config->tls->client_ca;
  return tls;
}

// False when the answer was not complete in time.
bool Rehearsal::perform(const RehearsedRequest& request, Duration patience, Recording& recording) {
  loop_.run_once();  // what time it is
  PeerAddress server = address_in(request.url.host);
  server.port = request.url.port;
  auto* connection = new Connection(context_, request.client, server);
  Timer deadline(
      loop_, [](void* loop) { static_cast<EventLoop*>(loop)->stop(); }, &loop_);
  deadline.start(patience);
  // The connection is the context's: bury() takes it over.
  connection->start(std::make_unique<RecordedTransport>(
      loop_, encode(request), encryption_of(request), recording, Connection::on_ready, connection));
  while (context_.connection_count > 0 && deadline.is_active()) loop_.run();
  if (context_.connection_count == 0) return true;
  connection->abort();
  return false;
}

void Rehearsal::on_end(const Exchange& exchange) {
  if (has_ended_) return;
  has_ended_ = true;
  const http::Target& target = exchange.request().target;
  answer_.host = target.host;
  if (!target.raw_path.empty()) answer_.path = target.path;
  answer_.answered_path = exchange.answered_path();
  answer_.checkpoint = exchange.checkpoint();
  answer_.user = exchange.request().user;
  if (exchange.site() == nullptr) return;
  answer_.site = exchange.site()->config;
  if (exchange.has_route()) {
    answer_.route = exchange.route().config;
    answer_.handler = exchange.route().handler_name;
  }
  note_routing(exchange);
  // Where there is no route, what comes before it has been asked.
  if (answer_.checkpoint == Checkpoint::route || answer_.checkpoint > Checkpoint::rate) {
    const auto& limit =
        answer_.route != nullptr ? answer_.route->rate_limit : answer_.site->rate_limit;
    if (limit) answer_.counted_by = &*limit;
  }
  if (answer_.checkpoint < Checkpoint::preflight) return;
  const AccessRules& rules =
      exchange.has_route() ? exchange.route().access : exchange.site()->access;
  if (rules.is_open()) return;
  const PeerAddress& client = exchange.request().client;
  const AccessRules::Verdict verdict = rules.judge(client);
  answer_.admission = {client, verdict.lets_in, verdict.network};
}

// What was decided is the exchange's; choose_route is asked again only for its reasons.
void Rehearsal::note_routing(const Exchange& exchange) {
  const SiteRuntime& site = *exchange.site();
  std::vector<RouteVerdict> verdicts;
  const RouteChoice choice = choose_route(site, exchange.request().target.path,
                                          exchange.request().head.method_text, verdicts);
  const config::Route* chosen = choice.route != nullptr ? choice.route->config : nullptr;
  for (std::size_t i = 0; i < site.routes.size(); ++i) {
    const RouteRuntime& route = site.routes[i];
    answer_.routes.push_back({route.config, route.handler_name, route.methods,
                              chosen == answer_.route ? verdicts[i] : RouteVerdict::not_asked});
  }
}

}  // namespace uvhttpd
