// SPDX-License-Identifier: MIT
// config/gateways.h: what routes say that hand requests on to other servers.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace uvhttpd::config {

using std::chrono::milliseconds;

struct Upstream {
  enum class Kind { ip, name, unix_socket };
  std::string text;  // as written
  Kind kind = Kind::ip;
  std::string host;        // ip: the literal address without brackets; name: in lower case
  std::uint16_t port = 0;  // ip, name
  std::string path;        // unix_socket: absolute
  std::string base;        // proxy: "/app" of "http://app.example:9000/app/"; usually empty
};

enum class Balance { least_connections, round_robin, random_two, hash };

// What requests with the same upstream have in common under Balance::hash.
struct HashKey {
  enum class Kind { client, path, cookie, header };
  Kind kind = Kind::client;
  std::string name;  // of the cookie or the field
};

struct HealthCheck {
  std::string path;  // asked with GET, 2xx and 3xx are good; fastcgi, scgi: empty, connecting is
  std::string host;  // of the question; empty: the upstream's own
  milliseconds every{5'000};
  milliseconds timeout{2'000};
  unsigned rise = 2;  // good answers in a row until it is used again
  unsigned fall = 3;  // bad ones until it is not
  bool operator==(const HealthCheck&) const = default;
};

// What all workers know of an upstream together.
struct UpstreamLoad {
  std::atomic<std::uint64_t> held_up{0};  // new connections that have waited for a while
};

// The pool keys, the same for all gateways.
struct UpstreamRules {
  std::vector<Upstream> upstreams;
  Balance balance = Balance::least_connections;
  HashKey hash_key;
  milliseconds connect_timeout{3'000};
  milliseconds head_timeout{60'000};  // from the whole request to the head of the answer
  milliseconds idle_timeout{60'000};  // between two pieces of a body, either way
  std::uint64_t keep_alive = 32;      // idle connections to each upstream, of each worker
  milliseconds keep_alive_timeout{60'000};
  std::uint64_t retries = 1;
  milliseconds resolve_every{30'000};  // how old the addresses of a name may become
  std::optional<HealthCheck> health;
  bool buffer_body = false;      // the whole request body is taken before an upstream is asked
  bool buffer_response = false;  // the answer is taken as fast as it comes
  std::vector<std::shared_ptr<UpstreamLoad>> loads;  // one for each of `upstreams`
};

// What FastCGI and SCGI have in common: a program behind a socket that is given CGI variables.
struct ScriptRules {
  UpstreamRules pool;
  // Where the scripts are for the program; empty: there are no scripts, the program is all there is
  // and SCRIPT_NAME is what the route's pattern has in front of its `*`.
  std::string root;
  bool own_root = false;    // the route names its own root, which stands for what its * matched
  bool local_files = true;  // the root is a directory here too: only scripts that are there run
  std::vector<std::string> index{"index.php"};  // of a directory
  std::string split = ".php";                   // PATH_INFO begins behind a segment that ends so
  std::string script;  // "/index.php" below the root is given what no script is there for
  std::vector<std::pair<std::string, std::string>>
      params;  // added to, or instead of, the request's
  bool pass_authorization = true;
  bool encoded_slashes = false;  // %2F in paths is a slash like others; else it is refused
};

struct FastCgiHandler {
  ScriptRules script;
};

struct ScgiHandler {
  ScriptRules script;
};

enum class ProxyProtocol { off, v1, v2 };

struct ProxyHandler {
  UpstreamRules pool;
  // "/app": taken off the path that the upstream is asked for; empty: nothing is.
  std::string strip_prefix;
  // Of the request; a value may hold {client}, {host}, {scheme}, {upstream}, {request_id}; an empty
  // value removes the field.
  std::vector<std::pair<std::string, std::string>> set_headers;
  // Fields whose names have other signs than letters, digits and hyphens go to the upstream, too.
  bool underscores_in_headers = false;
  std::vector<std::string> hide_headers;  // of the answer
  bool websocket = true;
  milliseconds tunnel_timeout{3'600'000};  // without an octet either way
  bool rewrite_redirects = false;          // Location from the upstream's own URL and path to ours
  bool rewrite_cookies = false;            // Path and Domain of Set-Cookie likewise
  ProxyProtocol proxy_protocol =
      ProxyProtocol::off;  // towards the upstream; each has its connection
};

}  // namespace uvhttpd::config
