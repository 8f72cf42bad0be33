// SPDX-License-Identifier: MIT
// config/config.h: everything the operator may say, as plain data. A Config that `load` returned is
// complete and valid: defaults filled in, paths absolute, patterns well formed.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/diagnostics.h"
#include "config/gateways.h"
#include "config/network.h"

namespace uvhttpd::config {

using Bytes = std::uint64_t;
using std::chrono::milliseconds;
using Fields = std::vector<std::pair<std::string, std::string>>;  // name, value, in file order

enum class LogLevel { debug, info, warn, error };
enum class LogFormat { combined, json };
enum class Symlinks { inside, deny, follow };
enum class Sandbox { automatic, on, off };  // "auto": where the kernel can

struct Server {
  unsigned workers = 0;  // 0: one for each CPU this process may use
  std::string user;
  std::string group;
  milliseconds drain_timeout{10'000};
  std::string server_header = "uvhttpd";  // empty: no Server field
  std::string log = "stderr";             // "stderr", "syslog" or an absolute path
  LogLevel log_level = LogLevel::info;
  Sandbox sandbox = Sandbox::automatic;
  Diagnostic sandbox_place;  // of its key, without a message
};

struct Limits {
  std::uint64_t connections = 10'000;
  std::uint64_t connections_per_ip = 0;       // 0: no limit
  std::uint64_t requests_per_connection = 0;  // 0: no limit
  Bytes target_bytes = 8 << 10;
  Bytes head_bytes = 16 << 10;  // request line and fields together
  std::uint64_t head_fields = 100;
  Bytes body_bytes = 10 << 20;  // 0: no request may have a body
  milliseconds head_timeout{10'000};
  milliseconds body_timeout{15'000};
  Bytes body_min_rate = 500;  // bytes a second; 0: none
  milliseconds send_timeout{30'000};
  milliseconds keep_alive_timeout{60'000};
  Bytes send_rate = 0;               // bytes a second that one connection is sent; 0: no limit
  std::uint64_t handshakes = 1'000;  // of TLS that may be under way; 0: no limit
  milliseconds handshake_timeout{10'000};  // in all
};

struct AccessLog {
  std::string path = "stdout";  // "off", "stdout", "syslog" or an absolute path
  LogFormat format = LogFormat::combined;
};

struct Cache {
  Bytes memory = 64 << 20;  // all workers together; 0 turns it off
  Bytes file_bytes = 1 << 20;
  milliseconds revalidate{1'000};
};

struct Listener {
  enum class Kind { ip, unix_socket, systemd };
  Kind kind = Kind::ip;
  std::string address;     // as written: "0.0.0.0:8080", "[::]:443", "unix:/path", "systemd:NAME"
  std::string host;        // ip: the literal address without brackets
  std::uint16_t port = 0;  // ip
  std::string path;        // unix_socket: absolute path; systemd: the name
  bool tls = false;
  bool proxy_protocol = false;  // connections begin with a PROXY protocol header
  // Peers that are believed who their clients are; trust_unix: those of a Unix socket, too.
  std::vector<Network> trusted_proxies = {};
  bool trust_unix = false;
  unsigned mode = 0666;  // unix_socket: the permissions of its file
};

// Which paths a route takes: "/exact", "/prefix/*" (the prefix and all below), "*.ext",
// "/dir/*.ext".
struct PathPattern {
  enum class Kind { exact, prefix, extension };
  Kind kind = Kind::prefix;
  std::string text;  // as written
  // "/exact"; "/prefix/" for "/prefix/*" ("/" for "/*"); "/dir/" for "/dir/*.ext", "" for "*.ext"
  std::string prefix;
  std::string extension;  // ".ext"
};

// A certificate chain and its private key, PEM, absolute paths.
struct KeyPair {
  std::string certificate;
  std::string key;
  bool operator==(const KeyPair&) const = default;
};

enum class TlsVersion { tls1_2, tls1_3 };

struct Tls {
  std::vector<KeyPair> key_pairs;  // of different kinds of keys; never empty
  std::string client_ca;           // absolute; empty: no client certificates are asked for
  bool client_required = true;     // with client_ca: who has none is not let in
  TlsVersion min_version = TlsVersion::tls1_2;
  std::string hsts;                // the value of Strict-Transport-Security; empty: none is sent
  std::size_t client_ca_line = 0;  // of the keys
  std::size_t hsts_line = 0;
};

// Who may have what a route answers. Of the networks that an address is in, the longest decides,
// and of two equal ones that in `deny`; an address in none is let in when `allow` is empty.
struct Access {
  std::vector<Network> allow;
  std::vector<Network> deny;
};

// Basic authentication (RFC 7617).
struct Auth {
  std::string realm;
  std::string users;  // an htpasswd file, absolute
  bool operator==(const Auth&) const = default;
};

// A token bucket for each client.
struct RateLimit {
  std::uint64_t requests = 0;  // in each `per`
  milliseconds per{1'000};
  std::uint64_t burst = 0;  // that may come at once; at least 1
  std::string key;          // a field name in lower case; empty: the client's address
  bool operator==(const RateLimit&) const = default;
};

// How files are looked up; from the site, overridden by a route.
struct FileRules {
  std::string root;  // absolute; empty: none
  std::vector<std::string> index{"index.html"};
  bool listing = false;
  std::string fallback;  // "/index.html", below the root, answers unknown paths; empty: none does
  bool clean_urls = false;
  bool hidden_files = false;  // dotfiles and the backups that editors leave
  bool source_files = false;  // files that a route of programs would run
  Symlinks symlinks = Symlinks::inside;
  bool precompressed = true;
  std::vector<std::string> compress{"zstd", "br", "gzip"};  // the preferred first; empty: nothing
  std::string charset = "utf-8";                            // empty: none is added
  std::vector<std::pair<std::string, std::string>>
      cache_control;  // pattern, value; first match wins
};

struct StaticHandler {
  FileRules files;
  bool own_root = false;  // the route names its own root, which stands for what its * matched
};

struct CgiHandler {
  std::string root;  // directory of programs (the route's or the site's); empty with `program`
  bool own_root = false;
  std::string program;  // one program for the whole route; absolute, or empty
  std::map<std::string, std::string> interpreter;  // ".py" -> "/usr/bin/python3"
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<std::string> pass_env;  // names taken over from the server's own environment
  // Names of fields, with other signs than letters, digits and hyphens, that programs see all the
  // same.
  std::vector<std::string> pass_headers;
  milliseconds timeout_head{30'000};
  milliseconds timeout_idle{60'000};
  milliseconds timeout_total{0};   // 0: no limit
  std::uint64_t max_running = 32;  // for the whole process
  std::uint64_t queue = 128;
  milliseconds queue_timeout{5'000};
  bool pass_authorization = false;
  bool encoded_slashes = false;  // %2F in paths is a slash like others; else it is refused
  bool buffer_body = true;
  std::string user;  // whom the programs run as; empty: the server's
  std::string group;
  // What the sandbox leaves to programs besides their own directory and the system's.
  std::vector<std::string> readable;  // absolute
  std::vector<std::string> writable;
  bool network = false;  // TCP
};

struct RedirectHandler {
  std::string to;  // with {path}, {query}, {host}, {scheme}
  unsigned status = 301;
};

struct RespondHandler {
  unsigned status = 200;
  std::string body;
  std::string type = "text/plain; charset=utf-8";
};

// What the server is doing, for the operator.
struct StatusHandler {
  bool is_public = false;  // for every client, not only those on this machine
};

// Fields that only answers to matching paths have.
struct PatternFields {
  PathPattern path;
  Fields fields;
};

// Cross-origin resource sharing, as the Fetch standard has it.
struct Cors {
  // "https://app.example.org", lower case and without a default port; "https://*.example.org" is a
  // wildcard for what is below a name; or only "*".
  std::vector<std::string> origins;
  std::vector<std::string> methods;  // besides GET, HEAD and POST; empty: those of the route
  std::vector<std::string> headers;  // that requests may have; only "*": any
  std::vector<std::string> expose;   // fields of answers that scripts may read
  bool credentials = false;          // never with the origin "*"
  milliseconds max_age{600'000};     // how long a browser may remember a preflight
};

using Handler = std::variant<StaticHandler, CgiHandler, FastCgiHandler, ScgiHandler, ProxyHandler,
                             RedirectHandler, RespondHandler, StatusHandler>;
// What the file calls each of them.
constexpr std::array<std::string_view, std::variant_size_v<Handler>> kHandlerNames{
    "static", "cgi", "fastcgi", "scgi", "proxy", "redirect", "respond", "status"};
inline std::string_view name_of(const Handler& handler) { return kHandlerNames[handler.index()]; }

// Where the keys stand that may decide before a handler is asked: lines of the file, of a route
// those of its site where it has none of its own; 0: there is no such key.
struct KeyLines {
  std::size_t allow = 0;
  std::size_t deny = 0;
  std::size_t auth = 0;
  std::size_t rate_limit = 0;
  std::size_t body_bytes = 0;
};

struct Route {
  PathPattern path;
  std::vector<std::string> methods;  // empty: whatever the handler takes
  Handler handler;
  Fields headers;                              // the route's own, after the site's
  std::vector<PatternFields> headers_by_path;  // likewise, and after `headers`
  std::optional<Cors> cors;                    // in force: the route's, else the site's
  // The following are those in force: the route's, else the site's, else of [limits].
  Bytes body_bytes = 0;
  Bytes send_rate = 0;  // 0: no limit
  Access access;        // allow and deny are one: a route that has either takes none of the site's
  std::optional<Auth> auth;
  std::optional<RateLimit> rate_limit;
  bool access_log = true;
  std::size_t line = 0;  // of its header in the file; 0: it was added
  KeyLines key_lines;
};

struct Site {
  // Lower case, without port and final dot; "*.example.org" is a wildcard; an IPv6 address is in
  // brackets and its shortest form, "[::1]". Empty: the default site.
  std::vector<std::string> hosts;
  FileRules files;
  Fields headers;
  std::vector<PatternFields> headers_by_path;
  std::optional<Cors> cors;
  // 404 -> path under root; classes as 400/500 with is_class, from "4xx"/"5xx"
  struct ErrorPage {
    unsigned status = 0;  // 404, or 4 / 5 for a class
    std::string path;     // begins with "/", looked up under files.root
  };
  std::vector<ErrorPage> error_pages;
  // As written; a static route for "/*" is added when the site has a root and none of its own
  // takes every request.
  std::vector<Route> routes;
  Bytes body_bytes = 0;
  Bytes send_rate = 0;
  Access access;
  std::optional<Auth> auth;
  std::optional<RateLimit> rate_limit;  // one for all routes that have none of their own
  std::optional<Tls> tls;
  bool redirect_https = false;
  std::size_t redirect_https_line = 0;  // of the key
  std::size_t line = 0;                 // of its header in the file
  KeyLines key_lines;
};

// A request, and what has to come of it: a test in the file.
struct Expect {
  std::string method = "GET";
  std::string url;  // "http://example.org/old/a?x=1": always with a path, never with a fragment
  Fields request_header;
  std::optional<unsigned> status;
  // A field of the answer: its value, or only whether it is there.
  struct Field {
    std::string name;
    bool present = true;
    std::optional<std::string> value;
  };
  std::vector<Field> header;
  std::optional<std::string> route;    // the pattern of the route that answers
  std::optional<std::string> handler;  // its handler's name
  Diagnostic place;                    // of its `request`, without a message
};

struct Config {
  std::string file;  // absolute path it came from; empty: built from the command line
  Server server;
  Limits limits;
  AccessLog access_log;
  Cache cache;
  std::map<std::string, std::string> types;  // ".glb" -> "model/gltf-binary"; keys in lower case
  std::vector<Listener> listeners;
  std::vector<Site> sites;
  std::vector<Expect> expectations;
  // Of open files, for programs: the soft limit that the server itself was started with. Not from
  // the file; 0: as it is.
  std::uint64_t program_descriptors = 0;
};

}  // namespace uvhttpd::config
