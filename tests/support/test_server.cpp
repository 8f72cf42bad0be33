// SPDX-License-Identifier: MIT
// support/test_server.cpp
#include "support/test_server.h"

#include <doctest/doctest.h>

#include <cstddef>
#include <optional>

#include "config/load.h"

namespace uvhttpd::tests {
namespace {

constexpr int kQuietRounds = 3;
constexpr int kMostRounds = 1'000'000;

// Removes a chunked body from the front of `rest`; false when it is not complete.
bool take_chunked(std::string_view& rest, std::string& body) {
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

}  // namespace

FakeLoop::FakeLoop(Fakes fakes) : fakes_(std::move(fakes)) {}
FakeLoop::~FakeLoop() = default;

const Fake& FakeLoop::fake(const std::string& name) const {
  INFO("fake handler ", name);
  REQUIRE(fakes_.contains(name));
  return fakes_.find(name)->second;
}

Result<BuiltHandler> build_fake(const config::Route& route, const HandlerContext& context) {
  const auto* rule = std::get_if<config::RespondHandler>(&route.handler);
  if (rule == nullptr) return Unexpected(Error{"not a fake", 0});
  const Fake& fake = static_cast<const FakeLoop&>(context.loop).fake(rule->body);
  return BuiltHandler{std::make_unique<FakeHandler>(fake), rule->body, fake.methods, fake.executes};
}

std::string route(std::string_view path, std::string_view name, std::string_view more) {
  return "[[site.route]]\npath = \"" + std::string(path) + "\"\nhandler = \"respond\"\nbody = \"" +
         std::string(name) + "\"\n" + std::string(more) + "\n";
}

std::shared_ptr<const config::Config> config_of(const std::string& toml) {
  config::Loaded loaded = config::load_text(toml, "/etc/uvhttpd.toml", false);
  std::string faults;
  for (const config::Diagnostic& one : loaded.diagnostics) faults += config::render(one);
  INFO(faults);
  REQUIRE(loaded.config.has_value());
  return std::make_shared<const config::Config>(*std::move(loaded.config));
}

TestServer::TestServer(const std::string& toml, Fakes fakes, BuildHandler build)
    : loop(std::move(fakes)), context(loop, log, activity, 1), build_(build) {
  REQUIRE(log.open(directory_ / "error.log", LogLevel::debug).has_value());
  use(toml);
}

TestServer::~TestServer() {
  context.connections.for_each([](ListNode& node) { static_cast<Connection&>(node).abort(); });
}

void TestServer::use(std::shared_ptr<const config::Config> config) {
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

TestClient::TestClient(TestServer& server, std::string_view first,
                       const std::function<void(Wire&)>& prepare,
                       std::shared_ptr<const config::Listener> listener)
    : server_(server), wire_(std::make_shared<Wire>()) {
  wire_->inbound = first;
  prepare(*wire_);
  PeerAddress peer;
  peer.kind = PeerAddress::Kind::ipv4;
  peer.ip = {192, 0, 2, 7};
  peer.port = 4711;
  // The context's: bury() takes it over.
  connection_ = new Connection(server.context, peer, peer, std::move(listener));
  std::optional<ConnectionPlace> place = ConnectionPlace();
  if (server.context.quota != nullptr) place = server.context.quota->enter_unknown();
  REQUIRE(place.has_value());
  connection_->start(std::make_unique<MemoryTransport>(wire_), *std::move(place));
  pump();
}

void TestClient::send(std::string_view bytes) {
  wire_->inbound.append(bytes);
  pump();
}

void TestClient::end() {
  wire_->client_ended = true;
  pump();
}

void TestClient::go_away() {
  if (!wire_->closed) Connection::on_ready(connection_, ready::kGone);
  pump();
}

void TestClient::open_window(std::size_t bytes) {
  wire_->window = bytes;
  pump();
}

void TestClient::pump() {
  for (int quiet = 0, rounds = 0; quiet < kQuietRounds; ++rounds) {
    REQUIRE(rounds < kMostRounds);
    const std::size_t before = activity();
    deliver();
    server_.loop.run_once();
    quiet = activity() == before ? quiet + 1 : 0;
  }
}

std::string TestClient::take() {
  const std::string bytes = wire_->outbound.substr(taken_);
  taken_ = wire_->outbound.size();
  return bytes;
}

std::size_t TestClient::activity() const {
  return static_cast<std::size_t>(wire_->receive.calls + wire_->send.calls) +
         wire_->outbound.size() + (wire_->closed ? 1 : 0);
}

void TestClient::deliver() {
  unsigned now = ready::kNothing;
  if (is_read_from() && (!wire_->inbound.empty() || wire_->client_ended)) now |= ready::kReadable;
  if ((wire_->interest & ready::kWritable) != 0 && wire_->window > 0) now |= ready::kWritable;
  if (now != ready::kNothing) Connection::on_ready(connection_, now);
}

std::string Answer::field(std::string_view name) const {
  const std::string start = "\r\n" + std::string(name) + ": ";
  const std::size_t at = head.find(start);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + start.size();
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

bool Answer::has(std::string_view name) const {
  return head.find("\r\n" + std::string(name) + ": ") != std::string::npos;
}

std::vector<Answer> answers_in(std::string_view rest, bool to_head) {
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
      answer.is_whole = take_chunked(rest, answer.body);
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

Answer answer_in(std::string_view bytes, bool to_head) {
  CAPTURE(bytes);
  std::vector<Answer> answers = answers_in(bytes, to_head);
  REQUIRE(answers.size() == 1);
  return std::move(answers.front());
}

std::string without_dates(std::string bytes) {
  for (std::size_t at = 0; (at = bytes.find("\r\nDate: ", at)) != std::string::npos;) {
    at += 8;
    bytes.replace(at, bytes.find("\r\n", at) - at, "-");
  }
  return bytes;
}

}  // namespace uvhttpd::tests
