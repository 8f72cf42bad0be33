// SPDX-License-Identifier: MIT
// support/test_server.h: a worker without sockets and threads, made from a configuration, whose
// handlers are functions of the test.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  explicit FakeLoop(Fakes fakes);
  ~FakeLoop();
  const Fake& fake(const std::string& name) const;

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

Result<BuiltHandler> build_fake(const config::Route& route, const HandlerContext& context);

// A route to the fake `name`.
std::string route(std::string_view path, std::string_view name, std::string_view more = "");

std::shared_ptr<const config::Config> config_of(const std::string& toml);

// Ends all connections that are left when it is destroyed.
class TestServer {
 public:
  // No access log is written unless the configuration names a file.
  explicit TestServer(const std::string& toml, Fakes fakes = {}, BuildHandler build = build_fake);
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer();

  // What a reload does.
  void use(const std::string& toml) { use(config_of(toml)); }
  void use(std::shared_ptr<const config::Config> config);

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
      std::shared_ptr<const config::Listener> listener = nullptr);

  void send(std::string_view bytes);
  // The client has sent all it will.
  void end();
  // The connection is reset.
  void go_away();
  // The client takes `bytes` more; needed only when the window was set before.
  void open_window(std::size_t bytes);
  // Reports readiness, and turns the loop, until nothing moves any more.
  void pump();

  // What came since the last call.
  std::string take();
  const std::string& received() const { return wire_->outbound; }
  bool is_closed() const { return wire_->closed; }
  bool is_half_closed() const { return wire_->half_closed; }
  bool is_read_from() const { return (wire_->interest & ready::kReadable) != 0; }
  Wire& wire() { return *wire_; }
  Connection& connection() { return *connection_; }

 private:
  std::size_t activity() const;
  void deliver();

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
  std::string field(std::string_view name) const;
  bool has(std::string_view name) const;
};

// The responses in the octets, interim ones too. `to_head` says that the requests were HEAD.
std::vector<Answer> answers_in(std::string_view rest, bool to_head = false);
// The only response in the octets.
Answer answer_in(std::string_view bytes, bool to_head = false);

// The octets with all values of Date made the same, for comparing.
std::string without_dates(std::string bytes);

}  // namespace uvhttpd::tests
