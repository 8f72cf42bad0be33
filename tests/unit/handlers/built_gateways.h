// SPDX-License-Identifier: MIT
// unit/handlers/built_gateways.h: a worker whose routes lead to fake upstreams.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "support/fake_upstream.h"
#include "unit/handlers/built_handlers.h"

namespace uvhttpd::tests {

inline std::string gateway_route(std::string_view handler, std::string_view upstreams,
                                 std::string_view more = "", std::string_view path = "/*") {
  std::string text = "[[site.route]]\npath = \"";
  text.append(path).append("\"\nhandler = \"").append(handler);
  text.append("\"\nupstream = ").append(upstreams).append("\n").append(more).append("\n");
  return text;
}

// The key `upstream` of routes to the fake.
inline std::string in_toml(std::string_view handler, const FakeUpstream& upstream) {
  return "\"" + std::string(handler == "proxy" ? "http://" : "") + upstream.address() + "\"";
}

// A worker with one site, whose only route goes to one fake upstream.
class GatewayStage {
 public:
  explicit GatewayStage(std::string_view handler = "proxy", std::string_view more = "")
      : server(toml(handler, more), {}, build_real) {}

  std::string toml(std::string_view handler, std::string_view more) const {
    return "[[site]]\nbody_bytes = 67108864\n" +
           gateway_route(handler, in_toml(handler, upstream), more);
  }

  // Until the condition holds, all parties go on.
  template <class Condition>
  bool wait_until(TestClient& client, Condition&& holds) {
    return server.wait_until([&] {
      upstream.turn();
      client.pump();
      return holds();
    });
  }
  // The client's requests are answered, `answers` of them.
  bool wait_for_answers(TestClient& client, std::size_t answers = 1) {
    return wait_until(client, [&] { return count_whole(client.received()) >= answers; });
  }
  bool wait_until_closed(TestClient& client) {
    return wait_until(client, [&] { return client.is_closed(); });
  }
  // Upstream's connection `number` is there and has done all its steps.
  bool wait_until_played(TestClient& client, std::size_t number = 0) {
    return wait_until(
        client, [&] { return upstream.accepted() > number && upstream[number].has_played(); });
  }
  bool wait_until_received(TestClient& client, std::string_view text, std::size_t number = 0) {
    return wait_until(client, [&] {
      return upstream.accepted() > number &&
             upstream[number].received().find(text) != std::string::npos;
    });
  }
  // The upstream's end of the connection has been closed by the worker.
  bool wait_until_let_go(std::size_t number = 0) {
    return server.wait_until([&] {
      upstream.turn();
      return upstream.accepted() > number && upstream[number].is_ended();
    });
  }

  FakeUpstream upstream;
  TestServer server;

 private:
  static std::size_t count_whole(std::string_view octets) {
    std::size_t count = 0;
    for (const Answer& answer : answers_in(octets)) {
      if (answer.is_whole && answer.status >= 200) ++count;
    }
    return count;
  }
};

inline std::string request(std::string_view target = "/", std::string_view fields = "",
                           std::string_view method = "GET", std::string_view body = "") {
  std::string text(method);
  text.append(" ").append(target).append(" HTTP/1.1\r\nHost: example.org\r\n").append(fields);
  return text.append("\r\n").append(body);
}
inline std::string upload(std::string_view body, std::string_view method = "POST",
                          std::string_view target = "/") {
  return request(target, "Content-Length: " + std::to_string(body.size()) + "\r\n", method, body);
}

inline const std::string kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

}  // namespace uvhttpd::tests
