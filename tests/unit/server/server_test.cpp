// SPDX-License-Identifier: MIT
// unit/server/server_test.cpp: workers on real sockets and threads: addresses, reload, limits,
// drain.
#include "server/server.h"

#include <doctest/doctest.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>

#include "support/run_until.h"
#include "support/socket_pairs.h"
#include "support/temp_dir.h"
#include "support/test_server.h"

namespace uvhttpd::tests {
namespace {

class FixedText final : public Handler {
 public:
  explicit FixedText(std::string text) : text_(std::move(text)) {}
  void handle(Exchange& exchange) override {
    struct Source final : BodySource {
      explicit Source(std::string_view bytes) : text(bytes) {}
      PullResult pull(SendQueue& out, std::size_t) override {
        out.append(text);
        return PullResult::end;
      }
      std::string text;
    };
    ResponseHead head(exchange.arena());
    head.content_length = text_.size();
    exchange.respond(head, &exchange.keep<Source>(text_));
  }

 private:
  std::string text_;
};

Result<BuiltHandler> build_fixed(const config::Route& each, const HandlerContext&) {
  const auto* rule = std::get_if<config::RespondHandler>(&each.handler);
  if (rule == nullptr) return Unexpected(Error{"no such handler", 0});
  return BuiltHandler{std::make_unique<FixedText>(rule->body), "fixed", {}, false};
}

constexpr const char* kRequest = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

// Two workers that answer everything with `text`.
std::string config_text(const std::string& address, const std::string& text,
                        const std::string& more = "", int workers = 2) {
  return "[server]\nworkers = " + std::to_string(workers) + "\n[access_log]\npath = \"off\"\n[[listener]]\naddress = \"" +
         address + "\"\n" + more + "\n[[site]]\n" + route("/*", text);
}

struct Running {
  explicit Running(const std::string& toml) : server(loop, log, build_fixed, {}) {
    REQUIRE(log.open(directory / "error.log", LogLevel::debug).has_value());
    const auto config = config_of(toml);
    const Result<void> opened = server.open_sockets(*config);
    REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
    REQUIRE(server.start(config).has_value());
    const std::string url = server.addresses().front();
    if (url.starts_with("http://")) {
      port = static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1)));
    }
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (!ended) server.stop_now();
  }

  UniqueFd connect() const { return connect_to("127.0.0.1", port); }
  // What the server sends until there is one whole answer or the end of the connection.
  std::string receive(const UniqueFd& client) {
    std::string bytes;
    CHECK(run_until(loop, [&] {
      bytes += read_now(client);
      return bytes.ends_with('>') || (!bytes.empty() && answers_in(bytes).back().is_whole);
    }));
    return bytes.substr(0, bytes.find("<EOF>"));
  }
  std::string ask(const UniqueFd& client) {
    send_text(client, kRequest);
    return answer_in(receive(client)).body;
  }
  // The error of a reload, "" when it took place.
  std::string reload(const std::string& toml) {
    std::optional<Result<void>> outcome;
    server.reload(config_of(toml), [&](Result<void> result) { outcome = std::move(result); });
    REQUIRE(run_until(loop, [&] { return outcome.has_value(); }));
    return outcome->has_value() ? "" : outcome->error().message;
  }
  void drain() {
    server.drain([this] { ended = true; });
  }
  bool ends() {
    return run_until(loop, [this] { return ended; });
  }

  TempDir directory;
  EventLoop loop;
  Log log;
  Server server;
  std::uint16_t port = 0;
  bool ended = false;
};

TEST_CASE("Server answers on its address, whichever worker has the connection") {
  Running running(config_text("127.0.0.1:0", "hello"));
  for (int i = 0; i < 20; ++i) {
    const UniqueFd client = running.connect();
    CHECK(running.ask(client) == "hello");
    CHECK(running.ask(client) == "hello");
  }
}

TEST_CASE("Server calls back when all workers are alive") {
  Running running(config_text("127.0.0.1:0", "hello"));
  bool answered = false;
  running.server.ping([&] { answered = true; });
  CHECK(run_until(running.loop, [&] { return answered; }));
}

TEST_CASE("A reload takes effect on connections in use and closes none") {
  Running running(config_text("127.0.0.1:0", "old"));
  const UniqueFd client = running.connect();
  REQUIRE(running.ask(client) == "old");
  CHECK(running.reload(config_text("127.0.0.1:0", "new")) == "");
  CHECK(run_until(running.loop, [&] { return running.ask(client) == "new"; }));
  CHECK(running.ask(running.connect()) == "new");
}

TEST_CASE("A reload that fails changes nothing") {
  Running running(config_text("127.0.0.1:0", "old"));
  SUBCASE("for an address that is taken") {
    const Result<UniqueFd> taken = listen_ip("127.0.0.1", 0, false);
    REQUIRE(taken.has_value());
    const std::string address = "127.0.0.1:" + std::to_string(local_address(taken->get()).port);
    CHECK(running.reload(config_text(address, "new")).find("Address already in use") !=
          std::string::npos);
  }
  SUBCASE("for a handler that cannot be built") {
    const std::string first =
        "[[site]]\nhosts = [\"a\"]\n[[site.route]]\npath = \"/x\"\nhandler = "
        "\"redirect\"\nto = \"/\"\n";
    CHECK(running.reload(config_text("127.0.0.1:0", "new", first)) == "no such handler");
  }
  CHECK(running.ask(running.connect()) == "old");
}

TEST_CASE("A reload opens new addresses and closes those that are gone") {
  Running running(config_text("127.0.0.1:0", "text"));
  const std::string path = running.directory / "sock";
  CHECK(running.reload(config_text("unix:" + path, "text")) == "");
  CHECK(std::filesystem::is_socket(path));
  CHECK(run_until(running.loop, [&] {
    const UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(running.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0;
  }));
  CHECK(running.reload(config_text("127.0.0.1:0", "text")) == "");
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("Server removes its Unix socket when it ends") {
  TempDir directory;
  {
    Running running(config_text("unix:" + (directory / "sock"), "text"));
    CHECK(std::filesystem::is_socket(directory / "sock"));
    running.drain();
    CHECK(running.ends());
  }
  CHECK_FALSE(std::filesystem::exists(directory / "sock"));
}

TEST_CASE(
    "A connection over the limit is turned away with 503 at once, and there is room after it") {
  Running running(config_text("127.0.0.1:0", "text", "[limits]\nconnections = 1", 1));
  UniqueFd first = running.connect();
  send_text(first, "GET / HTTP/1.1\r\n");  // it has begun to ask
  const UniqueFd second = running.connect();
  send_text(second, kRequest);
  const Answer refused = answer_in(running.receive(second));
  CHECK(refused.status == 503);
  CHECK(refused.has("Retry-After"));
  CHECK(refused.has("Date"));
  first.reset();
  CHECK(run_until(running.loop, [&] {
    const UniqueFd third = running.connect();
    send_text(third, kRequest);
    return running.receive(third).starts_with("HTTP/1.1 200");
  }));
}

TEST_CASE("A kept connection that waits for another request gives way to a new one") {
  Running running(config_text("127.0.0.1:0", "text", "[limits]\nconnections = 2", 1));
  const UniqueFd oldest = running.connect();
  REQUIRE(running.ask(oldest) == "text");
  const UniqueFd older = running.connect();
  REQUIRE(running.ask(older) == "text");
  const UniqueFd newcomer = running.connect();
  CHECK(running.ask(newcomer) == "text");
  CHECK(running.receive(oldest).empty());
  CHECK(running.ask(older) == "text");
}

TEST_CASE("A client over its own limit closes nobody's connection") {
  Running running(
      config_text("127.0.0.1:0", "text", "[limits]\nconnections = 2\nconnections_per_ip = 2", 1));
  const UniqueFd first = running.connect();
  REQUIRE(running.ask(first) == "text");
  const UniqueFd second = running.connect();
  REQUIRE(running.ask(second) == "text");
  const UniqueFd third = running.connect();
  send_text(third, kRequest);
  CHECK(answer_in(running.receive(third)).status == 503);
  CHECK(running.ask(first) == "text");
  CHECK(running.ask(second) == "text");
}

TEST_CASE("A client over its own limit is turned away") {
  Running running(config_text("127.0.0.1:0", "text", "[limits]\nconnections_per_ip = 2"));
  const UniqueFd first = running.connect();
  const UniqueFd second = running.connect();
  REQUIRE(running.ask(first) == "text");
  REQUIRE(running.ask(second) == "text");
  const UniqueFd third = running.connect();
  send_text(third, kRequest);
  CHECK(answer_in(running.receive(third)).status == 503);
}

TEST_CASE("A server that drains closes what is idle and ends") {
  Running running(config_text("127.0.0.1:0", "text"));
  const UniqueFd idle = running.connect();
  REQUIRE(running.ask(idle) == "text");
  running.drain();
  CHECK(running.ends());
  CHECK(read_now(idle) == "<EOF>");
}

TEST_CASE("A server that drains waits for a request that has begun") {
  Running running(config_text("127.0.0.1:0", "text"));
  const UniqueFd begun = running.connect();
  send_text(begun, "GET / HTTP/1.1\r\n");
  // The worker has it: another request on the same listener is answered after it.
  REQUIRE(running.ask(running.connect()) == "text");
  bool alive = false;
  running.server.ping([&] { alive = true; });
  REQUIRE(run_until(running.loop, [&] { return alive; }));
  running.drain();
  send_text(begun, "Host: a\r\n\r\n");
  const Answer answer = answer_in(running.receive(begun));
  CHECK(answer.status == 200);
  CHECK(answer.field("Connection") == "close");
  CHECK(running.ends());
}

TEST_CASE("A server that is stopped at once breaks off what is open") {
  Running running(config_text("127.0.0.1:0", "text"));
  const UniqueFd idle = running.connect();
  REQUIRE(running.ask(idle) == "text");
  running.drain();
  running.server.stop_now();
  CHECK(running.ends());
}

TEST_CASE("A port in use is an error that says so") {
  const Result<UniqueFd> taken = listen_ip("127.0.0.1", 0, true);
  REQUIRE(taken.has_value());
  const std::uint16_t port = local_address(taken->get()).port;
  EventLoop loop;
  Log log;
  Server server(loop, log, build_fixed, {});
  const Result<void> opened =
      server.open_sockets(*config_of(config_text("127.0.0.1:" + std::to_string(port), "text")));
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().os_error == EADDRINUSE);
}

}  // namespace
}  // namespace uvhttpd::tests
