// SPDX-License-Identifier: MIT
// config/read_gateway.cpp: what the file says about routes that hand requests on to other servers.
#include <algorithm>
#include <functional>
#include <set>

#include "config/readers.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

constexpr std::size_t kMaxUpstreams = 1000;  // of a route
constexpr std::uint64_t kMaxIdleConnections = 10'000;
constexpr std::uint64_t kMaxRetries = 10;
constexpr std::uint64_t kMaxHealthChecks = 100;  // in a row

// Fields that say how a message is framed or how long its connection lasts: they are ours towards
// the upstream as well.
constexpr std::array<std::string_view, 8> kOwnFields{
    "connection", "content-length", "transfer-encoding", "upgrade", "keep-alive", "te",
    "trailer",    "expect"};

bool is_own_field(std::string_view name) {
  return std::find(kOwnFields.begin(), kOwnFields.end(), to_lower(name)) != kOwnFields.end();
}

// How upstreams of a handler are written, and how its key is read.
struct Protocol {
  std::string_view handler;
  std::string_view scheme;  // of format_upstream
  std::function<Read<Upstream>(std::string_view text)> parse;
  bool has_health_path = false;  // what is asked whether an upstream is well is a path
};

void read_upstreams(TableReader& table, UpstreamRules& pool, const Protocol& protocol) {
  const Node* node = table.find("upstream");
  if (node == nullptr) {
    if (!table.has("upstream")) {
      table.faults().add(table.span_of("handler"),
                         "the handler \"" + std::string(protocol.handler) + "\" needs `upstream`");
    }
    return;
  }
  std::set<std::string> seen;
  const auto read_one = [&](const Node& element) {
    if (element.integer_too_large) return;
    const Read<std::string> text = as_text(element);
    Read<Upstream> upstream =
        text ? protocol.parse(*text) : Read<Upstream>(Unexpected(text.error()));
    if (!upstream) {
      table.complain_about(element, "upstream", std::move(upstream).error());
    } else if (!seen.insert(format_upstream(*upstream, protocol.scheme)).second) {
      table.complain_about(element, "upstream", {"names " + in_quotes(*text) + " twice"});
    } else {
      pool.upstreams.push_back(*std::move(upstream));
      pool.loads.push_back(std::make_shared<UpstreamLoad>());
    }
  };
  if (node->kind == Node::Kind::string) return read_one(*node);
  if (node->kind != Node::Kind::array) {
    return table.complain_about(
        *node, "upstream",
        {"must be a string or an array of strings, not " + std::string(description(*node))});
  }
  if (node->children.empty()) table.complain_about(*node, "upstream", {"names no upstream"});
  if (node->children.size() > kMaxUpstreams) {
    return table.complain_about(
        *node, "upstream", {"names more than " + std::to_string(kMaxUpstreams) + " upstreams"});
  }
  for (const Node& element : node->children) read_one(element);
}

// "client", "path", "cookie:NAME", "header:NAME".
Read<HashKey> as_hash_key(const Node& node) {
  const Read<std::string> text = as_text(node);
  if (!text) return Unexpected(text.error());
  if (*text == "client") return HashKey{HashKey::Kind::client, ""};
  if (*text == "path") return HashKey{HashKey::Kind::path, ""};
  const std::size_t colon = text->find(':');
  const std::string_view kind = std::string_view(*text).substr(0, colon);
  if (colon == std::string::npos || (kind != "cookie" && kind != "header")) {
    return complain("must be \"client\", \"path\", \"cookie:NAME\" or \"header:NAME\", not " +
                    in_quotes(*text));
  }
  // The name of a cookie is a token, too: RFC 6265 section 4.1.1.
  const std::string name = text->substr(colon + 1);
  if (!parse_token(name)) {
    return complain("must name a " + std::string(kind) + " after the `:`, not " + in_quotes(name));
  }
  return HashKey{kind == "cookie" ? HashKey::Kind::cookie : HashKey::Kind::header, name};
}

void read_balance(TableReader& table, UpstreamRules& pool) {
  constexpr std::array<Choice<Balance>, 4> kBalances{
      {{"least_connections", Balance::least_connections},
       {"round_robin", Balance::round_robin},
       {"random_two", Balance::random_two},
       {"hash", Balance::hash}}};
  table.read("balance", pool.balance, [&](const Node& node) { return as_choice(node, kBalances); });
  if (!table.read("hash_key", pool.hash_key, as_hash_key)) return;
  const Node* balance = table.find("balance");
  if (pool.balance == Balance::hash) return;
  // One that is not understood has been reported, and may be the one meant.
  if (balance != nullptr && balance->text != "least_connections" &&
      balance->text != "round_robin" && balance->text != "random_two") {
    return;
  }
  table.faults().add(table.span_of("hash_key"),
                     "`hash_key` is of no use without `balance = \"hash\"`");
}

// What is asked, and for whom: where an upstream is well when it can be connected to, nothing is.
void read_question(TableReader& reader, HealthCheck& health, const Protocol& protocol) {
  if (protocol.has_health_path) {
    if (!reader.read_text("path", health.path, parse_request_target) && !reader.has("path")) {
      reader.faults().add(reader.table().value,
                          "`health` needs `path`, which upstreams are asked for",
                          "path = \"/health\"");
    }
    reader.read_text("host", health.host, parse_host_and_port);
    return;
  }
  for (const std::string_view key : {"path", "host"}) {
    if (reader.find(key) == nullptr) continue;
    reader.faults().add(reader.span_of(key),
                        in_quotes(key) + " cannot be asked for with the handler \"" +
                            std::string(protocol.handler) +
                            "\": an upstream is well when it can be connected to");
  }
}

void read_health(TableReader& table, UpstreamRules& pool, const Protocol& protocol) {
  const Node* node = table.find_table("health");
  if (node == nullptr) return;
  HealthCheck& health = pool.health.emplace();
  TableReader reader(*node, "`health`", table.faults());
  read_question(reader, health, protocol);
  const auto timeout = [](const Node& value) { return as_duration(value); };
  const auto count = [](const Node& value) { return as_count(value, {1, kMaxHealthChecks}); };
  reader.read("every", health.every, timeout);
  reader.read("timeout", health.timeout, timeout);
  reader.read("rise", health.rise, count);
  reader.read("fall", health.fall, count);
  reader.report_unknown();
}

void read_pool(TableReader& table, UpstreamRules& pool, const Protocol& protocol) {
  const auto timeout = [&](std::string_view key, milliseconds& into) {
    table.read(key, into, [](const Node& node) { return as_duration(node); });
  };
  const auto count = [&](std::string_view key, std::uint64_t& into, Range range) {
    table.read(key, into, [&](const Node& node) { return as_count(node, range); });
  };
  read_upstreams(table, pool, protocol);
  read_balance(table, pool);
  timeout("connect_timeout", pool.connect_timeout);
  timeout("head_timeout", pool.head_timeout);
  timeout("idle_timeout", pool.idle_timeout);
  count("keep_alive", pool.keep_alive, {0, kMaxIdleConnections});
  timeout("keep_alive_timeout", pool.keep_alive_timeout);
  count("retries", pool.retries, {0, kMaxRetries});
  timeout("resolve_every", pool.resolve_every);
  table.read("buffer_body", pool.buffer_body, as_boolean);
  table.read("buffer_response", pool.buffer_response, as_boolean);
  read_health(table, pool, protocol);
}

Read<std::string> parse_split(std::string_view text) {
  const bool fits = text.empty() || (text.size() > 1 && text[0] == '.' && parse_extension(text));
  if (fits) return std::string(text);
  return complain("must begin with `.`, as \".php\", or be empty, not " + in_quotes(text));
}

void read_script_root(TableReader& table, Reading& reading, const Site& site, ScriptRules& rules) {
  table.read("local_files", rules.local_files, as_boolean);
  rules.own_root = table.read_text("root", rules.root, reading.path());
  if (rules.own_root && rules.local_files) {
    reading.check_directory(table.span_of("root"), "root", rules.root,
                            "`local_files = false` when the scripts are on another machine");
  }
  if (!table.has("root")) rules.root = site.files.root;
}

ScriptRules read_scripts(TableReader& table, Reading& reading, const Site& site,
                         const PathPattern& pattern, std::string_view handler) {
  ScriptRules rules;
  // A process of PHP serves one connection at a time: an idle one keeps it from all others.
  rules.pool.keep_alive_timeout = milliseconds(1'000);
  read_pool(table, rules.pool, {handler, "", [&](std::string_view text) {
                                  return parse_script_upstream(text, handler, reading.directory);
                                }});
  read_script_root(table, reading, site, rules);
  const bool has_root = table.has("root") || !rules.root.empty();
  if (!has_root) {
    rules.split.clear();
  } else if (pattern.kind == PathPattern::Kind::extension) {
    rules.split = pattern.extension;
  }
  table.read_list("index", rules.index, parse_file_name);
  table.read_text("split", rules.split, parse_split);
  table.read_text("script", rules.script, parse_file_path);
  const auto needs_root = [&](std::string_view key, const std::string& value) {
    if (has_root || value.empty()) return;
    reading.faults.add(
        table.span_of(key),
        in_quotes(key) +
            " is about scripts below `root`, which neither the route nor its site has");
  };
  needs_root("split", rules.split);
  needs_root("script", rules.script);
  if (rules.local_files && !rules.root.empty() && !rules.script.empty()) {
    reading.check_below(table.span_of("script"), "script", rules.root, rules.script);
  }
  read_variables(table, "params", rules.params);
  table.read("pass_authorization", rules.pass_authorization, as_boolean);
  table.read("encoded_slashes", rules.encoded_slashes, as_boolean);
  return rules;
}

// `true`, or the prefix itself; without a slash at the end.
Read<std::string> as_strip_prefix(const Node& node, const PathPattern& pattern) {
  const bool knows_pattern = !pattern.text.empty();
  std::string prefix;
  if (node.kind == Node::Kind::boolean) {
    if (!node.boolean) return prefix;
    prefix = pattern.prefix;
    if (knows_pattern && (pattern.kind == PathPattern::Kind::exact || prefix.size() < 2)) {
      return complain(
          "has nothing to take off: " + in_quotes(pattern.text) + " has nothing in front of a `*`",
          "name what to take off, such as \"/app\"");
    }
  } else if (node.kind == Node::Kind::string) {
    Read<std::string> text = as_text(node);
    if (text && !text->empty()) text = parse_url_path(*text);
    if (!text) return text;
    if (text->find('*') != std::string::npos) {
      return complain("is what to take off, not a pattern: " + in_quotes(*text));
    }
    prefix = *std::move(text);
  } else {
    return complain("must be a string, true or false, not " + std::string(description(node)));
  }
  while (prefix.ends_with('/')) prefix.pop_back();
  if (node.kind != Node::Kind::string || prefix.empty() || !knows_pattern) return prefix;
  const std::string as_directory = prefix + "/";
  const bool can_match =
      pattern.prefix == prefix || pattern.prefix.starts_with(as_directory) ||
      (pattern.kind != PathPattern::Kind::exact && as_directory.starts_with(pattern.prefix));
  if (can_match) return prefix;
  return complain("is in front of no path of this route: " + in_quotes(prefix));
}

void read_set_headers(TableReader& table, ProxyHandler& handler) {
  std::set<std::string> seen;
  table.each_member("set_headers", [&](const Node& member) {
    const Read<std::string> name = parse_token(member.name);
    Read<std::string> value = as_text(member);
    if (value) value = parse_field_template(*value);
    if (!name) {
      table.faults().add(member.key, "`set_headers`", name.error());
    } else if (is_own_field(*name)) {
      table.faults().add(member.key, "`set_headers` cannot set " + in_quotes(*name) +
                                         ", which is the server's own");
    } else if (!seen.insert(to_lower(*name)).second) {
      table.faults().add(member.key, "`set_headers` names " + in_quotes(*name) + " twice",
                         "upper and lower case are the same in field names");
    }
    if (!value) return table.complain_about(member, member.name, std::move(value).error());
    if (name) handler.set_headers.emplace_back(*name, *std::move(value));
  });
}

// In lower case.
Read<std::string> parse_hidden_field(std::string_view text) {
  Read<std::string> name = parse_token(text);
  if (!name) return name;
  if (is_own_field(*name)) {
    return complain("cannot hide " + in_quotes(text) + ", which is the server's own");
  }
  return to_lower(*name);
}

}  // namespace

FastCgiHandler read_fastcgi(TableReader& table, Reading& reading, const Site& site,
                            const PathPattern& pattern) {
  return {read_scripts(table, reading, site, pattern, "fastcgi")};
}

ScgiHandler read_scgi(TableReader& table, Reading& reading, const Site& site,
                      const PathPattern& pattern) {
  return {read_scripts(table, reading, site, pattern, "scgi")};
}

ProxyHandler read_proxy(TableReader& table, const PathPattern& pattern) {
  constexpr std::array<Choice<ProxyProtocol>, 3> kProtocols{
      {{"off", ProxyProtocol::off}, {"v1", ProxyProtocol::v1}, {"v2", ProxyProtocol::v2}}};
  ProxyHandler handler;
  read_pool(table, handler.pool, {"proxy", "http", parse_http_upstream, true});
  table.read("strip_prefix", handler.strip_prefix,
             [&](const Node& node) { return as_strip_prefix(node, pattern); });
  read_set_headers(table, handler);
  table.read("underscores_in_headers", handler.underscores_in_headers, as_boolean);
  table.read_list("hide_headers", handler.hide_headers, parse_hidden_field);
  table.read("websocket", handler.websocket, as_boolean);
  table.read("tunnel_timeout", handler.tunnel_timeout,
             [](const Node& node) { return as_duration(node); });
  table.read("rewrite_redirects", handler.rewrite_redirects, as_boolean);
  table.read("rewrite_cookies", handler.rewrite_cookies, as_boolean);
  table.read("proxy_protocol", handler.proxy_protocol,
             [&](const Node& node) { return as_choice(node, kProtocols); });
  return handler;
}

}  // namespace uvhttpd::config
