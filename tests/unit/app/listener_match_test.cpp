// SPDX-License-Identifier: MIT
// unit/app/listener_match_test.cpp: which listeners a URL leads to.
#include "app/listener_match.h"

#include <doctest/doctest.h>

namespace uvhttpd::tests {
namespace {

using config::Listener;

const std::vector<Listener> kListeners = {
    {Listener::Kind::ip, "127.0.0.1:8080", "127.0.0.1", 8080, ""},
    {Listener::Kind::ip, "0.0.0.0:80", "0.0.0.0", 80, ""},
    {Listener::Kind::ip, "[::]:81", "::", 81, ""},
    {Listener::Kind::ip, "[::1]:8080", "::1", 8080, ""},
};

TEST_CASE("match_listeners finds the listeners of the URL's port and address") {
  struct Row {
    std::string url;
    std::vector<std::string> certain;
    std::string why_none;
  };
  const Row rows[] = {
      {"http://example.org/", {"0.0.0.0:80"}, ""},
      {"http://192.0.2.1/", {"0.0.0.0:80"}, ""},
      {"http://[::1]/", {}, "no listener has the address [::1] with port 80"},
      {"http://192.0.2.1:81/", {"[::]:81"}, ""},
      {"http://localhost:8080/", {"127.0.0.1:8080", "[::1]:8080"}, ""},
      {"http://127.0.0.1:8080/", {"127.0.0.1:8080"}, ""},
      {"http://[0:0::1]:8080/", {"[::1]:8080"}, ""},
      {"http://127.0.0.2:8080/", {}, "no listener has the address 127.0.0.2 with port 8080"},
      {"http://example.org:82/", {}, "no listener has port 82"},
      {"https://example.org:80/", {}, "no listener with port 80 has TLS"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.url);
    const ListenerMatch match = match_listeners(kListeners, *http::parse_url(row.url));
    CHECK(match.certain == row.certain);
    CHECK(match.why_none == row.why_none);
    CHECK(match.possible.empty());
  }
}

TEST_CASE("match_listeners knows the listener that speaks the other way") {
  Listener encrypted{Listener::Kind::ip, "127.0.0.1:8443", "127.0.0.1", 8443, ""};
  encrypted.tls = true;
  Listener behind_proxy{Listener::Kind::ip, "127.0.0.1:8081", "127.0.0.1", 8081, ""};
  behind_proxy.trusted_proxies.emplace_back();
  const Listener plain{Listener::Kind::ip, "127.0.0.1:8080", "127.0.0.1", 8080, ""};
  const std::vector<Listener> listeners = {encrypted, behind_proxy, plain};
  struct Row {
    std::string url;
    std::string other_way;
  };
  const Row rows[] = {
      {"http://localhost:8443/", "127.0.0.1:8443"},
      {"https://localhost:8443/", ""},
      {"http://127.0.0.2:8443/", ""},
      {"http://localhost:8080/", ""},
      {"https://localhost:8080/", "127.0.0.1:8080"},
      {"https://localhost:8081/", ""},
      {"http://localhost/", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.url);
    CHECK(match_listeners(listeners, *http::parse_url(row.url)).other_way == row.other_way);
  }
}

TEST_CASE("match_listeners calls those possible of which a URL tells nothing") {
  const std::vector<Listener> listeners = {
      {Listener::Kind::unix_socket, "unix:/run/a", "", 0, "/run/a"},
      {Listener::Kind::systemd, "systemd:http", "", 0, "http"},
      {Listener::Kind::ip, "127.0.0.1:0", "127.0.0.1", 0, ""},
  };
  const ListenerMatch match = match_listeners(listeners, *http::parse_url("http://a/"));
  CHECK(match.certain.empty());
  CHECK(match.possible == std::vector<std::string>{"unix:/run/a", "systemd:http", "127.0.0.1:0"});
}

}  // namespace
}  // namespace uvhttpd::tests
