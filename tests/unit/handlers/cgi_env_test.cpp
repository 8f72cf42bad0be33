// SPDX-License-Identifier: MIT
// unit/handlers/cgi_env_test.cpp: meta-variables, RFC 3875 section 4.1.
#include "handlers/wire/cgi_env.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

namespace uvhttpd::wire {
namespace {

PeerAddress ipv4(std::uint8_t last, std::uint16_t port) {
  PeerAddress address;
  address.kind = PeerAddress::Kind::ipv4;
  address.ip = {127, 0, 0, last};
  address.port = port;
  return address;
}

PeerAddress ipv6_loopback() {
  PeerAddress address;
  address.kind = PeerAddress::Kind::ipv6;
  address.ip[15] = 1;
  address.port = 8080;
  return address;
}

using Lines = std::vector<std::pair<std::string_view, std::string_view>>;

// A request as it would be parsed: GET /cgi/prog/some/path?q=1 for example.org.
struct Sample {
  explicit Sample(const Lines& lines = {}) {
    for (const auto& [name, value] : lines) {
      fields.push_back({http::field_name(name), name, value});
    }
    head.method_text = "GET";
    head.fields = http::FieldList(fields);
    target.raw_path = "/cgi/pr%6fg/some/path";
    target.path = "/cgi/prog/some/path";
    target.query = "q=1";
    target.has_query = true;
    target.host = "example.org";
    target.authority = "Example.org:81";
  }
  GatewayRequest request() const {
    return {.head = head,
            .target = target,
            .client = client,
            .server = server,
            .script_name = "/cgi/prog",
            .path_info = "/some/path",
            .script_filename = "/srv/cgi/prog",
            .document_root = "/srv/www",
            .body_bytes = body_bytes,
            .pass_authorization = pass_authorization,
            .peer_is_trusted = peer_is_trusted,
            .auth_type = auth_type,
            .remote_user = remote_user};
  }
  std::map<std::string, std::string> variables() const {
    std::map<std::string, std::string> result;
    for (const auto& variable : meta_variables(request())) {
      CAPTURE(variable.first);
      CHECK(result.insert(variable).second);
    }
    return result;
  }

  std::vector<http::Field> fields;
  http::RequestHead head;
  http::Target target;
  PeerAddress client = ipv4(7, 4711);
  PeerAddress server = ipv4(1, 8080);
  std::optional<std::uint64_t> body_bytes;
  bool pass_authorization = false;
  bool peer_is_trusted = false;
  std::string_view auth_type;
  std::string_view remote_user;
};

using Names = std::map<std::string, std::string>;

}  // namespace

TEST_CASE("meta_variables describes the request") {
  const Names expected{
      {"GATEWAY_INTERFACE", "CGI/1.1"},
      {"SERVER_SOFTWARE", "uvhttpd/" UVHTTPD_VERSION},
      {"SERVER_PROTOCOL", "HTTP/1.1"},
      {"SERVER_NAME", "example.org"},
      {"HTTP_HOST", "Example.org:81"},
      {"SERVER_ADDR", "127.0.0.1"},
      {"SERVER_PORT", "8080"},
      {"REQUEST_METHOD", "GET"},
      {"REQUEST_SCHEME", "http"},
      {"REQUEST_URI", "/cgi/pr%6fg/some/path?q=1"},
      {"QUERY_STRING", "q=1"},
      {"SCRIPT_NAME", "/cgi/prog"},
      {"DOCUMENT_URI", "/cgi/prog/some/path"},
      {"SCRIPT_FILENAME", "/srv/cgi/prog"},
      {"DOCUMENT_ROOT", "/srv/www"},
      {"PATH_INFO", "/some/path"},
      {"PATH_TRANSLATED", "/srv/www/some/path"},
      {"REMOTE_ADDR", "127.0.0.7"},
      {"REMOTE_HOST", "127.0.0.7"},
      {"REMOTE_PORT", "4711"},
      {"REDIRECT_STATUS", "200"},
  };
  CHECK(Sample().variables() == expected);
}

TEST_CASE("a body is described by its length and type") {
  Sample sample(Lines{{"Content-Type", "text/plain"}, {"Content-Length", "5"}});
  sample.body_bytes = 5;
  const Names seen = sample.variables();
  CHECK(seen.at("CONTENT_LENGTH") == "5");
  CHECK(seen.at("CONTENT_TYPE") == "text/plain");
  CHECK(seen.count("HTTP_CONTENT_LENGTH") == 0);
  CHECK(seen.count("HTTP_CONTENT_TYPE") == 0);
}

TEST_CASE("without PATH_INFO nothing is translated, and without a query its variable is empty") {
  Sample sample;
  sample.target.has_query = false;
  sample.target.query = {};
  GatewayRequest request = sample.request();
  request.path_info = {};
  for (const auto& [name, value] : meta_variables(request)) {
    CHECK(name != "PATH_TRANSLATED");
    if (name == "QUERY_STRING" || name == "PATH_INFO") CHECK(value.empty());
    if (name == "REQUEST_URI") CHECK(value == "/cgi/pr%6fg/some/path");
  }
}

TEST_CASE("a program without files is told of none") {
  Sample sample;
  GatewayRequest request = sample.request();
  request.script_filename = {};
  bool has_root = false;
  for (const auto& [name, value] : meta_variables(request)) {
    CHECK(name != "SCRIPT_FILENAME");
    CHECK(name != "PATH_TRANSLATED");
    has_root = has_root || name == "DOCUMENT_ROOT";
  }
  CHECK(has_root);
}

TEST_CASE("https is told in both ways that programs look for it, http in one") {
  Sample sample;
  CHECK(sample.variables().count("HTTPS") == 0);
  GatewayRequest request = sample.request();
  request.scheme = "https";
  const Variables variables = meta_variables(request);
  const auto has = [&variables](const Variables::value_type& wanted) {
    return std::count(variables.begin(), variables.end(), wanted) == 1;
  };
  CHECK(has({"HTTPS", "on"}));
  CHECK(has({"REQUEST_SCHEME", "https"}));
}

TEST_CASE("who asks is told when the server knows") {
  Sample sample(Lines{{"Remote-User", "mallory"}});
  CHECK(sample.variables().count("REMOTE_USER") == 0);
  CHECK(sample.variables().count("AUTH_TYPE") == 0);
  sample.auth_type = "Basic";
  sample.remote_user = "alice";
  CHECK(sample.variables().at("AUTH_TYPE") == "Basic");
  CHECK(sample.variables().at("REMOTE_USER") == "alice");
  CHECK(sample.variables().count("HTTP_REMOTE_USER") == 0);
}

TEST_CASE("who asks is believed of a trusted peer alone") {
  for (const char* name :
       {"Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-FORWARDED-ANY", "X-Real-IP",
        "Remote-User", "X-Remote-User", "SSL-Client-Verify", "X-SSL-Client-S-DN"}) {
    CAPTURE(name);
    Sample sample(Lines{{name, "x"}, {"X-Forward", "kept"}});
    const Names of_stranger = sample.variables();
    CHECK(of_stranger.at("HTTP_X_FORWARD") == "kept");
    sample.peer_is_trusted = true;
    CHECK(sample.variables().size() == of_stranger.size() + 1);
  }
  Sample sample(Lines{{"X_Real_IP", "x"}});
  GatewayRequest request = sample.request();
  const std::vector<std::string> names{"X_Real_IP"};
  request.pass_names = names;
  for (const auto& variable : meta_variables(request)) CHECK(variable.first != "HTTP_X_REAL_IP");
}

TEST_CASE("nothing that nginx gives to FastCGI programs is missing") {
  Sample sample(Lines{{"Content-Type", "text/plain"}});
  sample.body_bytes = 5;
  const Names seen = sample.variables();
  for (const char* name :
       {"QUERY_STRING",    "REQUEST_METHOD",  "CONTENT_TYPE",      "CONTENT_LENGTH",
        "SCRIPT_NAME",     "REQUEST_URI",     "DOCUMENT_URI",      "DOCUMENT_ROOT",
        "SERVER_PROTOCOL", "REQUEST_SCHEME",  "GATEWAY_INTERFACE", "SERVER_SOFTWARE",
        "REMOTE_ADDR",     "REMOTE_PORT",     "SERVER_ADDR",       "SERVER_PORT",
        "SERVER_NAME",     "REDIRECT_STATUS", "SCRIPT_FILENAME",   "PATH_INFO"}) {
    CAPTURE(name);
    CHECK(seen.count(name) == 1);
  }
}

TEST_CASE("what is configured stands in for meta-variables or besides them") {
  CHECK(merged({{"A", "1"}, {"B", "2"}},
               {{"B", "x"}, {"C", "3"}, {"A", ""}, {"B", "y"}, {"C", "4"}}) ==
        Variables{{"A", ""}, {"B", "y"}, {"C", "4"}});
  CHECK(merged({{"A", "1"}}, {}) == Variables{{"A", "1"}});
}

TEST_CASE("what nobody knows is not there") {
  Sample sample;
  sample.target.host = sample.target.authority = {};
  sample.client.port = 0;
  CHECK(sample.variables().count("HTTP_HOST") == 0);
  CHECK(sample.variables().count("REMOTE_PORT") == 0);
}

TEST_CASE("a Host beside an absolute target is ignored, as RFC 9112 section 3.2.2 has it") {
  CHECK(Sample(Lines{{"Host", "evil.example"}}).variables().at("HTTP_HOST") == "Example.org:81");
}

TEST_CASE("SERVER_NAME and SERVER_PORT fall back to our address") {
  Sample sample;
  sample.head.minor_version = 0;
  sample.target.host = sample.target.authority = {};
  CHECK(sample.variables().at("SERVER_NAME") == "127.0.0.1");
  CHECK(sample.variables().at("SERVER_PROTOCOL") == "HTTP/1.0");
  sample.server = ipv6_loopback();
  CHECK(sample.variables().at("SERVER_NAME") == "[::1]");
  CHECK(sample.variables().at("SERVER_ADDR") == "::1");
  sample.target.host = "[::1]";
  CHECK(sample.variables().at("SERVER_NAME") == "[::1]");
  sample.server = {};
  sample.server.kind = PeerAddress::Kind::unix_socket;
  CHECK(sample.variables().at("SERVER_PORT") == "80");
  sample.target.authority = "example.org:81";
  CHECK(sample.variables().at("SERVER_PORT") == "81");
  sample.target.host = {};
  CHECK(sample.variables().at("SERVER_NAME") == "localhost");
}

TEST_CASE("request fields become HTTP_ variables, repeated ones joined") {
  const Names seen = Sample(Lines{{"Host", "example.org:81"},
                                  {"x-Some-9", "a"},
                                  {"X-SOME-9", "b"},
                                  {"Cookie", "a=1"},
                                  {"cookie", "b=2"},
                                  {"Empty", ""}})
                         .variables();
  CHECK(seen.at("HTTP_HOST") == "Example.org:81");
  CHECK(seen.at("HTTP_X_SOME_9") == "a, b");
  CHECK(seen.at("HTTP_COOKIE") == "a=1; b=2");
  CHECK(seen.at("HTTP_EMPTY").empty());
}

TEST_CASE("fields that a program must not see are left out") {
  const char* const names[] = {"Proxy",
                               "PROXY",
                               "X_Under",
                               "X.Dot",
                               "X!Mark",
                               "Connection",
                               "Keep-Alive",
                               "TE",
                               "Trailer",
                               "Upgrade",
                               "Transfer-Encoding",
                               "Proxy-Connection",
                               "X-Private",
                               "Authorization",
                               "Proxy-Authorization"};
  for (const char* name : names) {
    CAPTURE(name);
    const Names seen = Sample(Lines{{name, "x"}, {"Connection", "close, x-private"}}).variables();
    CHECK(std::none_of(seen.begin(), seen.end(), [](const auto& variable) {
      return variable.first.starts_with("HTTP_") && variable.first != "HTTP_HOST";
    }));
  }
}

TEST_CASE("Connection cannot take Host away") {
  CHECK(Sample(Lines{{"Host", "a"}, {"Connection", "host"}}).variables().count("HTTP_HOST") == 1);
}

TEST_CASE("Authorization is passed when the route says so") {
  Sample sample(Lines{{"Authorization", "Basic eDp5"}});
  CHECK(sample.variables().count("HTTP_AUTHORIZATION") == 0);
  sample.pass_authorization = true;
  CHECK(sample.variables().at("HTTP_AUTHORIZATION") == "Basic eDp5");
}

TEST_CASE("the environment has a PATH and a LANG of its own, and the operator's word is last") {
  using Texts = std::vector<std::string>;
  CHECK(environment({{"A", "1"}}, {}) ==
        Texts{"A=1", "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C"});
  CHECK(environment({{"A", "1"}, {"B", "2"}},
                    {{"B", "x"}, {"PATH", "/p"}, {"LANG", "de"}, {"B", "3"}}) ==
        Texts{"PATH=/p", "LANG=de", "B=3", "A=1"});
}

}  // namespace uvhttpd::wire
