// SPDX-License-Identifier: MIT
// config/read_sections.cpp: what the file says about the server as a whole.
#include <map>

#include "config/readers.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

constexpr std::uint64_t kMaxConnections = 1'000'000;
constexpr std::uint64_t kMaxRequests = 1'000'000'000;
constexpr std::uint64_t kMaxWorkers = 1024;
constexpr Bytes kMaxBody = Bytes{16} << 40;
constexpr Bytes kMaxMemory = Bytes{1} << 40;
constexpr Bytes kMaxRate = Bytes{1} << 40;  // a second
constexpr std::size_t kMaxListeners = 256;

const std::string kWorkersForms = "must be \"auto\" or 1 to " + std::to_string(kMaxWorkers);

Read<unsigned> as_workers(const Node& node) {
  if (node.kind == Node::Kind::string && node.text == "auto") return 0U;
  const bool fits = node.kind == Node::Kind::integer && node.integer >= 1 &&
                    node.integer <= static_cast<std::int64_t>(kMaxWorkers);
  if (fits) return static_cast<unsigned>(node.integer);
  return complain(kWorkersForms);
}

// "stderr", "syslog", a path; `words` are those that are no path.
TextParser log_target(const Reading& reading, std::vector<std::string_view> words) {
  return [&reading, words = std::move(words)](std::string_view text) -> Read<std::string> {
    for (const std::string_view word : words) {
      if (word == text) return std::string(text);
    }
    // A bare word is more likely a misspelling than a file beside the configuration.
    const auto meant = text.find_first_of("/.") == text.npos ? nearest(text, words) : std::nullopt;
    if (meant) {
      return complain("is neither a path nor one of the known words: " + in_quotes(text),
                      "did you mean \"" + std::string(*meant) + "\"? A path has a `/` in it");
    }
    return reading.path()(text);
  };
}

// "10.0.0.0/8" in its shortest form, or the word for the peers of a Unix socket.
constexpr std::string_view kUnixPeers = "unix";
Read<std::string> as_trusted(std::string_view text) {
  if (text == kUnixPeers) return std::string(text);
  Read<Network> network = parse_network(text);
  if (!network) return Unexpected(std::move(network).error());
  return format_network(*network);
}

void read_proxies(TableReader& reader, Listener& listener) {
  reader.read("proxy_protocol", listener.proxy_protocol, as_boolean);
  std::vector<std::string> trusted;
  reader.read_list("trusted_proxies", trusted, as_trusted);
  for (const std::string& one : trusted) {
    if (one == kUnixPeers) {
      listener.trust_unix = true;
    } else if (const Read<Network> network = parse_network(one)) {
      listener.trusted_proxies.push_back(*network);
    }
  }
  if (listener.trust_unix && listener.kind == Listener::Kind::ip && !listener.host.empty()) {
    reader.faults().add(reader.span_of("trusted_proxies"),
                        "`trusted_proxies` has \"unix\", but this listener is no Unix socket");
  }
}

Read<unsigned> as_mode(const Node& node) {
  const bool is_octal = node.kind == Node::Kind::string &&
                        node.text.find_first_not_of("01234567") == std::string::npos;
  const bool is_short = node.text.size() == 3 || (node.text.size() == 4 && node.text[0] == '0');
  if (is_octal && is_short) return static_cast<unsigned>(std::stoul(node.text, nullptr, 8));
  return complain("must be a string of 3 or 4 octal digits, up to \"0777\"",
                  "\"0660\" lets the owner and the group of the socket connect");
}

void read_mode(TableReader& reader, Listener& listener) {
  using Kind = Listener::Kind;
  if (!reader.read("mode", listener.mode, as_mode) || listener.address.empty()) return;
  if (listener.kind == Kind::unix_socket) return;
  reader.faults().add(
      reader.span_of("mode"), "`mode` is of a Unix socket, which this listener is not",
      listener.kind == Kind::systemd ? "systemd makes this socket: `SocketMode=` in its unit" : "");
}

// A directory that others may not enter keeps them from a socket of any mode.
void check_trust(TableReader& reader, const Reading& reading, const Listener& listener) {
  constexpr unsigned kOthersConnect = 0002;
  if (listener.kind != Listener::Kind::unix_socket || !listener.trust_unix) return;
  if ((listener.mode & kOthersConnect) == 0 || reading.is_out_of_reach(listener.path)) return;
  reader.faults().warn(
      reader.span_of("trusted_proxies"),
      "every account of this machine that reaches the socket can say who the client is",
      "mode = \"0660\"");
}

}  // namespace

void read_server(const Node& table, Reading& reading, Server& server) {
  constexpr std::array<Choice<LogLevel>, 4> kLevels{{{"debug", LogLevel::debug},
                                                     {"info", LogLevel::info},
                                                     {"warn", LogLevel::warn},
                                                     {"error", LogLevel::error}}};
  constexpr std::array<Choice<Sandbox>, 3> kSandboxes{
      {{"auto", Sandbox::automatic}, {"on", Sandbox::on}, {"off", Sandbox::off}}};
  TableReader reader(table, "[server]", reading.faults);
  reader.read("workers", server.workers, as_workers);
  reader.read_text("user", server.user, parse_account);
  reader.read_text("group", server.group, parse_account);
  reader.read("sandbox", server.sandbox,
              [&](const Node& node) { return as_choice(node, kSandboxes); });
  server.sandbox_place = reading.faults.place(reader.span_of("sandbox"));
  reader.read("drain_timeout", server.drain_timeout,
              [](const Node& node) { return as_duration(node); });
  reader.read_text("server_header", server.server_header, parse_field_value);
  reader.read_text("log", server.log, log_target(reading, {"stderr", "syslog"}));
  reader.read("log_level", server.log_level,
              [&](const Node& node) { return as_choice(node, kLevels); });
  reader.report_unknown();
}

void read_limits(const Node& table, Reading& reading, Limits& limits) {
  TableReader reader(table, "[limits]", reading.faults);
  const auto count = [&](std::string_view key, std::uint64_t& into, Range range) {
    reader.read(key, into, [&](const Node& node) { return as_count(node, range); });
  };
  const auto size = [&](std::string_view key, Bytes& into, Range range) {
    return reader.read(key, into, [&](const Node& node) { return as_size(node, range); });
  };
  const auto timeout = [&](std::string_view key, milliseconds& into) {
    reader.read(key, into, [](const Node& node) { return as_duration(node); });
  };
  count("connections", limits.connections, {1, kMaxConnections});
  count("connections_per_ip", limits.connections_per_ip, {0, kMaxConnections});
  count("requests_per_connection", limits.requests_per_connection, {0, kMaxRequests});
  const bool has_target = size("target_bytes", limits.target_bytes, {256, 1 << 20});
  const bool has_head = size("head_bytes", limits.head_bytes, {1 << 10, 16 << 20});
  count("head_fields", limits.head_fields, {1, 10'000});
  read_body_bytes(reader, "body_bytes", limits.body_bytes);
  timeout("head_timeout", limits.head_timeout);
  timeout("body_timeout", limits.body_timeout);
  size("body_min_rate", limits.body_min_rate, {0, 1 << 30});
  timeout("send_timeout", limits.send_timeout);
  timeout("keep_alive_timeout", limits.keep_alive_timeout);
  read_send_rate(reader, limits.send_rate);
  count("handshakes", limits.handshakes, {0, kMaxConnections});
  timeout("handshake_timeout", limits.handshake_timeout);
  reader.report_unknown();

  if ((has_target || has_head) && limits.target_bytes >= limits.head_bytes) {
    reading.faults.add(reader.span_of(has_target ? "target_bytes" : "head_bytes"),
                       "`target_bytes` (" + format_size(limits.target_bytes) +
                           ") must be less than `head_bytes` (" + format_size(limits.head_bytes) +
                           "), of which it is a part");
  }
}

void read_access_log(const Node& table, Reading& reading, AccessLog& log) {
  constexpr std::array<Choice<LogFormat>, 2> kFormats{
      {{"combined", LogFormat::combined}, {"json", LogFormat::json}}};
  TableReader reader(table, "[access_log]", reading.faults);
  reader.read_text("path", log.path, log_target(reading, {"off", "stdout", "syslog"}));
  reader.read("format", log.format, [&](const Node& node) { return as_choice(node, kFormats); });
  reader.report_unknown();
}

void read_cache(const Node& table, Reading& reading, Cache& cache) {
  TableReader reader(table, "[cache]", reading.faults);
  reader.read("memory", cache.memory, [](const Node& node) {
    return as_size(node, {0, kMaxMemory});
  });
  reader.read("file_bytes", cache.file_bytes, [](const Node& node) {
    return as_size(node, {0, 1 << 30});
  });
  reader.read("revalidate", cache.revalidate,
              [](const Node& node) { return as_duration(node, {.least = milliseconds(0)}); });
  reader.report_unknown();
}

void read_types(TableReader& root, std::map<std::string, std::string>& types) {
  root.each_member("types", [&](const Node& member) {
    const Read<std::string> extension = parse_extension(member.name);
    Read<std::string> type = as_text(member);
    if (type) type = parse_media_type(*type);
    if (!extension) {
      root.faults().add(member.key, "`types`", extension.error());
    } else if (!type) {
      root.complain_about(member, member.name, std::move(type).error());
    } else if (!types.emplace(to_lower(*extension), *type).second) {
      root.faults().add(member.key, "`types` names " + in_quotes(to_lower(*extension)) + " twice",
                        "upper and lower case are the same here");
    }
  });
}

void read_listeners(TableReader& root, Reading& reading, std::vector<Listener>& listeners) {
  std::map<std::string, Span> seen;
  std::size_t count = 0;
  root.each_table("listener", "[[listener]]", [&](const Node& table) {
    TableReader reader(table, "[[listener]]", reading.faults);
    if (++count == kMaxListeners + 1) {
      reading.faults.add(table.value, "more than " + std::to_string(kMaxListeners) + " listeners");
    }
    Listener listener;
    const bool has_address = reader.read("address", listener, [&](const Node& node) {
      const Read<std::string> text = as_text(node);
      return text ? parse_address(*text, reading.directory)
                  : Read<Listener>(Unexpected(text.error()));
    });
    reader.read("tls", listener.tls, as_boolean);
    read_proxies(reader, listener);
    read_mode(reader, listener);
    check_trust(reader, reading, listener);
    reader.report_unknown();
    if (!has_address && !reader.has("address")) {
      reading.faults.add(table.value, "this listener has no `address`");
    }
    if (listener.address.empty()) return;
    const Span at = reader.span_of("address");
    const std::string identity = identity_of(listener);
    const auto [first, is_new] = seen.try_emplace(identity, at);
    if (!is_new && !identity.empty()) {
      reading.faults.add(
          at, "this address is already listened on",
          "the first is in line " + std::to_string(reading.faults.line_of(first->second.start)));
    }
    listeners.push_back(std::move(listener));
  });
}

void read_body_bytes(TableReader& table, std::string_view key, Bytes& bytes) {
  table.read(key, bytes, [](const Node& node) { return as_size(node, {0, kMaxBody}); });
}

void read_send_rate(TableReader& table, Bytes& bytes) {
  table.read("send_rate", bytes, [](const Node& node) { return as_size(node, {0, kMaxRate}); });
}

}  // namespace uvhttpd::config
