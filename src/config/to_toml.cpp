// SPDX-License-Identifier: MIT
// config/to_toml.cpp: a Config as the file that would have given it.
#include <string>

#include "base/text.h"
#include "config/load.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

std::string text(std::string_view value) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}
std::string text(const std::vector<std::string>& list) {
  std::string out = "[";
  for (const std::string& element : list) out += (out.size() > 1 ? ", " : "") + text(element);
  return out + "]";
}
std::string text(bool value) { return value ? "true" : "false"; }
std::string text(std::uint64_t value) { return std::to_string(value); }
std::string text(unsigned value) { return std::to_string(value); }
std::string text(milliseconds value) { return text(format_duration(value)); }

std::string size(Bytes bytes) {
  const std::string written = format_size(bytes);
  return is_digit(written.back()) ? written : text(written);
}

// Pairs, whether of a map or of a vector.
template <class Pairs>
std::string inline_table(const Pairs& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs) {
    out += (out.empty() ? " " : ", ") + text(name) + " = " + text(value);
  }
  return "{" + out + (out.empty() ? "}" : " }");
}

class Writer {
 public:
  void header(const std::string& name) { out_ += (out_.empty() ? "" : "\n") + name + "\n"; }
  template <class T>
  void line(const char* key, const T& value) {
    raw(key, text(value));
  }
  void raw(const char* key, const std::string& value) {
    out_ += std::string(key) + " = " + value + "\n";
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

const char* name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warn: return "warn";
    case LogLevel::error: return "error";
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

std::string address_of(const Listener& listener) {
  switch (listener.kind) {
    case Listener::Kind::unix_socket: return "unix:" + listener.path;
    case Listener::Kind::systemd: return "systemd:" + listener.path;
    case Listener::Kind::ip: break;
  }
  const bool ipv6 = listener.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + listener.host + "]" : listener.host) + ":" + std::to_string(listener.port);
}

void write_globals(Writer& out, const Config& config) {
  const Server& server = config.server;
  out.header("[server]");
  out.raw("workers", server.workers == 0 ? "\"auto\"" : std::to_string(server.workers));
  out.line("user", server.user);
  out.line("group", server.group);
  out.line("drain_timeout", server.drain_timeout);
  out.line("server_header", server.server_header);
  out.line("log", server.log);
  out.line("log_level", std::string_view(name_of(server.log_level)));

  const Limits& limits = config.limits;
  out.header("[limits]");
  out.line("connections", limits.connections);
  out.line("connections_per_ip", limits.connections_per_ip);
  out.line("requests_per_connection", limits.requests_per_connection);
  out.raw("target_bytes", size(limits.target_bytes));
  out.raw("head_bytes", size(limits.head_bytes));
  out.line("head_fields", limits.head_fields);
  out.raw("body_bytes", size(limits.body_bytes));
  out.line("head_timeout", limits.head_timeout);
  out.line("body_timeout", limits.body_timeout);
  out.raw("body_min_rate", size(limits.body_min_rate));
  out.line("send_timeout", limits.send_timeout);
  out.line("keep_alive_timeout", limits.keep_alive_timeout);

  out.header("[access_log]");
  out.line("path", config.access_log.path);
  out.raw("format", config.access_log.format == LogFormat::json ? "\"json\"" : "\"combined\"");

  out.header("[cache]");
  out.raw("memory", size(config.cache.memory));
  out.raw("file_bytes", size(config.cache.file_bytes));
  out.line("revalidate", config.cache.revalidate);

  out.header("[types]");
  for (const auto& [extension, type] : config.types) out.line(text(extension).c_str(), type);
}

void write_files(Writer& out, const FileRules& files, bool with_root) {
  if (with_root && !files.root.empty()) out.line("root", files.root);
  out.line("index", files.index);
  out.line("hidden_files", files.hidden_files);
  out.line("symlinks", std::string_view(name_of(files.symlinks)));
  out.line("precompressed", files.precompressed);
  out.line("charset", files.charset);
  out.raw("cache_control", inline_table(files.cache_control));
}

// Writes what is particular to each handler.
struct HandlerWriter {
  Writer& out;

  void operator()(const StaticHandler& handler) const {
    out.raw("handler", "\"static\"");
    write_files(out, handler.files, handler.own_root);
  }
  void operator()(const CgiHandler& handler) const {
    out.raw("handler", "\"cgi\"");
    if (handler.own_root) out.line("root", handler.root);
    if (!handler.program.empty()) out.line("program", handler.program);
    out.raw("interpreter", inline_table(handler.interpreter));
    out.raw("env", inline_table(handler.env));
    out.line("pass_env", handler.pass_env);
    out.line("timeout_head", handler.timeout_head);
    out.line("timeout_idle", handler.timeout_idle);
    out.line("timeout_total", handler.timeout_total);
    out.line("max_running", handler.max_running);
    out.line("queue", handler.queue);
    out.line("queue_timeout", handler.queue_timeout);
    out.line("pass_authorization", handler.pass_authorization);
    out.line("buffer_body", handler.buffer_body);
  }
  void operator()(const RedirectHandler& handler) const {
    out.raw("handler", "\"redirect\"");
    out.line("to", handler.to);
    out.line("status", handler.status);
  }
  void operator()(const RespondHandler& handler) const {
    out.raw("handler", "\"respond\"");
    out.line("status", handler.status);
    out.line("body", handler.body);
    out.line("type", handler.type);
  }
};

void write_route(Writer& out, const Route& route) {
  out.header("[[site.route]]");
  out.line("path", route.path.text);
  if (!route.methods.empty()) out.line("methods", route.methods);
  std::visit(HandlerWriter{out}, route.handler);
  out.raw("headers", inline_table(route.headers));
  out.raw("body_bytes", size(route.body_bytes));
  out.line("access_log", route.access_log);
}

void write_site(Writer& out, const Site& site) {
  out.header("[[site]]");
  out.line("hosts", site.hosts);
  write_files(out, site.files, true);
  out.raw("headers", inline_table(site.headers));
  if (!site.error_pages.empty()) {
    std::vector<std::pair<std::string, std::string>> pages;
    for (const Site::ErrorPage& page : site.error_pages) {
      pages.emplace_back(std::to_string(page.status) + (page.status < 10 ? "xx" : ""), page.path);
    }
    out.raw("error_pages", inline_table(pages));
  }
  out.raw("body_bytes", size(site.body_bytes));
  for (const Route& route : site.routes) write_route(out, route);
}

}  // namespace

std::string to_toml(const Config& config) {
  Writer out;
  write_globals(out, config);
  for (const Listener& listener : config.listeners) {
    out.header("[[listener]]");
    out.line("address", address_of(listener));
  }
  for (const Site& site : config.sites) write_site(out, site);
  return out.take();
}

}  // namespace uvhttpd::config
