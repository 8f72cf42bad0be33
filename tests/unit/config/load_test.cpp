// SPDX-License-Identifier: MIT
// tests/unit/config/load_test.cpp: a good file becomes a complete Config, and what the disk says.
#include "config/load.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "config/values.h"
#include "unit/config/support.h"

namespace uvhttpd::config::tests {
namespace {

// A directory that is gone when the test ends.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/uvhttpd-config-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }

  std::string write(const std::string& name, std::string_view text) const {
    const std::string file = path_ + "/" + name;
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string messages_of(const Loaded& loaded) {
  std::string out;
  for (const Diagnostic& diagnostic : loaded.diagnostics) out += diagnostic.message + "\n";
  return out;
}

constexpr std::string_view kEverything = R"(
[server]
workers = 3
user = "www-data"
group = "www-data"
sandbox = "on"
drain_timeout = 1.5
server_header = ""
log = "log/error.log"
log_level = "debug"
[limits]
connections = 5
connections_per_ip = 6
requests_per_connection = 7
target_bytes = "1KB"
head_bytes = "2KiB"
head_fields = 8
body_bytes = 9
head_timeout = "1s"
body_timeout = "2m"
body_min_rate = "1KiB"
send_timeout = "1h"
keep_alive_timeout = "500ms"
send_rate = "1MB"
handshakes = 0
handshake_timeout = "5s"
[access_log]
path = "off"
format = "json"
[cache]
memory = 0
file_bytes = "2MB"
revalidate = 0
[types]
".GLB" = "model/gltf-binary"
[[listener]]
address = "[::]:80"
tls = true
[[listener]]
address = "unix:run/http.sock"
proxy_protocol = true
trusted_proxies = ["unix", "10.0.0.0/8", "2001:DB8::/32", "192.0.2.1"]
mode = "640"
[[listener]]
address = "127.0.0.1:0"
[[listener]]
address = "127.0.0.1:0"
[[site]]
hosts = ["Example.org.", "*.Example.org"]
root = "www"
index = []
listing = true
fallback = "/index.html"
clean_urls = true
hidden_files = true
source_files = true
symlinks = "deny"
precompressed = false
compress = ["br", "zstd"]
charset = ""
cache_control = { "*.html" = "no-cache", "/a/*" = "max-age=1" }
headers = { X-B = "1", "/a/*" = { X-E = "5", X-D = "4" }, X-A = "2", "*.pdf" = {} }
cors = { origins = ["HTTPS://App.example.org:443", "https://*.example.org"], credentials = true }
error_pages = { 5xx = "/50x.html", 404 = "/404.html" }
body_bytes = "1KiB"
send_rate = "100KiB"
allow = ["10.0.0.0/8", "2001:DB8::1"]
deny = ["10.0.0.1"]
auth = { realm = "the \"site\"", users = "users" }
rate_limit = { requests = 10, per = "1m", burst = 20, key = "header:X-Key" }
redirect_https = true
tls = { certificate = ["ec.pem", "rsa.pem"], key = ["ec.key", "/keys/rsa.key"], client_ca = "ca.pem", client_certificate = "optional", min_version = "1.3", hsts = "max-age=1; includeSubDomains" }
[[site.route]]
path = "/cgi-bin/*"
methods = ["GET", "POST"]
handler = "cgi"
interpreter = { ".py" = "bin/python3" }
env = { B = "1", A = "2" }
pass_env = ["PATH"]
pass_headers = ["X_Trace"]
timeout_head = 1
timeout_idle = 2
timeout_total = 3
max_running = 4
queue = 5
queue_timeout = 6
pass_authorization = true
buffer_body = false
user = "app"
group = "apps"
readable = ["data"]
writable = ["/var/lib/app/", "upload"]
network = true
headers = { X-C = "3", "*.txt" = { X-F = "6" } }
body_bytes = "1MiB"
access_log = false
send_rate = 0
deny = ["192.0.2.0/24"]
auth = { users = "/etc/others" }
rate_limit = { requests = 5 }
cors = { origins = ["*"], methods = ["GET", "PUT"], headers = ["*"], expose = ["X-C"], max_age = 5 }
[[site.route]]
path = "/docs/*"
handler = "static"
root = "/usr/share/doc/"
listing = false
fallback = ""
source_files = false
symlinks = "follow"
compress = []
allow = []
auth = false
rate_limit = false
[[site.route]]
path = "/old/*"
handler = "redirect"
to = "/new/{path}"
status = 308
[[site.route]]
path = "*.teapot"
handler = "respond"
status = 418
body = "I am \"short\"\n\u001b and stout"
type = "text/html"
[[expect]]
request = "PUT HTTP://Example.org:8080?x=1"
request_header = { Origin = "https://a" }
status = 405
header = { Allow = "GET, HEAD", ETag = false, Date = true }
[[expect]]
request = "https://[::1]/docs/a"
route = "/docs/*"
handler = "static"
)";

TEST_CASE("Every key arrives in the Config") {
  const Config config = config_of(kEverything);
  CHECK(config.file == kPath);
  CHECK(config.server.workers == 3);
  CHECK(config.server.user == "www-data");
  CHECK(config.server.sandbox == Sandbox::on);
  CHECK(config.server.drain_timeout == milliseconds(1500));
  CHECK(config.server.server_header == "");
  CHECK(config.server.log == "/etc/uvhttpd/log/error.log");
  CHECK(config.server.log_level == LogLevel::debug);
  CHECK(config.limits.connections == 5);
  CHECK(config.limits.connections_per_ip == 6);
  CHECK(config.limits.requests_per_connection == 7);
  CHECK(config.limits.target_bytes == 1000);
  CHECK(config.limits.head_bytes == 2048);
  CHECK(config.limits.head_fields == 8);
  CHECK(config.limits.body_bytes == 9);
  CHECK(config.limits.head_timeout == milliseconds(1000));
  CHECK(config.limits.body_timeout == milliseconds(120'000));
  CHECK(config.limits.body_min_rate == 1024);
  CHECK(config.limits.send_timeout == milliseconds(3'600'000));
  CHECK(config.limits.keep_alive_timeout == milliseconds(500));
  CHECK(config.limits.send_rate == 1'000'000);
  CHECK(config.limits.handshakes == 0);
  CHECK(config.limits.handshake_timeout == milliseconds(5000));
  CHECK(config.access_log.path == "off");
  CHECK(config.access_log.format == LogFormat::json);
  CHECK(config.cache.memory == 0);
  CHECK(config.cache.file_bytes == 2'000'000);
  CHECK(config.cache.revalidate == milliseconds(0));
  CHECK(config.types.at(".glb") == "model/gltf-binary");
  REQUIRE(config.listeners.size() == 4);
  CHECK(config.listeners[0].host == "::");
  CHECK(config.listeners[0].tls);
  CHECK_FALSE(config.listeners[1].tls);
  CHECK_FALSE(config.listeners[0].proxy_protocol);
  CHECK_FALSE(config.listeners[0].trust_unix);
  const Listener& socket = config.listeners[1];
  CHECK(socket.path == "/etc/uvhttpd/run/http.sock");
  CHECK(socket.proxy_protocol);
  CHECK(socket.trust_unix);
  CHECK(socket.mode == 0640);
  REQUIRE(socket.trusted_proxies.size() == 3);
  CHECK(format_network(socket.trusted_proxies[0]) == "10.0.0.0/8");
  CHECK(format_network(socket.trusted_proxies[1]) == "2001:db8::/32");
  CHECK(format_network(socket.trusted_proxies[2]) == "192.0.2.1");
}

TEST_CASE("Every key of files arrives, and a route has those of the site that it leaves out") {
  const Config config = config_of(kEverything);
  const FileRules& files = config.sites[0].files;
  CHECK(files.listing);
  CHECK(files.fallback == "/index.html");
  CHECK(files.clean_urls);
  CHECK(files.source_files);
  CHECK(files.compress == std::vector<std::string>{"br", "zstd"});
  const FileRules& docs = std::get<StaticHandler>(config.sites[0].routes[1].handler).files;
  CHECK_FALSE(docs.listing);
  CHECK(docs.fallback == "");
  CHECK(docs.clean_urls);
  CHECK_FALSE(docs.source_files);
  CHECK(docs.compress.empty());
  const FileRules& added = std::get<StaticHandler>(config.sites[0].routes[4].handler).files;
  CHECK(added.listing);
  CHECK(added.compress == files.compress);
}

TEST_CASE("Fields of some paths are kept apart from those of all, each in file order") {
  const Site site = config_of(kEverything).sites[0];
  REQUIRE(site.headers_by_path.size() == 2);
  CHECK(site.headers_by_path[0].path.prefix == "/a/");
  CHECK(site.headers_by_path[0].fields == Fields{{"X-E", "5"}, {"X-D", "4"}});
  CHECK(site.headers_by_path[1].path.extension == ".pdf");
  CHECK(site.headers_by_path[1].fields.empty());
  REQUIRE(site.routes[0].headers_by_path.size() == 1);
  CHECK(site.routes[0].headers_by_path[0].fields == Fields{{"X-F", "6"}});
  CHECK(site.routes[1].headers_by_path.empty());
}

TEST_CASE("A route has the cross-origin rules of its own, else those of the site") {
  const Site site = config_of(kEverything).sites[0];
  REQUIRE(site.cors.has_value());
  CHECK(site.cors->origins ==
        std::vector<std::string>{"https://app.example.org", "https://*.example.org"});
  CHECK(site.cors->credentials);
  CHECK(site.cors->max_age == milliseconds(600'000));
  REQUIRE(site.routes[0].cors.has_value());
  const Cors& own = *site.routes[0].cors;
  CHECK(own.origins == std::vector<std::string>{"*"});
  CHECK(own.methods == std::vector<std::string>{"GET", "PUT"});
  CHECK(own.headers == std::vector<std::string>{"*"});
  CHECK(own.expose == std::vector<std::string>{"X-C"});
  CHECK_FALSE(own.credentials);
  CHECK(own.max_age == milliseconds(5000));
  for (std::size_t i = 1; i < site.routes.size(); ++i) {
    CAPTURE(i);
    REQUIRE(site.routes[i].cors.has_value());
    CHECK(site.routes[i].cors->origins == site.cors->origins);
  }
  CHECK_FALSE(config_of(kSite).sites[0].routes[0].cors.has_value());
}

TEST_CASE("A site says who may have its answers, and each route what holds for it") {
  const Site site = config_of(kEverything).sites[0];
  CHECK(site.send_rate == 100 << 10);
  REQUIRE(site.access.allow.size() == 2);
  CHECK(format_network(site.access.allow[0]) == "10.0.0.0/8");
  CHECK(format_network(site.access.allow[1]) == "2001:db8::1");
  REQUIRE(site.access.deny.size() == 1);
  CHECK(format_network(site.access.deny[0]) == "10.0.0.1");
  CHECK(site.auth == Auth{"the \"site\"", "/etc/uvhttpd/users"});
  CHECK(site.rate_limit == RateLimit{10, milliseconds(60'000), 20, "x-key"});

  const Route& own = site.routes[0];
  CHECK(own.send_rate == 0);
  CHECK(own.access.allow.empty());
  REQUIRE(own.access.deny.size() == 1);
  CHECK(format_network(own.access.deny[0]) == "192.0.2.0/24");
  CHECK(own.auth == Auth{"Restricted", "/etc/others"});
  CHECK(own.rate_limit == RateLimit{5, milliseconds(1000), 5, ""});

  const Route& open = site.routes[1];
  CHECK(open.send_rate == site.send_rate);
  CHECK(open.access.allow.empty());
  CHECK(open.access.deny.empty());
  CHECK_FALSE(open.auth.has_value());
  CHECK_FALSE(open.rate_limit.has_value());

  for (std::size_t i = 2; i < site.routes.size(); ++i) {
    CAPTURE(i);
    CHECK(site.routes[i].send_rate == site.send_rate);
    CHECK(site.routes[i].access.allow == site.access.allow);
    CHECK(site.routes[i].access.deny == site.access.deny);
    CHECK(site.routes[i].auth == site.auth);
    CHECK(site.routes[i].rate_limit == site.rate_limit);
  }
}

TEST_CASE("A site has its certificates with their keys, and what it asks of clients") {
  const Site site = config_of(kEverything).sites[0];
  CHECK(site.redirect_https);
  REQUIRE(site.tls.has_value());
  CHECK(site.tls->key_pairs == std::vector<KeyPair>{{"/etc/uvhttpd/ec.pem", "/etc/uvhttpd/ec.key"},
                                                    {"/etc/uvhttpd/rsa.pem", "/keys/rsa.key"}});
  CHECK(site.tls->client_ca == "/etc/uvhttpd/ca.pem");
  CHECK_FALSE(site.tls->client_required);
  CHECK(site.tls->min_version == TlsVersion::tls1_3);
  CHECK(site.tls->hsts == "max-age=1; includeSubDomains");
}

TEST_CASE("A test of the file has a request and what is expected of its answer") {
  const Config config = config_of(kEverything);
  REQUIRE(config.expectations.size() == 2);
  const Expect& first = config.expectations[0];
  CHECK(first.method == "PUT");
  CHECK(first.url == "http://Example.org:8080/?x=1");
  CHECK(first.request_header == Fields{{"Origin", "https://a"}});
  CHECK(first.status == 405);
  REQUIRE(first.header.size() == 3);
  CHECK(first.header[0].name == "Allow");
  CHECK(first.header[0].value == "GET, HEAD");
  CHECK_FALSE(first.header[1].present);
  CHECK(first.header[2].present);
  CHECK_FALSE(first.header[2].value.has_value());
  CHECK_FALSE(first.route.has_value());
  CHECK_FALSE(first.handler.has_value());
  const Expect& second = config.expectations[1];
  CHECK(second.method == "GET");
  CHECK(second.url == "https://[::1]/docs/a");
  CHECK(second.route == "/docs/*");
  CHECK(second.handler == "static");
  CHECK_FALSE(second.status.has_value());
}

TEST_CASE("A test of the file knows the place of its request") {
  const Config config =
      config_of(std::string(kSite) + "[[expect]]\n  request = \"http://a/\" # why\nstatus = 200\n");
  const Diagnostic& place = config.expectations[0].place;
  CHECK(place.file == kPath);
  CHECK(place.line == 4);
  CHECK(place.column == 13);
  CHECK(place.length == 11);
  CHECK(place.source_line == "  request = \"http://a/\" # why");
  CHECK(place.message == "");
}

TEST_CASE("A test may name the route that is added for the files") {
  CHECK(faults_of(std::string(kSite) + "[[expect]]\nrequest = \"http://a/\"\nroute = \"/*\"\n") ==
        "");
}

TEST_CASE("Sites and routes know the line of their headers, and an added route has none") {
  const Config config = config_of(
      "\n[[site]]\nroot = \"/srv\"\n\n[[site.route]]\npath = \"/a\"\n"
      "handler = \"respond\"\n[[site]]\nhosts = [\"a\"]\nroot = \"/b\"\n");
  CHECK(config.sites[0].line == 2);
  CHECK(config.sites[0].routes[0].line == 5);
  CHECK(config.sites[0].routes[1].line == 0);
  CHECK(config.sites[1].line == 8);
}

TEST_CASE("A site has its own keys and each route what it inherits") {
  const Config config = config_of(kEverything);
  REQUIRE(config.sites.size() == 1);
  const Site& site = config.sites[0];
  CHECK(site.hosts == std::vector<std::string>{"example.org", "*.example.org"});
  CHECK(site.files.root == "/etc/uvhttpd/www");
  CHECK(site.files.index.empty());
  CHECK(site.files.hidden_files);
  CHECK(site.files.symlinks == Symlinks::deny);
  CHECK_FALSE(site.files.precompressed);
  CHECK(site.files.charset == "");
  CHECK(site.files.cache_control[0].first == "*.html");
  CHECK(site.headers == Fields{{"X-B", "1"}, {"X-A", "2"}});
  REQUIRE(site.error_pages.size() == 2);
  CHECK(site.error_pages[0].status == 5);
  CHECK(site.error_pages[1].status == 404);
  CHECK(site.error_pages[1].path == "/404.html");
  CHECK(site.body_bytes == 1024);

  REQUIRE(site.routes.size() == 5);
  const auto& cgi = std::get<CgiHandler>(site.routes[0].handler);
  CHECK(site.routes[0].methods == std::vector<std::string>{"GET", "POST"});
  CHECK(site.routes[0].headers == Fields{{"X-C", "3"}});
  CHECK(site.routes[0].body_bytes == 1 << 20);
  CHECK_FALSE(site.routes[0].access_log);
  CHECK(cgi.root == "/etc/uvhttpd/www");
  CHECK_FALSE(cgi.own_root);
  CHECK(cgi.interpreter.at(".py") == "/etc/uvhttpd/bin/python3");
  CHECK(cgi.env == Fields{{"B", "1"}, {"A", "2"}});
  CHECK(cgi.pass_env == std::vector<std::string>{"PATH"});
  CHECK(cgi.pass_headers == std::vector<std::string>{"X_Trace"});
  CHECK(cgi.timeout_total == milliseconds(3000));
  CHECK(cgi.max_running == 4);
  CHECK(cgi.queue == 5);
  CHECK(cgi.pass_authorization);
  CHECK_FALSE(cgi.buffer_body);
  CHECK(cgi.user == "app");
  CHECK(cgi.group == "apps");
  CHECK(cgi.readable == std::vector<std::string>{"/etc/uvhttpd/data"});
  CHECK(cgi.writable == std::vector<std::string>{"/var/lib/app", "/etc/uvhttpd/upload"});
  CHECK(cgi.network);

  const auto& docs = std::get<StaticHandler>(site.routes[1].handler);
  CHECK(docs.own_root);
  CHECK(docs.files.root == "/usr/share/doc");
  CHECK(docs.files.symlinks == Symlinks::follow);
  CHECK(docs.files.hidden_files);
  CHECK(site.routes[1].body_bytes == 1024);

  CHECK(std::get<RedirectHandler>(site.routes[2].handler).status == 308);
  CHECK(std::get<RespondHandler>(site.routes[3].handler).body == "I am \"short\"\n\x1b and stout");

  const auto& last = std::get<StaticHandler>(site.routes[4].handler);
  CHECK(site.routes[4].path.text == "/*");
  CHECK_FALSE(last.own_root);
  CHECK(last.files.root == site.files.root);
}

TEST_CASE("The smallest file has all defaults, a listener and a route for the files") {
  const Config config = config_of(kSite);
  CHECK(config.server.workers == 0);
  CHECK(config.server.sandbox == Sandbox::automatic);
  CHECK(config.limits.head_bytes == 16384);
  CHECK(config.limits.send_rate == 0);
  CHECK(config.limits.handshakes == 1000);
  CHECK(config.limits.handshake_timeout == milliseconds(10'000));
  REQUIRE(config.listeners.size() == 1);
  CHECK(config.listeners[0].address == "127.0.0.1:8080");
  CHECK(config.listeners[0].port == 8080);
  REQUIRE(config.sites[0].routes.size() == 1);
  CHECK(config.sites[0].routes[0].body_bytes == config.limits.body_bytes);
  CHECK_FALSE(config.sites[0].tls.has_value());
  CHECK_FALSE(config.sites[0].redirect_https);
  CHECK_FALSE(config.sites[0].routes[0].auth.has_value());
  CHECK_FALSE(config.sites[0].routes[0].rate_limit.has_value());
}

TEST_CASE("The route for the files is added unless one of the site's takes every request") {
  struct Row {
    const char* name;
    const char* route;
    std::size_t routes;
  };
  constexpr Row kRows[] = {
      {"another path", "path = \"/a/*\"\nhandler = \"static\"", 2},
      {"every path", "path = \"/*\"\nhandler = \"static\"", 1},
      {"every path, one method", "path = \"/*\"\nmethods = [\"POST\"]\nhandler = \"cgi\"", 2},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    const Config config = config_of(std::string(kSite) + "[[site.route]]\n" + row.route);
    CHECK(config.sites[0].routes.size() == row.routes);
  }
}

TEST_CASE("A status route is public only where the file says so") {
  const std::string route =
      std::string(kSite) + "[[site.route]]\npath = \"/status\"\nhandler = \"status\"\n";
  const auto is_public = [](const std::string& text) {
    return std::get<StatusHandler>(config_of(text).sites[0].routes[0].handler).is_public;
  };
  CHECK_FALSE(is_public(route));
  CHECK(is_public(route + "public = true\n"));
  CHECK(is_public(to_toml(config_of(route + "public = true\n"))));
}

TEST_CASE("The configuration in force reads back to itself") {
  for (const std::string_view text : {kEverything, kSite}) {
    const std::string written = to_toml(config_of(text));
    CHECK(to_toml(config_of(written)) == written);
  }
}

TEST_CASE("The configuration in force reads back though it would have long lines") {
  std::string text = "[[site]]\nroot = \"/srv/www\"\nhosts = [\n";
  for (int i = 0; i < 2000; ++i) text += "\"host" + std::to_string(i) + ".example.org\",\n";
  text += "]\n[site.headers]\n";
  for (int i = 0; i < 500; ++i) text += "\"X-" + std::to_string(i) + "\" = \"some value\"\n";
  text += "[site.headers.\"/a.b/*\"]\n";
  for (int i = 0; i < 500; ++i) text += "\"X-" + std::to_string(i) + "\" = \"some value\"\n";
  text += "[[site.route]]\npath = \"/long\"\nhandler = \"respond\"\nbody = \"\"\"\n";
  for (int i = 0; i < 500; ++i) text += std::string(60, ' ') + "  \\\"x\\\\ \u00e9\u00e9\u00e9\n";
  text += "\"\"\"\n";
  const Config config = config_of(text);
  const Config again = config_of(to_toml(config));
  CHECK(again.sites[0].hosts == config.sites[0].hosts);
  CHECK(again.sites[0].headers == config.sites[0].headers);
  REQUIRE(again.sites[0].headers_by_path.size() == 1);
  CHECK(again.sites[0].headers_by_path[0].path.text == "/a.b/*");
  CHECK(again.sites[0].headers_by_path[0].fields == config.sites[0].headers_by_path[0].fields);
  CHECK(std::get<RespondHandler>(again.sites[0].routes[0].handler).body ==
        std::get<RespondHandler>(config.sites[0].routes[0].handler).body);
  const bool same = to_toml(again) == to_toml(config);
  CHECK(same);
}

TEST_CASE("The configuration in force holds every key that a Config can") {
  const std::string written = to_toml(config_of(kEverything));
  for (std::string_view rest = kEverything; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t equals = line.find(" = ");
    if (equals == std::string_view::npos || line[0] == '"') continue;
    CAPTURE(line);
    CHECK(written.find("\n" + std::string(line.substr(0, equals)) + " = ") != std::string::npos);
  }
}

TEST_CASE("What is no file to read is refused with the reason") {
  const TemporaryDirectory directory;
  const std::string fifo = directory.path() + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(messages_of(load_file(directory.path() + "/none")) ==
        "cannot be opened: No such file or directory\n");
  CHECK(messages_of(load_file(directory.path())) == "is a directory, not a file\n");
  CHECK(messages_of(load_file(fifo)) == "is not a regular file\n");
  CHECK(messages_of(load_file(directory.write("large", std::string(kMaxFileBytes + 1, '#')))) ==
        "is larger than 1MiB\n");
  if (::geteuid() != 0) {
    const std::string secret = directory.write("secret", kSite);
    REQUIRE(::chmod(secret.c_str(), 0) == 0);
    CHECK(messages_of(load_file(secret)) ==
          "cannot be opened: Permission denied (as user " + acting_user() + ")\n");
  }
}

TEST_CASE("A file is read relative to where it stands") {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() + "/www");
  const Loaded loaded = load_file(directory.write("a.toml", "[[site]]\nroot = \"www\"\n"));
  REQUIRE(loaded.config.has_value());
  CHECK(loaded.config->sites[0].files.root == directory.path() + "/www");
  CHECK(loaded.config->file == directory.path() + "/a.toml");
}

TEST_CASE("What is missing on the disk is an error where it is named") {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() + "/www");
  const std::string file = directory.write("plain", "");
  REQUIRE(::chmod(file.c_str(), 0600) == 0);
  const std::string text = R"([[site]]
root = "www"
fallback = "/app.html"
error_pages = { 404 = "/none.html", 5xx = "/" }
[[site.route]]
path = "/a/*"
handler = "static"
root = "none"
[[site.route]]
path = "/b/*"
handler = "cgi"
root = "plain"
[[site.route]]
path = "/c"
handler = "cgi"
program = "plain"
[[site.route]]
path = "/p/*"
handler = "cgi"
interpreter = { ".py" = "none" }
[[site.route]]
path = "/d/*"
handler = "static"
fallback = "/d.html"
[[site.route]]
path = "/e/*"
handler = "static"
root = "."
[[site.route]]
path = "/f/*"
handler = "static"
root = "."
fallback = ""
[[site.route]]
path = "/g/*"
handler = "static"
root = "."
fallback = "/plain"
[[site.route]]
path = "/h/*"
handler = "cgi"
readable = ["plain", "www", "none"]
writable = ["other"]
auth = { users = "none" }
[[site]]
hosts = ["a"]
root = "www"
auth = { users = "www" }
tls = { certificate = "plain", key = ["none"], client_ca = "www" }
[[listener]]
address = "127.0.0.1:443"
tls = true
)";
  const Loaded loaded = load_file(directory.write("a.toml", text));
  std::string seen;
  for (const Diagnostic& one : loaded.diagnostics) {
    seen += std::to_string(one.line) + ":" + std::to_string(one.column) + " " +
            one.message.substr(one.message.rfind('`') + 1) + "\n";
  }
  CHECK(seen ==
        "3:12 : No such file or directory\n"
        "4:23 : No such file or directory\n"
        "4:43  is not a regular file\n"
        "8:8 : No such file or directory\n"
        "12:8  is not a directory\n"
        "16:11  cannot be executed: Permission denied\n"
        "20:25 : No such file or directory\n"
        "24:12 : No such file or directory\n"
        "28:8 : No such file or directory\n"
        "42:29 : No such file or directory\n"
        "43:13 : No such file or directory\n"
        "44:18 : No such file or directory\n"
        "48:18  is not a regular file\n"
        "49:39 : No such file or directory\n"
        "49:60  is not a regular file\n");
}

TEST_CASE("A Unix socket in a directory that is closed to others needs no mode") {
  const TemporaryDirectory directory;
  REQUIRE(::chmod(directory.path().c_str(), 0710) == 0);
  const auto listening_on = [&](const std::string& path) {
    return messages_of(load_file(directory.write(
        "a.toml", "[[listener]]\naddress = \"unix:" + path + "\"\ntrusted_proxies = [\"unix\"]\n" +
                      "[[site]]\nroot = \".\"\n")));
  };
  CHECK(listening_on("a.sock") == "");
  CHECK(listening_on("not-yet-made/a.sock") == "");
  CHECK(listening_on("/a.sock") ==
        "every account of this machine that reaches the socket can say who the client is\n");
}

TEST_CASE("The mode of a Unix socket is written as it is read, and of no other listener") {
  const std::string site(kSite);
  const auto written = [&](const std::string& listener) {
    return to_toml(config_of("[[listener]]\n" + listener + "\n" + site));
  };
  CHECK(written("address = \"unix:/a\"\nmode = \"006\"").find("\nmode = \"0006\"\n") !=
        std::string::npos);
  CHECK(written("address = \"unix:/a\"").find("\nmode = \"0666\"\n") != std::string::npos);
  CHECK(written("address = \"127.0.0.1:80\"").find("\nmode = ") == std::string::npos);
}

TEST_CASE("A file that may not be read is named with the reason") {
  if (::geteuid() == 0) return;
  const TemporaryDirectory directory;
  const std::string secret = directory.write("secret", "");
  REQUIRE(::chmod(secret.c_str(), 0) == 0);
  const Loaded loaded = load_file(directory.write("a.toml", R"([[site]]
root = "."
auth = { users = "secret" }
tls = { certificate = "a.toml", key = "secret" }
)"));
  CHECK(messages_of(loaded) == "`users`: `" + secret + "` cannot be read: Permission denied\n" +
                                   "`tls` is of no use here: no listener has `tls = true`\n" +
                                   "`key`: `" + secret + "` cannot be read: Permission denied\n");
}

}  // namespace
}  // namespace uvhttpd::config::tests
