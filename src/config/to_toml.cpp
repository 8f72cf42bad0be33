// SPDX-License-Identifier: MIT
// config/to_toml.cpp: a Config as the file that would have given it.
#include <string>

#include "config/load.h"
#include "config/toml_writer.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

const char* name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warn: return "warn";
    case LogLevel::error: return "error";
  }
  return "";
}

const char* name_of(Sandbox sandbox) {
  switch (sandbox) {
    case Sandbox::automatic: return "auto";
    case Sandbox::on: return "on";
    case Sandbox::off: return "off";
  }
  return "";
}

const char* name_of(Symlinks symlinks) {
  switch (symlinks) {
    case Symlinks::inside: return "inside";
    case Symlinks::deny: return "deny";
    case Symlinks::follow: return "follow";
  }
  return "";
}

const char* name_of(Balance balance) {
  switch (balance) {
    case Balance::least_connections: return "least_connections";
    case Balance::round_robin: return "round_robin";
    case Balance::random_two: return "random_two";
    case Balance::hash: return "hash";
  }
  return "";
}

const char* name_of(ProxyProtocol protocol) {
  switch (protocol) {
    case ProxyProtocol::off: return "off";
    case ProxyProtocol::v1: return "v1";
    case ProxyProtocol::v2: return "v2";
  }
  return "";
}

std::string text_of(const HashKey& key) {
  switch (key.kind) {
    case HashKey::Kind::client: return "client";
    case HashKey::Kind::path: return "path";
    case HashKey::Kind::cookie: return "cookie:" + key.name;
    case HashKey::Kind::header: return "header:" + key.name;
  }
  return "";
}

std::string address_of(const Listener& listener) {
  switch (listener.kind) {
    case Listener::Kind::unix_socket: return "unix:" + listener.path;
    case Listener::Kind::systemd: return "systemd:" + listener.path;
    case Listener::Kind::ip: break;
  }
  const bool ipv6 = listener.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + listener.host + "]" : listener.host) + ":" + std::to_string(listener.port);
}

std::vector<std::string> texts_of(const std::vector<Network>& networks) {
  std::vector<std::string> texts;
  for (const Network& network : networks) texts.push_back(format_network(network));
  return texts;
}

std::vector<std::string> trusted_by(const Listener& listener) {
  std::vector<std::string> trusted = texts_of(listener.trusted_proxies);
  if (listener.trust_unix) trusted.emplace_back("unix");
  return trusted;
}

std::string text_of_mode(unsigned mode) {
  std::string digits = "0000";
  for (std::size_t i = digits.size(); i-- > 0; mode >>= 3U) {
    digits[i] = static_cast<char>('0' + (mode & 7U));
  }
  return digits;
}

void write_globals(TomlWriter& out, const Config& config) {
  const Server& server = config.server;
  out.header("[server]");
  out.raw("workers", server.workers == 0 ? "\"auto\"" : std::to_string(server.workers));
  out.line("user", server.user);
  out.line("group", server.group);
  out.line("sandbox", std::string_view(name_of(server.sandbox)));
  out.line("drain_timeout", server.drain_timeout);
  out.line("server_header", server.server_header);
  out.line("log", server.log);
  out.line("log_level", std::string_view(name_of(server.log_level)));

  const Limits& limits = config.limits;
  out.header("[limits]");
  out.line("connections", limits.connections);
  out.line("connections_per_ip", limits.connections_per_ip);
  out.line("requests_per_connection", limits.requests_per_connection);
  out.raw("target_bytes", toml_size(limits.target_bytes));
  out.raw("head_bytes", toml_size(limits.head_bytes));
  out.line("head_fields", limits.head_fields);
  out.raw("body_bytes", toml_size(limits.body_bytes));
  out.line("head_timeout", limits.head_timeout);
  out.line("body_timeout", limits.body_timeout);
  out.raw("body_min_rate", toml_size(limits.body_min_rate));
  out.line("send_timeout", limits.send_timeout);
  out.line("keep_alive_timeout", limits.keep_alive_timeout);
  out.raw("send_rate", toml_size(limits.send_rate));
  out.line("handshakes", limits.handshakes);
  out.line("handshake_timeout", limits.handshake_timeout);

  out.header("[access_log]");
  out.line("path", config.access_log.path);
  out.raw("format", config.access_log.format == LogFormat::json ? "\"json\"" : "\"combined\"");

  out.header("[cache]");
  out.raw("memory", toml_size(config.cache.memory));
  out.raw("file_bytes", toml_size(config.cache.file_bytes));
  out.line("revalidate", config.cache.revalidate);

  out.header("[types]");
  for (const auto& [extension, type] : config.types) out.line(toml_text(extension), type);
}

void write_files(TomlWriter& out, const FileRules& files, bool with_root) {
  if (with_root && !files.root.empty()) out.line("root", files.root);
  out.line("index", files.index);
  out.line("listing", files.listing);
  out.line("fallback", files.fallback);
  out.line("clean_urls", files.clean_urls);
  out.line("hidden_files", files.hidden_files);
  out.line("source_files", files.source_files);
  out.line("symlinks", std::string_view(name_of(files.symlinks)));
  out.line("precompressed", files.precompressed);
  out.line("compress", files.compress);
  out.line("charset", files.charset);
  out.table("cache_control", toml_table(files.cache_control));
}

// `scheme` is that of its upstreams: "http" or empty.
void write_pool(TomlWriter& out, const UpstreamRules& pool, std::string_view scheme) {
  std::vector<std::string> upstreams;
  for (const Upstream& one : pool.upstreams) upstreams.push_back(format_upstream(one, scheme));
  out.line("upstream", upstreams);
  out.line("balance", std::string_view(name_of(pool.balance)));
  if (pool.balance == Balance::hash) out.line("hash_key", text_of(pool.hash_key));
  out.line("connect_timeout", pool.connect_timeout);
  out.line("head_timeout", pool.head_timeout);
  out.line("idle_timeout", pool.idle_timeout);
  out.line("keep_alive", pool.keep_alive);
  out.line("keep_alive_timeout", pool.keep_alive_timeout);
  out.line("retries", pool.retries);
  out.line("resolve_every", pool.resolve_every);
  out.line("buffer_body", pool.buffer_body);
  out.line("buffer_response", pool.buffer_response);
  if (!pool.health) return;
  TomlTable health;
  if (!pool.health->path.empty()) health.push_back({"path", toml_text(pool.health->path)});
  if (!pool.health->host.empty()) health.push_back({"host", toml_text(pool.health->host)});
  health.push_back({"every", toml_text(pool.health->every)});
  health.push_back({"timeout", toml_text(pool.health->timeout)});
  health.push_back({"rise", toml_text(pool.health->rise)});
  health.push_back({"fall", toml_text(pool.health->fall)});
  out.table("health", health);
}

void write_scripts(TomlWriter& out, const ScriptRules& rules) {
  if (rules.own_root) out.line("root", rules.root);
  out.line("local_files", rules.local_files);
  out.line("index", rules.index);
  out.line("split", rules.split);
  out.line("script", rules.script);
  out.table("params", toml_table(rules.params));
  out.line("pass_authorization", rules.pass_authorization);
  out.line("encoded_slashes", rules.encoded_slashes);
  write_pool(out, rules.pool, "");
}

// Writes what is particular to each handler.
struct HandlerWriter {
  TomlWriter& out;

  void operator()(const StaticHandler& handler) const {
    write_files(out, handler.files, handler.own_root);
  }
  void operator()(const CgiHandler& handler) const {
    if (handler.own_root) out.line("root", handler.root);
    if (!handler.program.empty()) out.line("program", handler.program);
    out.table("interpreter", toml_table(handler.interpreter));
    out.table("env", toml_table(handler.env));
    out.line("pass_env", handler.pass_env);
    out.line("pass_headers", handler.pass_headers);
    out.line("timeout_head", handler.timeout_head);
    out.line("timeout_idle", handler.timeout_idle);
    out.line("timeout_total", handler.timeout_total);
    out.line("max_running", handler.max_running);
    out.line("queue", handler.queue);
    out.line("queue_timeout", handler.queue_timeout);
    out.line("pass_authorization", handler.pass_authorization);
    out.line("encoded_slashes", handler.encoded_slashes);
    out.line("buffer_body", handler.buffer_body);
    out.line("user", handler.user);
    out.line("group", handler.group);
    out.line("readable", handler.readable);
    out.line("writable", handler.writable);
    out.line("network", handler.network);
  }
  void operator()(const FastCgiHandler& handler) const { write_scripts(out, handler.script); }
  void operator()(const ScgiHandler& handler) const { write_scripts(out, handler.script); }
  void operator()(const ProxyHandler& handler) const {
    write_pool(out, handler.pool, "http");
    out.line("strip_prefix", handler.strip_prefix);
    out.table("set_headers", toml_table(handler.set_headers));
    out.line("underscores_in_headers", handler.underscores_in_headers);
    out.line("hide_headers", handler.hide_headers);
    out.line("websocket", handler.websocket);
    out.line("tunnel_timeout", handler.tunnel_timeout);
    out.line("rewrite_redirects", handler.rewrite_redirects);
    out.line("rewrite_cookies", handler.rewrite_cookies);
    out.line("proxy_protocol", std::string_view(name_of(handler.proxy_protocol)));
  }
  void operator()(const RedirectHandler& handler) const {
    out.line("to", handler.to);
    out.line("status", handler.status);
  }
  void operator()(const RespondHandler& handler) const {
    out.line("status", handler.status);
    out.line("body", handler.body);
    out.line("type", handler.type);
  }
  void operator()(const StatusHandler& handler) const { out.line("public", handler.is_public); }
};

void write_headers(TomlWriter& out, const Fields& fields,
                   const std::vector<PatternFields>& by_path) {
  TomlTable table = toml_table(fields);
  for (const PatternFields& some : by_path) {
    table.push_back({toml_text(some.path.text), "", toml_table(some.fields)});
  }
  out.table("headers", table);
}

void write_cors(TomlWriter& out, const std::optional<Cors>& cors) {
  if (!cors) return;
  out.table("cors", {{"origins", toml_text(cors->origins)},
                     {"methods", toml_text(cors->methods)},
                     {"headers", toml_text(cors->headers)},
                     {"expose", toml_text(cors->expose)},
                     {"credentials", toml_text(cors->credentials)},
                     {"max_age", toml_text(cors->max_age)}});
}

// What sites and routes say of who may have an answer, and how fast.
template <class SiteOrRoute>
void write_access(TomlWriter& out, const SiteOrRoute& holder) {
  out.raw("body_bytes", toml_size(holder.body_bytes));
  out.raw("send_rate", toml_size(holder.send_rate));
  out.line("allow", texts_of(holder.access.allow));
  out.line("deny", texts_of(holder.access.deny));
  if (const std::optional<Auth>& auth = holder.auth) {
    out.table("auth", {{"realm", toml_text(auth->realm)}, {"users", toml_text(auth->users)}});
  } else {
    out.line("auth", false);
  }
  if (const std::optional<RateLimit>& limit = holder.rate_limit) {
    const std::string key = limit->key.empty() ? "client" : "header:" + limit->key;
    out.table("rate_limit", {{"requests", toml_text(limit->requests)},
                             {"per", toml_text(limit->per)},
                             {"burst", toml_text(limit->burst)},
                             {"key", toml_text(key)}});
  } else {
    out.line("rate_limit", false);
  }
}

// In a list only where there are several.
std::string one_or_many(const std::vector<std::string>& files) {
  return files.size() == 1 ? toml_text(files[0]) : toml_text(files);
}

void write_tls(TomlWriter& out, const Site& site) {
  out.line("redirect_https", site.redirect_https);
  if (!site.tls) return;
  const Tls& tls = *site.tls;
  std::vector<std::string> certificates;
  std::vector<std::string> keys;
  for (const KeyPair& pair : tls.key_pairs) {
    certificates.push_back(pair.certificate);
    keys.push_back(pair.key);
  }
  TomlTable table{{"certificate", one_or_many(certificates)},
                  {"key", one_or_many(keys)},
                  {"client_ca", toml_text(tls.client_ca)}};
  if (!tls.client_ca.empty()) {
    table.push_back(
        {"client_certificate", toml_text(tls.client_required ? "required" : "optional")});
  }
  table.push_back(
      {"min_version", toml_text(tls.min_version == TlsVersion::tls1_3 ? "1.3" : "1.2")});
  table.push_back({"hsts", toml_text(tls.hsts)});
  out.table("tls", table);
}

void write_route(TomlWriter& out, const Route& route) {
  out.header("[[site.route]]");
  out.line("path", route.path.text);
  if (!route.methods.empty()) out.line("methods", route.methods);
  out.line("handler", name_of(route.handler));
  std::visit(HandlerWriter{out}, route.handler);
  write_headers(out, route.headers, route.headers_by_path);
  write_cors(out, route.cors);
  write_access(out, route);
  out.line("access_log", route.access_log);
}

void write_site(TomlWriter& out, const Site& site) {
  out.header("[[site]]");
  out.line("hosts", site.hosts);
  write_files(out, site.files, true);
  write_headers(out, site.headers, site.headers_by_path);
  write_cors(out, site.cors);
  if (!site.error_pages.empty()) {
    std::vector<std::pair<std::string, std::string>> pages;
    for (const Site::ErrorPage& page : site.error_pages) {
      pages.emplace_back(std::to_string(page.status) + (page.status < 10 ? "xx" : ""), page.path);
    }
    out.table("error_pages", toml_table(pages));
  }
  write_access(out, site);
  write_tls(out, site);
  for (const Route& route : site.routes) write_route(out, route);
}

void write_expect(TomlWriter& out, const Expect& expect) {
  out.header("[[expect]]");
  out.line("request", expect.method + " " + expect.url);
  if (!expect.request_header.empty()) {
    out.table("request_header", toml_table(expect.request_header));
  }
  if (expect.status) out.line("status", *expect.status);
  TomlTable header;
  for (const Expect::Field& field : expect.header) {
    header.push_back(
        {toml_text(field.name), field.value ? toml_text(*field.value) : toml_text(field.present)});
  }
  if (!header.empty()) out.table("header", header);
  if (expect.route) out.line("route", *expect.route);
  if (expect.handler) out.line("handler", *expect.handler);
}

}  // namespace

std::string to_toml(const Config& config) {
  TomlWriter out;
  write_globals(out, config);
  for (const Listener& listener : config.listeners) {
    out.header("[[listener]]");
    out.line("address", address_of(listener));
    out.line("tls", listener.tls);
    out.line("proxy_protocol", listener.proxy_protocol);
    out.line("trusted_proxies", trusted_by(listener));
    if (listener.kind == Listener::Kind::unix_socket) out.line("mode", text_of_mode(listener.mode));
  }
  for (const Site& site : config.sites) write_site(out, site);
  for (const Expect& expect : config.expectations) write_expect(out, expect);
  return out.take();
}

}  // namespace uvhttpd::config
