// SPDX-License-Identifier: MIT
#include "app/explanation.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/deciding_key.h"
#include "app/field_origin.h"
#include "base/text.h"
#include "config/values.h"

namespace uvhttpd {
namespace {

constexpr std::size_t kMaxHostsShown = 12;
constexpr std::size_t kWidestField = 56;  // longer ones do not move the column of origins

// Safe on a terminal, whatever came from outside.
std::string shown(std::string_view text) {
  return is_utf8(text) && !has_control(text) ? std::string(text) : escape_for_log(text);
}

std::string in_quotes(std::string_view text) {
  std::string out = shown(text);
  if (out != text) return "\"" + out + "\"";
  for (std::size_t i = out.find_first_of("\"\\"); i != std::string::npos;
       i = out.find_first_of("\"\\", i + 2)) {
    out.insert(i, 1, '\\');
  }
  return "\"" + out + "\"";
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string line_of(std::size_t line) { return line == 0 ? "" : fmt::format(" (line {})", line); }

// A route without a line in a site that has one was not written but added.
std::string line_of(const config::Route& route, const RehearsedAnswer& answer) {
  return route.line == 0 && answer.site->line > 0 ? " (added)" : line_of(route.line);
}

// At most kMaxHostsShown of them.
std::string hosts_of(std::vector<std::string> hosts) {
  if (hosts.size() <= kMaxHostsShown) return join(hosts);
  const std::size_t more = hosts.size() - kMaxHostsShown;
  hosts.resize(kMaxHostsShown);
  return join(hosts) + fmt::format(" and {} more", more);
}

std::vector<std::string> all_hosts(const config::Config& config) {
  std::vector<std::string> hosts;
  for (const config::Site& site : config.sites) {
    hosts.insert(hosts.end(), site.hosts.begin(), site.hosts.end());
  }
  return hosts;
}

std::string listener_words(const ListenerMatch& match) {
  if (!match.other_way.empty()) return match.other_way + ", which takes only https";
  std::string perhaps = match.possible.empty() ? "" : "perhaps " + join(match.possible);
  if (!match.certain.empty()) {
    return join(match.certain) + (perhaps.empty() ? "" : "; " + perhaps);
  }
  if (!perhaps.empty()) return perhaps + "; " + match.why_none;
  return "none: " + match.why_none + "; this is as if one had taken it";
}

std::string site_words(const Explained& explained) {
  const RehearsedAnswer& answer = explained.answer;
  if (answer.site != nullptr) {
    const auto& hosts = answer.site->hosts;
    return (hosts.empty() ? "the default site" : hosts_of(hosts)) + line_of(answer.site->line);
  }
  if (answer.path.empty()) return "none: the request is refused before";
  return "none has the host " + shown(answer.host) + "; there are " +
         hosts_of(all_hosts(explained.config));
}

bool is_before_routing(const RehearsedAnswer& answer) {
  return std::all_of(answer.routes.begin(), answer.routes.end(),
                     [](const auto& fate) { return fate.verdict == RouteVerdict::not_asked; });
}

std::string route_words(const RehearsedAnswer& answer) {
  if (answer.route != nullptr) {
    return answer.route->path.text + line_of(*answer.route, answer) + ": " + answer.handler;
  }
  if (is_before_routing(answer)) return "none: the server itself answers";
  const bool has_path =
      std::any_of(answer.routes.begin(), answer.routes.end(),
                  [](const auto& fate) { return fate.verdict == RouteVerdict::other_method; });
  return has_path ? "none that has this path takes the method" : "none has this path";
}

const config::Auth* auth_of(const RehearsedAnswer& answer) {
  return answer.route != nullptr && answer.route->auth ? &*answer.route->auth : nullptr;
}

std::string auth_words(const config::Auth& auth, const RehearsedAnswer& answer) {
  std::string text = in_quotes(auth.realm) + ", for the users in " + shown(auth.users);
  if (!answer.user.empty()) text += "; " + in_quotes(answer.user) + " is let in";
  return text;
}

std::string key_of(const config::RateLimit& limit) {
  return limit.key.empty() ? "client" : "header:" + limit.key;
}

std::string rate_words(const RehearsedAnswer& answer) {
  const config::RateLimit& limit = *answer.counted_by;
  const config::KeyLines& lines =
      answer.route != nullptr ? answer.route->key_lines : answer.site->key_lines;
  return fmt::format("counted by rate_limit{}: {} in {}, {} at once, for each {}",
                     in_line(lines.rate_limit), limit.requests, config::format_duration(limit.per),
                     limit.burst, shown(key_of(limit)));
}

// Why it was not a handler that answered; empty where the routes say it.
std::string because_words(const Explained& explained) {
  const std::string& listener = explained.listeners.other_way;
  return listener.empty() ? deciding_key(explained.answer)
                          : "tls of the listener " + listener + ": plain HTTP is refused there";
}

std::string why_not(const RehearsedAnswer& answer, const RehearsedAnswer::RouteFate& fate) {
  switch (fate.verdict) {
    case RouteVerdict::other_path: return "the path does not match";
    case RouteVerdict::other_method: return "takes only " + join(fate.methods);
    case RouteVerdict::shielded:
      return "not asked: the path is that of a route of programs before it";
    case RouteVerdict::not_asked:
      return answer.route != nullptr ? "not asked: an earlier route answered"
                                     : "not asked: the server itself answers";
    case RouteVerdict::chosen: break;
  }
  return "";
}

std::string admission_words(const RehearsedAnswer::Admission& admission) {
  const std::string list = admission.is_let_in == (admission.network != nullptr) ? "allow" : "deny";
  const std::string network =
      admission.network != nullptr ? config::format_network(*admission.network) : "none";
  return fmt::format("{}: {}, in {} of {}", admission.client.text(),
                     admission.is_let_in ? "let in" : "not let in", network, list);
}

std::string answer_words(const Explained& explained) {
  const RehearsedAnswer& answer = explained.answer;
  if (!answer.source.upstream.empty()) return "the upstream's: explain does not ask it";
  if (answer.is_program) return "the program's: explain does not run it";
  std::string text = fmt::format("{} {}", answer.status, shown(answer.reason));
  const bool is_chunked = std::any_of(
      answer.fields.begin(), answer.fields.end(),
      [](const auto& field) { return equals_ignoring_case(field.first, "Transfer-Encoding"); });
  if (answer.body_bytes == 0) return text + ", no body";
  if (is_chunked) return text + ", in chunks";
  return text + fmt::format(", {} octet{}", answer.body_bytes, answer.body_bytes == 1 ? "" : "s");
}

void add_fields(const RehearsedAnswer& answer, std::string& out) {
  std::vector<std::string> lines;
  std::size_t width = 0;
  for (const auto& [name, value] : answer.fields) {
    lines.push_back(name + ": " + shown(value));
    if (lines.back().size() <= kWidestField) width = std::max(width, lines.back().size());
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& [name, value] = answer.fields[i];
    out += fmt::format("    {:<{}}  {}\n", lines[i], width, field_origin(name, value, answer));
  }
}

void add_routes(const RehearsedAnswer& answer, std::string& out) {
  bool is_first = true;
  for (const RehearsedAnswer::RouteFate& fate : answer.routes) {
    if (fate.verdict == RouteVerdict::chosen) continue;
    if (is_first) out += "  not taken\n";
    is_first = false;
    out += fmt::format("    {}{}: {}\n", fate.route->path.text, line_of(*fate.route, answer),
                       why_not(answer, fate));
  }
}

const char* name_of(RouteVerdict verdict) {
  switch (verdict) {
    case RouteVerdict::not_asked: return "not_asked";
    case RouteVerdict::other_path: return "other_path";
    case RouteVerdict::other_method: return "other_method";
    case RouteVerdict::shielded: return "shielded";
    case RouteVerdict::chosen: return "chosen";
  }
  return "";
}

std::string text_json(std::string_view text) { return "\"" + escape_for_json(text) + "\""; }

std::string line_json(std::size_t line) { return line == 0 ? "null" : std::to_string(line); }

std::string list_json(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& each : list) out += (out.empty() ? "" : ", ") + text_json(each);
  return "[" + out + "]";
}

std::string site_json(const config::Site* site) {
  if (site == nullptr) return "null";
  return fmt::format("{{\"hosts\": {}, \"line\": {}}}", list_json(site->hosts),
                     line_json(site->line));
}

std::string admission_json(const std::optional<RehearsedAnswer::Admission>& admission) {
  if (!admission) return "null";
  const config::Network* network = admission->network;
  return fmt::format("{{\"client\": {}, \"is_let_in\": {}, \"network\": {}}}",
                     text_json(admission->client.text()), admission->is_let_in,
                     network != nullptr ? text_json(config::format_network(*network)) : "null");
}

std::string route_json(const RehearsedAnswer& answer, const RehearsedAnswer::RouteFate& fate) {
  return fmt::format(
      "{{\"path\": {}, \"line\": {}, \"handler\": {}, \"methods\": {}, \"verdict\": \"{}\", "
      "\"why_not\": {}}}",
      text_json(fate.route->path.text), line_json(fate.route->line), text_json(fate.handler),
      list_json(fate.methods), name_of(fate.verdict), text_json(why_not(answer, fate)));
}

std::string auth_json(const config::Auth* auth) {
  if (auth == nullptr) return "null";
  return fmt::format("{{\"realm\": {}, \"users\": {}}}", text_json(auth->realm),
                     text_json(auth->users));
}

std::string rate_json(const config::RateLimit* limit) {
  if (limit == nullptr) return "null";
  return fmt::format("{{\"requests\": {}, \"per_ms\": {}, \"burst\": {}, \"key\": {}}}",
                     limit->requests, limit->per.count(), limit->burst, text_json(key_of(*limit)));
}

// One element a line.
std::string array_json(const std::vector<std::string>& elements) {
  std::string out = "[";
  for (const std::string& element : elements) {
    out += (out.size() > 1 ? ",\n    " : "\n    ") + element;
  }
  return out + (elements.empty() ? "]" : "\n  ]");
}

std::string fields_json(const RehearsedAnswer& answer) {
  std::vector<std::string> fields;
  for (const auto& [name, value] : answer.fields) {
    fields.push_back(fmt::format("{{\"name\": {}, \"value\": {}, \"from\": {}}}", text_json(name),
                                 text_json(value), text_json(field_origin(name, value, answer))));
  }
  return array_json(fields);
}

}  // namespace

std::string explain_as_text(const Explained& explained) {
  const RehearsedAnswer& answer = explained.answer;
  std::string out = shown(explained.method) + " " + shown(explained.url) + "\n";
  const auto add = [&out](std::string_view name, const std::string& value) {
    out += fmt::format("  {:<8}  {}\n", name, value);
  };
  add("listener", listener_words(explained.listeners));
  add("site", site_words(explained));
  if (answer.site != nullptr) add("route", route_words(answer));
  if (answer.admission) add("client", admission_words(*answer.admission));
  if (answer.counted_by != nullptr) add("rate", rate_words(answer));
  if (const config::Auth* auth = auth_of(answer)) add("auth", auth_words(*auth, answer));
  if (!answer.source.file.empty()) {
    const std::string details = answer.source.details.empty() ? "" : ", " + answer.source.details;
    add(answer.is_program ? "program" : "file", shown(answer.source.file) + shown(details));
  }
  if (!answer.source.upstream.empty()) {
    const bool has_file = !answer.source.file.empty();
    const std::string details =
        has_file || answer.source.details.empty() ? "" : ", " + answer.source.details;
    add("upstream", shown(answer.source.upstream) + shown(details));
  }
  add("answer", answer_words(explained));
  if (const std::string because = because_words(explained); !because.empty()) {
    add("because", because);
  }
  add_fields(answer, out);
  for (const std::string& line : answer.log_lines) add("log", line);
  add_routes(answer, out);
  return out;
}

std::string explain_as_json(const Explained& explained) {
  const RehearsedAnswer& answer = explained.answer;
  std::string route = "null";
  std::vector<std::string> routes;
  for (const RehearsedAnswer::RouteFate& fate : answer.routes) {
    routes.push_back(route_json(answer, fate));
    if (fate.route == answer.route) route = routes.back();
  }
  std::string out;
  const auto add = [&out](std::string_view name, const std::string& value) {
    out += fmt::format("{}  \"{}\": {}", out.empty() ? "" : ",\n", name, value);
  };
  add("method", text_json(explained.method));
  add("url", text_json(explained.url));
  const std::string& other_way = explained.listeners.other_way;
  add("listeners", list_json(other_way.empty() ? explained.listeners.certain
                                               : std::vector<std::string>{other_way}));
  add("possible_listeners", list_json(explained.listeners.possible));
  add("host", text_json(answer.host));
  add("path", text_json(answer.path));
  add("site", site_json(answer.site));
  add("route", route);
  add("handler", answer.handler.empty() ? "null" : text_json(answer.handler));
  add("client", admission_json(answer.admission));
  add("counted_by", rate_json(answer.counted_by));
  add("auth", auth_json(auth_of(answer)));
  add("user", answer.user.empty() ? "null" : text_json(answer.user));
  add("file", answer.source.file.empty() ? "null" : text_json(answer.source.file));
  add("upstream", answer.source.upstream.empty() ? "null" : text_json(answer.source.upstream));
  add("details", text_json(answer.source.details));
  add("is_program", answer.is_program ? "true" : "false");
  add("status", answer.is_program ? "null" : std::to_string(answer.status));
  add("reason", text_json(answer.reason));
  add("body_bytes", answer.is_program ? "null" : std::to_string(answer.body_bytes));
  const std::string because = because_words(explained);
  add("because", because.empty() ? "null" : text_json(because));
  add("fields", fields_json(answer));
  add("routes", array_json(routes));
  add("log", list_json(answer.log_lines));
  return "{\n" + out + "\n}\n";
}

}  // namespace uvhttpd
