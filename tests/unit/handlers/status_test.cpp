// SPDX-License-Identifier: MIT
// unit/handlers/status_test.cpp: the page about the server, and who gets it.
#include "handlers/status.h"

#include <doctest/doctest.h>

#include "handlers/status_page.h"
#include "unit/handlers/built_handlers.h"

namespace uvhttpd::tests {
namespace {

constexpr std::string_view kPublic =
    "[[site]]\n[[site.route]]\npath = \"/status\"\nhandler = \"status\"\npublic = true\n";
constexpr std::string_view kOwn =
    "[[site]]\n[[site.route]]\npath = \"/status\"\nhandler = \"status\"\n";

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Whether the text is one JSON value (RFC 8259), as far as status pages use it.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : rest_(text) {}
  bool is_valid() {
    const bool good = value();
    space();
    return good && rest_.empty();
  }

 private:
  void space() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n')) rest_.remove_prefix(1);
  }
  bool take(std::string_view token) {
    space();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  bool string() {
    if (!take("\"")) return false;
    while (!rest_.empty() && rest_[0] != '"') {
      if (static_cast<unsigned char>(rest_[0]) < 0x20) return false;
      rest_.remove_prefix(rest_[0] == '\\' ? 2 : 1);
    }
    return take("\"");
  }
  bool number() {
    const std::size_t length = std::min(rest_.find_first_not_of("0123456789."), rest_.size());
    rest_.remove_prefix(length);
    return length > 0;
  }
  bool items(std::string_view close, bool named) {
    if (take(close)) return true;
    do {
      if (named && (!string() || !take(":"))) return false;
      if (!value()) return false;
    } while (take(","));
    return take(close);
  }
  bool value() {
    space();
    if (take("{")) return items("}", true);
    if (take("[")) return items("]", false);
    if (take("null")) return true;
    return rest_.starts_with('"') ? string() : number();
  }
  std::string_view rest_;
};

ServerStatus sample() {
  ServerStatus status;
  status.pid = 4711;
  status.life = {1'700'000'000, Duration{3'725'250}, 2, 1'700'000'100};
  status.workers = {{0, {1, 5, 1, 9, {0, 6, 0, 1, 1}, 0, 2048}}, {1, {2, 3, 0, 4, {}, 4, 100}}};
  status.places = {{"example.org", "/cgi-bin/*", 1, 32, 3, 128}};
  Program program;
  program.request_id = "5e0a9c417f3a-1";
  program.pid = 1234;
  program.file = "/srv/<b>&\"'";
  program.request = "GET /cgi-bin/\x01\xff<script>";
  program.client = "192.0.2.1";
  program.site = "example.org";
  program.route = "/cgi-bin/*";
  status.programs = {{program, Duration{65'432}}};
  status.upstreams = {{{"example.org", "/app/*", "unix:/run/<app>"}, {0, 1, 1}, 3, 2, 70, 4},
                      {{"example.org", "/b/*", "127.0.0.1:9000"}, {0, 2, 0}, 0, 0, 0, 0}};
  return status;
}

TEST_CASE("The status page shows what comes from outside as text") {
  const std::string page = render_status_html(sample(), true);
  CHECK(contains(page, "/srv/&lt;b&gt;&amp;&quot;&#39;"));
  CHECK(contains(page, "GET /cgi-bin/\xe2\x90\x81\xef\xbf\xbd&lt;script&gt;"));
  CHECK(contains(page, "unix:/run/&lt;app&gt;"));
  CHECK_FALSE(contains(page, "<script"));
  CHECK(is_utf8(page));
}

TEST_CASE("The status page has programs, places, upstreams and counters") {
  const std::string page = render_status_html(sample(), true);
  for (const std::string_view part :
       {"process 4711, 2 workers, up 1 h 2 min", "2023-11-14 22:13:20 UTC", "read again 2 times",
        "Running programs: 1", "<td>1234</td><td>1 min 5 s</td>", "client 192.0.2.1<",
        "<td>1 of 32</td><td>3 of 128</td>",
        "<td><b>up in 1, down in 1</b></td><td>3</td><td>2</td><td>70</td><td>4</td>",
        "<td>up</td>", "All</th><td>3</td><td>1</td><td>13</td><td>2.1 KiB</td>",
        "Answers 2xx</th><td>6</td>"}) {
    CAPTURE(part);
    CHECK(contains(page, part));
  }
}

TEST_CASE("The status page is refreshed until it is paused") {
  const std::string live = render_status_html(sample(), true);
  const std::string paused = render_status_html(sample(), false);
  CHECK(contains(live, "<meta http-equiv=\"refresh\" content=\"5\">"));
  CHECK(contains(live, "href=\"?pause\""));
  CHECK_FALSE(contains(paused, "http-equiv=\"refresh\""));
  CHECK(contains(paused, "href=\"?\""));
}

TEST_CASE("A server that has nothing to tell has no empty tables") {
  const std::string page = render_status_html({}, true);
  CHECK_FALSE(contains(page, "Upstreams"));
  CHECK_FALSE(contains(page, "Running programs"));
  CHECK(contains(page, "Workers"));
}

TEST_CASE("A long table ends with how many rows it would have") {
  ServerStatus status = sample();
  status.programs.resize(501, status.programs.front());
  CHECK(contains(render_status_html(status, true), "Only the first 500 of 501 are shown."));
}

TEST_CASE("The status is JSON, whatever the names are") {
  for (const ServerStatus& status : {sample(), ServerStatus{}}) {
    const std::string json = render_status_json(status);
    CAPTURE(json);
    CHECK(JsonReader(json).is_valid());
    CHECK(is_utf8(json));
  }
  const std::string json = render_status_json(sample());
  for (const std::string_view part :
       {"\"pid\":4711", "\"uptime_seconds\":3725.250", "\"started\":\"2023-11-14T22:13:20Z\"",
        "\"age_seconds\":65.432", "\"workers_down\":1", "\"max_running\":32"}) {
    CAPTURE(part);
    CHECK(contains(json, part));
  }
  CHECK(contains(render_status_json({}), "\"reloaded\":null"));
}

TEST_CASE("Status answers with a page, or with JSON when asked for it") {
  TestServer server(std::string(kPublic), {}, build_real);
  const Answer page = ask(server, "/status");
  CHECK(page.status == 200);
  CHECK(page.field("Content-Type") == "text/html; charset=utf-8");
  CHECK(page.field("Cache-Control") == "no-store");
  CHECK(contains(page.body, "Server status"));
  const Answer json = ask(server, "/status?json");
  CHECK(json.field("Content-Type") == "application/json");
  CHECK(JsonReader(json.body).is_valid());
  CHECK(contains(json.body, "\"requests\":2"));
  const Answer head = ask(server, "/status", "", "HEAD");
  CHECK(head.status == 200);
  CHECK(head.body.empty());
  CHECK_FALSE(contains(ask(server, "/status?pause").body, "http-equiv=\"refresh\""));
  CHECK(ask(server, "/status", "Content-Length: 0\r\n", "POST").field("Allow") ==
        "GET, HEAD, OPTIONS");
}

TEST_CASE("Status shows the programs and upstreams that the process knows") {
  TestServer server(std::string(kPublic), {}, build_real);
  const auto upstream = server.activity.upstream({"default", "/app/*", "127.0.0.1:9000"});
  const UpstreamOpinion opinion(upstream, &server, UpstreamState::down);
  {
    Program program;
    program.pid = 1234;
    const Activity::Entry entry = server.activity.enter(program);
    const std::string json = ask(server, "/status?json").body;
    CHECK(contains(json, "\"pid\":1234"));
    CHECK(contains(json, "\"upstream\":\"127.0.0.1:9000\""));
    CHECK(contains(json, "\"workers_down\":1"));
  }
  CHECK_FALSE(contains(ask(server, "/status?json").body, "\"pid\":1234"));
}

// The status of the answer to a client at that address.
unsigned status_for(TestServer& server, PeerAddress::Kind kind, std::array<std::uint8_t, 16> ip,
                    std::string_view fields = "") {
  PeerAddress peer;
  peer.kind = kind;
  peer.ip = ip;
  auto wire = std::make_shared<Wire>();
  wire->inbound =
      "GET /status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + std::string(fields) + "\r\n";
  auto* connection = new Connection(server.context, peer, peer);  // the context's
  connection->start(std::make_unique<MemoryTransport>(wire));
  return answer_in(wire->outbound).status;
}

TEST_CASE("Status is for clients on this machine unless it is public") {
  using Kind = PeerAddress::Kind;
  struct Row {
    const char* name;
    Kind kind;
    std::array<std::uint8_t, 16> ip;
    std::string_view fields;
    unsigned status;
  };
  const Row kRows[] = {
      {"127.0.0.1", Kind::ipv4, {127, 0, 0, 1}, "", 200},
      {"127.1.2.3", Kind::ipv4, {127, 1, 2, 3}, "", 200},
      {"::1", Kind::ipv6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, "", 200},
      {"a Unix socket", Kind::unix_socket, {}, "", 200},
      {"another machine", Kind::ipv4, {192, 0, 2, 7}, "", 403},
      {"another machine, IPv6", Kind::ipv6, {0x20, 1, 0xd, 0xb8}, "", 403},
      {"7f00::", Kind::ipv6, {127}, "", 403},
      {"nobody", Kind::none, {}, "", 403},
      {"X-Forwarded-For", Kind::ipv4, {127, 0, 0, 1}, "x-forwarded-for: 192.0.2.7\r\n", 403},
      {"Forwarded", Kind::unix_socket, {}, "Forwarded: for=192.0.2.7\r\n", 403},
      {"Via", Kind::ipv4, {127, 0, 0, 1}, "Via: 1.1 proxy\r\n", 403},
  };
  TestServer own(std::string(kOwn), {}, build_real);
  TestServer open(std::string(kPublic), {}, build_real);
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    CHECK(status_for(own, row.kind, row.ip, row.fields) == row.status);
    CHECK(status_for(open, row.kind, row.ip, row.fields) == 200);
  }
}

}  // namespace
}  // namespace uvhttpd::tests
