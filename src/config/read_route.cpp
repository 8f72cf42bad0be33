// SPDX-License-Identifier: MIT
// config/read_route.cpp: what the file says about the routes of a site and their handlers.
#include <algorithm>

#include "config/readers.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

constexpr std::size_t kMaxRoutes = 1000;  // of a site: each is compared with all before it

using Keys = std::vector<std::string_view>;
struct HandlerKeys {
  std::string_view handler;
  Keys keys;
};

// What handlers with upstreams have in common, behind keys of their own.
Keys with_pool_keys(Keys keys) {
  constexpr std::array<std::string_view, 13> kPoolKeys{
      "upstream",     "balance",     "hash_key",           "connect_timeout", "head_timeout",
      "idle_timeout", "keep_alive",  "keep_alive_timeout", "retries",         "resolve_every",
      "health",       "buffer_body", "buffer_response"};
  keys.insert(keys.end(), kPoolKeys.begin(), kPoolKeys.end());
  return keys;
}

// "a", "b" and "c"; the last two are joined by `conjunction`.
std::string listing(const Keys& names, const std::string& conjunction) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " " + conjunction + " " : ", ";
    out += "\"" + std::string(names[i]) + "\"";
  }
  return out;
}
std::string all_handlers() { return listing({kHandlerNames.begin(), kHandlerNames.end()}, "or"); }

// For the message about a key of another handler; the readers below decide which ones are known.
const std::vector<HandlerKeys>& handler_keys() {
  static const Keys kScripts = with_pool_keys({"root", "local_files", "index", "split", "script",
                                               "params", "pass_authorization", "encoded_slashes"});
  static const std::vector<HandlerKeys> kKeys{
      {"static",
       {"root", "index", "listing", "fallback", "clean_urls", "hidden_files", "source_files",
        "symlinks", "precompressed", "compress", "charset", "cache_control"}},
      {"cgi",
       {"root",
        "program",
        "interpreter",
        "env",
        "pass_env",
        "pass_headers",
        "timeout_head",
        "timeout_idle",
        "timeout_total",
        "max_running",
        "queue",
        "queue_timeout",
        "pass_authorization",
        "encoded_slashes",
        "buffer_body",
        "user",
        "group",
        "readable",
        "writable",
        "network"}},
      {"fastcgi", kScripts},
      {"scgi", kScripts},
      {"proxy", with_pool_keys({"strip_prefix", "set_headers", "underscores_in_headers",
                                "hide_headers", "websocket", "tunnel_timeout", "rewrite_redirects",
                                "rewrite_cookies", "proxy_protocol"})},
      {"redirect", {"to", "status"}},
      {"respond", {"status", "body", "type"}},
      {"status", {"public"}},
  };
  return kKeys;
}

// What a key that `handler` does not have is good for; empty if nothing.
std::string key_of_other_handler(std::string_view key, std::string_view handler) {
  Keys owners;
  for (const HandlerKeys& candidate : handler_keys()) {
    if (std::find(candidate.keys.begin(), candidate.keys.end(), key) != candidate.keys.end()) {
      owners.push_back(candidate.handler);
    }
  }
  if (owners.empty()) return "";
  return in_quotes(key) + " is a key of the handler " + listing(owners, "and") + ", not of \"" +
         std::string(handler) + "\"";
}

// That of the site is good for the site's root and need not be for another one.
void check_fallback(TableReader& table, Reading& reading, const StaticHandler& handler) {
  const FileRules& files = handler.files;
  if (files.fallback.empty()) return;
  if (table.has("fallback")) {
    reading.check_below(table.span_of("fallback"), "fallback", files.root, files.fallback);
  } else if (handler.own_root) {
    reading.check_below(table.span_of("root"), "fallback", files.root, files.fallback,
                        "the site's, below this root; `fallback = \"\"` turns it off here");
  }
}

StaticHandler read_static(TableReader& table, Reading& reading, const Site& site) {
  StaticHandler handler{site.files, false};
  handler.own_root = table.read_text("root", handler.files.root, reading.path());
  if (handler.own_root) {
    reading.check_directory(table.span_of("root"), "root", handler.files.root);
  } else if (handler.files.root.empty() && !table.has("root")) {
    reading.faults.add(table.span_of("handler"),
                       "the handler \"static\" needs `root`, here or in its site");
  }
  read_file_rules(table, handler.files);
  check_fallback(table, reading, handler);
  return handler;
}

void read_environment(TableReader& table, Reading& reading, CgiHandler& handler) {
  table.each_member("interpreter", [&](const Node& member) {
    const Read<std::string> extension = parse_extension(member.name);
    Read<std::string> program = as_text(member);
    if (program) program = reading.path()(*program);
    if (!extension) table.faults().add(member.key, "`interpreter`", extension.error());
    if (!program) return table.complain_about(member, "interpreter", std::move(program).error());
    reading.check_program(member.value, "interpreter", *program);
    if (extension) handler.interpreter.emplace(*extension, *program);
  });
  read_variables(table, "env", handler.env);
  table.read_list("pass_env", handler.pass_env, parse_variable);
  table.read_list("pass_headers", handler.pass_headers, parse_token);
}

// Directories and files.
void read_places(TableReader& table, Reading& reading, std::string_view key,
                 std::vector<std::string>& places) {
  const TextParser parse = reading.path();
  table.read_list(key, places, parse);
  const Node* node = table.find(key);
  if (node == nullptr || node->kind != Node::Kind::array) return;
  for (const Node& element : node->children) {
    if (!as_text(element)) continue;
    if (const Read<std::string> place = parse(element.text)) {
      reading.check_exists(element.value, key, *place);
    }
  }
}

CgiHandler read_cgi(TableReader& table, Reading& reading, const Site& site) {
  CgiHandler handler;
  handler.own_root = table.read_text("root", handler.root, reading.path());
  if (handler.own_root) {
    reading.check_directory(table.span_of("root"), "root", handler.root);
  }
  if (table.read_text("program", handler.program, reading.path())) {
    if (table.has("root")) {
      reading.faults.add(table.span_of("program"),
                         "`program` stands for the whole route, so there is no use for `root`",
                         "leave one of them out");
    }
    reading.check_program(table.span_of("program"), "program", handler.program);
  } else if (!table.has("root")) {
    handler.root = site.files.root;
    if (handler.root.empty()) {
      reading.faults.add(table.span_of("handler"),
                         "the handler \"cgi\" needs `root`, here or in its site, or `program`");
    }
  }
  read_environment(table, reading, handler);
  const auto timeout = [&](std::string_view key, milliseconds& into, milliseconds least) {
    table.read(key, into, [&](const Node& node) { return as_duration(node, {.least = least}); });
  };
  const auto count = [&](std::string_view key, std::uint64_t& into, Range range) {
    table.read(key, into, [&](const Node& node) { return as_count(node, range); });
  };
  timeout("timeout_head", handler.timeout_head, milliseconds(1));
  timeout("timeout_idle", handler.timeout_idle, milliseconds(1));
  timeout("timeout_total", handler.timeout_total, milliseconds(0));
  count("max_running", handler.max_running, {1, 10'000});
  count("queue", handler.queue, {0, 1'000'000});
  timeout("queue_timeout", handler.queue_timeout, milliseconds(1));
  table.read("pass_authorization", handler.pass_authorization, as_boolean);
  table.read("encoded_slashes", handler.encoded_slashes, as_boolean);
  table.read("buffer_body", handler.buffer_body, as_boolean);
  table.read_text("user", handler.user, parse_account);
  table.read_text("group", handler.group, parse_account);
  read_places(table, reading, "readable", handler.readable);
  read_places(table, reading, "writable", handler.writable);
  table.read("network", handler.network, as_boolean);
  return handler;
}

RedirectHandler read_redirect(TableReader& table, Reading& reading) {
  RedirectHandler handler;
  table.read_text("to", handler.to, parse_redirect_target);
  if (!table.has("to")) {
    reading.faults.add(table.span_of("handler"), "the handler \"redirect\" needs `to`");
  }
  table.read("status", handler.status, [](const Node& node) -> Read<std::uint64_t> {
    constexpr std::array<std::int64_t, 5> kStatuses{301, 302, 303, 307, 308};
    const bool known =
        node.kind == Node::Kind::integer &&
        std::find(kStatuses.begin(), kStatuses.end(), node.integer) != kStatuses.end();
    if (known) return static_cast<std::uint64_t>(node.integer);
    return complain("must be one of 301, 302, 303, 307, 308");
  });
  return handler;
}

RespondHandler read_respond(TableReader& table, Reading& reading) {
  RespondHandler handler;
  table.read("status", handler.status, [](const Node& node) { return as_count(node, {200, 599}); });
  table.read("body", handler.body, as_text);
  table.read_text("type", handler.type, parse_media_type);
  // RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5.
  const bool bodiless = handler.status == 204 || handler.status == 205 || handler.status == 304;
  if (bodiless && !handler.body.empty()) {
    reading.faults.add(table.span_of("body"),
                       "a response " + std::to_string(handler.status) + " has no body");
  }
  return handler;
}

StatusHandler read_status(TableReader& table) {
  StatusHandler handler;
  table.read("public", handler.is_public, as_boolean);
  return handler;
}

// Reads the keys of the handler that the route names. False, with a fault, if there is none.
bool read_handler(TableReader& table, Reading& reading, const Site& site, Route& route) {
  enum class Name { static_files, cgi, fastcgi, scgi, proxy, redirect, respond, status };
  constexpr std::array<Choice<Name>, kHandlerNames.size()> kNames{{{"static", Name::static_files},
                                                                   {"cgi", Name::cgi},
                                                                   {"fastcgi", Name::fastcgi},
                                                                   {"scgi", Name::scgi},
                                                                   {"proxy", Name::proxy},
                                                                   {"redirect", Name::redirect},
                                                                   {"respond", Name::respond},
                                                                   {"status", Name::status}}};
  std::optional<Name> name;
  const Node* node = table.find("handler");
  if (node == nullptr) {
    if (!table.has("handler")) {
      reading.faults.add(table.table().value, "this route has no `handler`", all_handlers());
    }
    return false;
  }
  if (Read<Name> known = as_choice(*node, kNames)) {
    name = *known;
  } else if (node->kind == Node::Kind::string) {
    Complaint complaint = std::move(known).error();
    if (complaint.hint.empty()) complaint.hint = all_handlers();
    reading.faults.add(node->value, "unknown handler " + in_quotes(node->text), complaint.hint);
    return false;
  } else {
    table.complain_about(*node, "handler", std::move(known).error());
    return false;
  }
  switch (*name) {
    case Name::static_files: route.handler = read_static(table, reading, site); break;
    case Name::cgi: route.handler = read_cgi(table, reading, site); break;
    case Name::fastcgi: route.handler = read_fastcgi(table, reading, site, route.path); break;
    case Name::scgi: route.handler = read_scgi(table, reading, site, route.path); break;
    case Name::proxy: route.handler = read_proxy(table, route.path); break;
    case Name::redirect: route.handler = read_redirect(table, reading); break;
    case Name::respond: route.handler = read_respond(table, reading); break;
    case Name::status: route.handler = read_status(table); break;
  }
  table.report_unknown([&](std::string_view key) { return key_of_other_handler(key, node->text); });
  return true;
}

// The route that leaves nothing for this one, if there is one; when several do so together, the
// last of them.
const Placed* shadowing(const std::vector<Placed>& earlier, const Route& route) {
  for (const Placed& candidate : earlier) {
    if (covers(*candidate.route, route)) return &candidate;
  }
  const Placed* last = nullptr;
  for (const std::string& method : route.methods) {
    const auto found = std::find_if(earlier.begin(), earlier.end(), [&](const Placed& candidate) {
      const std::vector<std::string>& methods = candidate.route->methods;
      return covers(candidate.route->path, route.path) &&
             std::find(methods.begin(), methods.end(), method) != methods.end();
    });
    if (found == earlier.end()) return nullptr;
    if (last == nullptr || found->at.start > last->at.start) last = &*found;
  }
  return last;
}

// Gives false if the pattern or the methods are not good, so that comparing makes no sense.
bool read_conditions(TableReader& table, Reading& reading, Route& route) {
  table.read("path", route.path, [](const Node& node) {
    const Read<std::string> text = as_text(node);
    return text ? parse_pattern(*text) : Read<PathPattern>(Unexpected(text.error()));
  });
  if (!table.has("path")) reading.faults.add(table.table().value, "this route has no `path`");
  const Node* methods = table.find("methods");
  if (methods == nullptr) return !route.path.text.empty() && !table.has("methods");
  table.read_list("methods", route.methods, parse_method);
  if (methods->kind != Node::Kind::array) return false;
  if (methods->children.empty()) {
    reading.faults.add(methods->value, "`methods` names no method",
                       "leave it out to take whatever the handler takes");
  }
  return !route.path.text.empty() && !route.methods.empty() &&
         route.methods.size() == methods->children.size();
}

// Other methods would be promised and then refused with 405.
void check_methods(TableReader& table, Reading& reading, const Route& route) {
  const Node* handler = table.find("handler");
  const Node* methods = table.find("methods");
  if (handler == nullptr || methods == nullptr) return;
  if (handler->text != "static" && handler->text != "status") return;
  for (const Node& method : methods->children) {
    const std::string& name = method.text;
    if (name == "GET" || name == "HEAD" || name == "OPTIONS") continue;
    // Names that are no methods have been reported.
    if (std::find(route.methods.begin(), route.methods.end(), name) == route.methods.end())
      continue;
    reading.faults.add(method.value,
                       "the handler " + in_quotes(handler->text) + " takes GET and HEAD only");
  }
}

}  // namespace

void read_variables(TableReader& table, std::string_view key,
                    std::vector<std::pair<std::string, std::string>>& variables) {
  table.each_member(key, [&](const Node& member) {
    const Read<std::string> name = parse_variable(member.name);
    Read<std::string> value = as_text(member);
    if (!name) {
      table.faults().add(member.key, in_quotes(key), name.error());
    } else if (*name == "CONTENT_LENGTH") {
      table.faults().add(member.key,
                         in_quotes(key) + " cannot set `CONTENT_LENGTH`, which frames the body");
    }
    if (!value) return table.complain_about(member, key, std::move(value).error());
    if (name) variables.emplace_back(*name, *std::move(value));
  });
}

void read_routes(TableReader& site_table, Reading& reading, Site& site) {
  const Node* node = site_table.find("route");
  if (node != nullptr && node->children.size() > kMaxRoutes) {
    reading.faults.add(node->value, "more than " + std::to_string(kMaxRoutes) + " routes");
    return;
  }
  std::vector<Placed> earlier;
  site.routes.reserve(node != nullptr ? node->children.size() + 1 : 1);
  site_table.each_table("route", "[[site.route]]", [&](const Node& table) {
    Route& route = site.routes.emplace_back(route_of(site));
    route.line = reading.faults.line_of(table.value.start);
    TableReader reader(table, "[[site.route]]", reading.faults);
    const bool comparable = read_conditions(reader, reading, route);
    read_headers(reader, route.headers, route.headers_by_path);
    read_cors(reader, route.cors);
    read_body_bytes(reader, "body_bytes", route.body_bytes);
    read_send_rate(reader, route.send_rate);
    read_access(reader, route.access);
    read_auth(reader, reading, route.auth);
    read_rate_limit(reader, route.rate_limit);
    read_key_lines(reader, route.key_lines);
    reader.read("access_log", route.access_log, as_boolean);
    read_handler(reader, reading, site, route);
    check_methods(reader, reading, route);
    if (!comparable) return;
    const Span at = reader.span_of("path");
    if (const Placed* before = shadowing(earlier, route)) {
      reading.faults.add(
          at,
          "this route is never reached: " + in_quotes(before->route->path.text) +
              " before it takes all its requests",
          "the other is in line " + std::to_string(reading.faults.line_of(before->at.start)));
    }
    check_own_rules(site, earlier, {&route, at}, reading.faults);
    earlier.push_back({&route, at});
  });
}

}  // namespace uvhttpd::config
