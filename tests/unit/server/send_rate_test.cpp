// SPDX-License-Identifier: MIT
// unit/server/send_rate_test.cpp: answers that are sent no faster than send_rate says.
#include <doctest/doctest.h>

#include <fcntl.h>

#include <fstream>

#include "unit/server/fakes.h"

namespace uvhttpd::tests {
namespace {

constexpr std::uint64_t kRate = 640'000;  // which is also the burst
constexpr std::size_t kBody = 800'000;    // a quarter of a second more

void respond_large(Exchange& exchange) { respond_with(exchange, std::string(kBody, 'x')); }

// As a program's: in pieces, and nobody knows how many.
class EndlessSource final : public BodySource {
 public:
  PullResult pull(SendQueue& out, std::size_t) override {
    if (++pulls_ > kBody / 1'000) return PullResult::end;
    out.append(std::string(1'000, 'x'));
    return PullResult::more;
  }

 private:
  std::size_t pulls_ = 0;
};

Fakes fakes(TestServer** server = nullptr) {
  Fakes made = usual_fakes();
  made["target"] = {respond_large};
  made["echo"] = {[](Exchange& exchange) {
    exchange.respond(ResponseHead(exchange.arena()), &exchange.keep<EndlessSource>());
  }};
  made["early"] = {[server](Exchange& exchange) {
    const std::string path = (*server)->directory() / "large";
    std::ofstream(path) << std::string(kBody, 'x');
    auto file = std::make_shared<const UniqueFd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    class FileSource final : public BodySource {
     public:
      explicit FileSource(std::shared_ptr<const UniqueFd> file) : file_(std::move(file)) {}
      PullResult pull(SendQueue& out, std::size_t) override {
        out.append_file(file_, 0, kBody);
        return PullResult::end;
      }

     private:
      std::shared_ptr<const UniqueFd> file_;
    };
    ResponseHead head(exchange.arena());
    head.content_length = kBody;
    exchange.respond(head, &exchange.keep<FileSource>(std::move(file)));
  }};
  return made;
}

std::shared_ptr<const config::Config> paced_config(std::uint64_t rate,
                                                   std::string_view start = "") {
  config::Config config = *config_of(usual_site(start));
  for (config::Route& route : config.sites.front().routes) route.send_rate = rate;
  return std::make_shared<const config::Config>(std::move(config));
}

bool is_whole(TestClient& client, std::size_t count = 1) {
  client.pump();
  const std::vector<Answer> answers = answers_in(client.received());
  return answers.size() == count && answers.back().is_whole;
}

TEST_CASE("What is more than the burst is sent at the rate, whatever the body is made of") {
  TestServer* itself = nullptr;
  TestServer server("[[site]]\n" + route("/*", "target"), fakes(&itself));
  itself = &server;
  server.use(paced_config(kRate));
  for (const char* target : {"/memory", "/echo", "/early"}) {
    CAPTURE(target);
    const TimePoint start = server.loop.now();
    TestClient client(server, get(target));
    CHECK(client.received().size() >= kRate - 1'000);
    CHECK(client.received().size() <= kRate + 200'000);
    REQUIRE(server.wait_until([&] { return is_whole(client); }));
    CHECK(answer_in(client.take()).body.size() == kBody);
    CHECK(server.loop.now() - start >= Duration{1'000 * (kBody - kRate) / kRate - 1});
  }
}

TEST_CASE("The answers of one connection have one pace") {
  TestServer server("[[site]]\n" + route("/*", "target"), fakes());
  server.use(paced_config(kBody));
  const TimePoint start = server.loop.now();
  TestClient client(server, get("/") + get("/"));
  REQUIRE(server.wait_until([&] { return is_whole(client, 2); }));
  CHECK(server.loop.now() - start >= Duration{990});
}

TEST_CASE("Each connection has its own pace") {
  TestServer server("[[site]]\n" + route("/*", "target"), fakes());
  server.use(paced_config(kBody + 1'000));
  TestClient first(server, get("/"));
  TestClient second(server, get("/"));
  CHECK(is_whole(first));
  CHECK(is_whole(second));
}

TEST_CASE("Without a limit, and with one that is not reached, nothing waits") {
  TestServer server("[[site]]\n" + route("/*", "target"), fakes());
  for (const std::uint64_t rate : {std::uint64_t{0}, std::uint64_t{1} << 40}) {
    server.use(paced_config(rate));
    TestClient client(server, get("/") + get("/"));
    CHECK(is_whole(client, 2));
  }
}

TEST_CASE("A pause is not the client's: send_timeout does not count it") {
  TestServer server("[[site]]\n" + route("/*", "target"), fakes());
  server.use(paced_config(kRate, "[limits]\nsend_timeout = \"20ms\"\n"));
  TestClient client(server, get("/"));
  REQUIRE(server.wait_until([&] { return client.is_closed() || is_whole(client); }));
  REQUIRE_FALSE(client.is_closed());
  CHECK(is_whole(client));
}

TEST_CASE("A client that takes nothing is cut off although its answers have a pace") {
  TestServer server("[[site]]\n" + route("/*", "target"), fakes());
  server.use(paced_config(kRate, "[limits]\nsend_timeout = \"50ms\"\n"));
  TestClient client(server, get("/"), [](Wire& wire) { wire.window = 1'000; });
  REQUIRE(server.wait_until([&] { return client.is_closed(); }));
  CHECK(client.received().size() == 1'000);
}

TEST_CASE("A client that goes during a pause is gone") {
  TestServer server("[[site]]\n" + route("/*", "target"), fakes());
  server.use(paced_config(1));
  TestClient client(server, get("/"));
  CHECK_FALSE(client.is_closed());
  client.go_away();
  CHECK(client.is_closed());
  CHECK(server.connections() == 0);
}

TEST_CASE("Requests that come during a pause are answered behind it, in order") {
  TestServer server("[[site]]\n" + route("/*", "target"), fakes());
  server.use(paced_config(kRate));
  TestClient client(server, get("/"));
  client.send(get("/stream"));
  REQUIRE(server.wait_until([&] { return is_whole(client, 2); }));
  const std::vector<Answer> answers = answers_in(client.take());
  CHECK(answers.front().body.size() == kBody);
  CHECK(answers.back().body == "onetwo");
}

}  // namespace
}  // namespace uvhttpd::tests
