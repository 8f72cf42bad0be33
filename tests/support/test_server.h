// SPDX-License-Identifier: MIT
// support/test_server.h: a worker without sockets and threads, made from a configuration, whose
// handlers are functions of the test.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load.h"
#include "server/connection.h"
#include "server/runtime.h"
#include "server/worker_context.h"
#include "support/memory_transport.h"
#include "support/run_until.h"
#include "support/temp_dir.h"

namespace uvhttpd::tests {

// What a route with `handler = "respond"` and this fake's name as its body does.
struct Fake {
  std::function<void(Exchange&)> handle;
  std::vector<std::string> methods{};
  bool executes = false;
};
using Fakes = std::map<std::string, Fake>;

// Handlers are built by a plain function; the loop is how it finds the test's own.
class FakeLoop : public EventLoop {
 public:
  explicit FakeLoop(Fakes fakes) : fakes_(std::move(fakes)) {}
  const Fake& fake(const std::string& name) const {
    INFO("fake handler ", name);
    REQUIRE(fakes_.contains(name));
    return fakes_.find(name)->second;
  }

 private:
  Fakes fakes_;
};

class FakeHandler final : public Handler {
 public:
  explicit FakeHandler(const Fake& fake) : fake_(fake) {}
  void handle(Exchange& exchange) override { fake_.handle(exchange); }

 private:
  const Fake& fake_;
};

inline Result<BuiltHandler> build_fake(const config::Route& route, const HandlerContext& context) {
  const auto* rule = std::get_if<config::RespondHandler>(&route.handler);
  if (rule == nullptr) return Unexpected(Error{"not a fake", 0});
  const Fake& fake = static_cast<const FakeLoop&>(context.loop).fake(rule->body);
  return BuiltHandler{std::make_unique<FakeHandler>(fake), rule->body, fake.methods, fake.executes};
}

// A route to the fake `name`.
inline std::string route(std::string_view path, std::string_view name, std::string_view more = "") {
  return "[[site.route]]\npath = \"" + std::string(path) + "\"\nhandler = \"respond\"\nbody = \"" +
         std::string(name) + "\"\n" + std::string(more) + "\n";
}

inline std::shared_ptr<const config::Config> config_of(const std::string& toml) {
  config::Loaded loaded = config::load_text(toml, "/etc/uvhttpd.toml", false);
  std::string faults;
  for (const config::Diagnostic& one : loaded.diagnostics) faults += config::render(one);
  INFO(faults);
  REQUIRE(loaded.config.has_value());
  return std::make_shared<const config::Config>(*std::move(loaded.config));
}

// Ends all connections that are left when it is destroyed.
class TestServer {
 public:
  // No access log is written unless the configuration names a file.
  explicit TestServer(const std::string& toml, Fakes fakes = {}, BuildHandler build = build_fake)
      : loop(std::move(fakes)), context(loop, log, activity, 1), build_(build) {
    REQUIRE(log.open(directory_ / "error.log", LogLevel::debug).has_value());
    use(toml);
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer() {
    context.connections.for_each([](ListNode& node) { static_cast<Connection&>(node).abort(); });
  }

  // What a reload does.
  void use(const std::string& toml) { use(config_of(toml)); }
  void use(std::shared_ptr<const config::Config> config) {
    auto runtime =
        Runtime::build(std::move(config), build_, loop, log, activity, 1, true, &rate_limiters);
    REQUIRE(runtime.has_value());
    context.use_runtime(std::move(*runtime));
    config::AccessLog access = context.runtime()->config().access_log;
    if (access.path == "stdout") access.path = "off";
    auto target = AccessLog::prepare(access);
    REQUIRE(target.has_value());
    context.access_log.use(std::move(*target));
  }

  template <class Condition>
  bool wait_until(Condition&& holds) {
    return run_until(loop, std::forward<Condition>(holds));
  }

  std::string error_log() const { return directory_.read("error.log"); }
  const TempDir& directory() const { return directory_; }
  std::size_t connections() const { return context.connection_count; }

 private:
  TempDir directory_;

 public:
  FakeLoop loop;
  Log log;
  Activity activity;
  RateLimiters rate_limiters;
  WorkerContext context;

 private:
  BuildHandler build_;
};

// The other end of one connection. Every call lets the server do all it can before it returns.
class TestClient {
 public:
  // `prepare` sets the wire up before the server sees it.
  explicit TestClient(
      TestServer& server, std::string_view first = {},
      const std::function<void(Wire&)>& prepare = [](Wire&) {},
      std::shared_ptr<const config::Listener> listener = nullptr)
      : server_(server), wire_(std::make_shared<Wire>()) {
    wire_->inbound = first;
    prepare(*wire_);
    PeerAddress peer;
    peer.kind = PeerAddress::Kind::ipv4;
    peer.ip = {192, 0, 2, 7};
    peer.port = 4711;
    // The context's: bury() takes it over.
    connection_ = new Connection(server.context, peer, peer, std::move(listener));
    connection_->start(std::make_unique<MemoryTransport>(wire_));
    pump();
  }

  void send(std::string_view bytes) {
    wire_->inbound.append(bytes);
    pump();
  }
  // The client has sent all it will.
  void end() {
    wire_->client_ended = true;
    pump();
  }
  // The connection is reset.
  void go_away() {
    if (!wire_->closed) Connection::on_ready(connection_, ready::kGone);
    pump();
  }
  // The client takes `bytes` more; needed only when the window was set before.
  void open_window(std::size_t bytes) {
    wire_->window = bytes;
    pump();
  }

  // Reports readiness, and turns the loop, until nothing moves any more.
  void pump() {
    for (int quiet = 0, rounds = 0; quiet < kQuietRounds; ++rounds) {
      REQUIRE(rounds < kMostRounds);
      const std::size_t before = activity();
      deliver();
      server_.loop.run_once();
      quiet = activity() == before ? quiet + 1 : 0;
    }
  }

  // What came since the last call.
  std::string take() {
    const std::string bytes = wire_->outbound.substr(taken_);
    taken_ = wire_->outbound.size();
    return bytes;
  }
  const std::string& received() const { return wire_->outbound; }
  bool is_closed() const { return wire_->closed; }
  bool is_half_closed() const { return wire_->half_closed; }
  bool is_read_from() const { return (wire_->interest & ready::kReadable) != 0; }
  Wire& wire() { return *wire_; }
  Connection& connection() { return *connection_; }

 private:
  static constexpr int kQuietRounds = 3;
  static constexpr int kMostRounds = 1'000'000;

  std::size_t activity() const {
    return static_cast<std::size_t>(wire_->receive.calls + wire_->send.calls) +
           wire_->outbound.size() + (wire_->closed ? 1 : 0);
  }
  void deliver() {
    unsigned now = ready::kNothing;
    if (is_read_from() && (!wire_->inbound.empty() || wire_->client_ended)) now |= ready::kReadable;
    if ((wire_->interest & ready::kWritable) != 0 && wire_->window > 0) now |= ready::kWritable;
    if (now != ready::kNothing) Connection::on_ready(connection_, now);
  }

  TestServer& server_;
  std::shared_ptr<Wire> wire_;
  Connection* connection_;  // gone when the wire is closed
  std::size_t taken_ = 0;
};

// A response as its reader understands it.
struct Answer {
  unsigned status = 0;
  std::string head;  // with the blank line
  std::string body;
  bool is_whole = false;  // its framing says so

  // The value of the field, "" when it is not there; `name` as the server writes it.
  std::string field(std::string_view name) const {
    const std::string start = "\r\n" + std::string(name) + ": ";
    const std::size_t at = head.find(start);
    if (at == std::string::npos) return "";
    const std::size_t begin = at + start.size();
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
  bool has(std::string_view name) const {
    return head.find("\r\n" + std::string(name) + ": ") != std::string::npos;
  }
};

namespace answer_reading {

// Removes a chunked body from the front of `rest`; false when it is not complete.
inline bool take_chunked(std::string_view& rest, std::string& body) {
  for (;;) {
    const std::size_t line_end = rest.find("\r\n");
    if (line_end == std::string_view::npos) return false;
    const std::size_t size = std::stoul(std::string(rest.substr(0, line_end)), nullptr, 16);
    if (rest.size() < line_end + 2 + size + 2) return false;
    body.append(rest.substr(line_end + 2, size));
    if (rest.substr(line_end + 2 + size, 2) != "\r\n") return false;
    rest.remove_prefix(line_end + 2 + size + 2);
    if (size == 0) return true;
  }
}

}  // namespace answer_reading

// The responses in the octets, interim ones too. `to_head` says that the requests were HEAD.
inline std::vector<Answer> answers_in(std::string_view rest, bool to_head = false) {
  std::vector<Answer> answers;
  while (!rest.empty()) {
    Answer& answer = answers.emplace_back();
    const std::size_t head_end = rest.find("\r\n\r\n");
    if (!rest.starts_with("HTTP/1.1 ") || head_end == std::string_view::npos) {
      answer.body = rest;
      break;
    }
    answer.head = rest.substr(0, head_end + 4);
    answer.status = static_cast<unsigned>(std::stoul(answer.head.substr(9, 3)));
    rest.remove_prefix(head_end + 4);
    const bool bodiless =
        to_head || answer.status < 200 || answer.status == 204 || answer.status == 304;
    if (bodiless) {
      answer.is_whole = true;
    } else if (answer.has("Transfer-Encoding")) {
      answer.is_whole = answer_reading::take_chunked(rest, answer.body);
      if (!answer.is_whole) break;
    } else if (answer.has("Content-Length")) {
      const std::size_t length = std::stoul(answer.field("Content-Length"));
      answer.body = rest.substr(0, length);
      answer.is_whole = answer.body.size() == length;
      rest.remove_prefix(answer.body.size());
    } else {
      answer.body = rest;
      break;
    }
  }
  return answers;
}

// The only response in the octets.
inline Answer answer_in(std::string_view bytes, bool to_head = false) {
  CAPTURE(bytes);
  std::vector<Answer> answers = answers_in(bytes, to_head);
  REQUIRE(answers.size() == 1);
  return std::move(answers.front());
}

// The octets with all values of Date made the same, for comparing.
inline std::string without_dates(std::string bytes) {
  for (std::size_t at = 0; (at = bytes.find("\r\nDate: ", at)) != std::string::npos;) {
    at += 8;
    bytes.replace(at, bytes.find("\r\n", at) - at, "-");
  }
  return bytes;
}

}  // namespace uvhttpd::tests
