// SPDX-License-Identifier: MIT
// config/read_site.cpp: what the file says about sites, and what they share with routes.
#include <algorithm>
#include <map>

#include "config/readers.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

constexpr std::size_t kMaxSites = 10'000;

Read<std::string> charset(std::string_view text) {
  for (const char c : text) {
    const bool fits = is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
                      std::string_view("-_.:+").find(c) != std::string_view::npos;
    if (!fits) return complain("is no name of a character encoding: " + in_quotes(text));
  }
  return std::string(text);
}

// 404 as 404, "5xx" as 5; 0 for anything else.
unsigned error_status(std::string_view key) {
  if (key == "4xx") return 4;
  if (key == "5xx") return 5;
  const auto status = parse_decimal(key);
  const bool fits = key.size() == 3 && status && *status >= 400 && *status <= 599;
  return fits ? static_cast<unsigned>(*status) : 0;
}

void read_error_pages(TableReader& table, Reading& reading, Site& site) {
  const bool any = table.each_member("error_pages", [&](const Node& member) {
    const unsigned status = error_status(member.name);
    if (status == 0) {
      reading.faults.add(member.key,
                         "`error_pages` has a key that is no error: " + in_quotes(member.name),
                         "a status 400 to 599, or \"4xx\" or \"5xx\"");
    }
    Read<std::string> path = as_text(member);
    if (path) path = parse_url_path(*path);
    if (!path) return table.complain_about(member, "error_pages", std::move(path).error());
    if (status == 0) return;
    reading.check_below(member.value, "error_pages", site.files.root, *path);
    site.error_pages.push_back({status, *path});
  });
  if (any && !table.has("root")) {
    reading.faults.add(table.span_of("error_pages"),
                       "`error_pages` are files below `root`, which this site does not have");
  }
}

void check_fallback(TableReader& table, Reading& reading, const FileRules& files) {
  if (files.fallback.empty()) return;
  const Span at = table.span_of("fallback");
  reading.check_below(at, "fallback", files.root, files.fallback);
  if (table.has("root")) return;
  reading.faults.add(at, "`fallback` is a file below `root`, which this site does not have",
                     "a route with a root of its own can have a fallback");
}

// The hosts of all sites so far, and where they are named.
struct Hosts {
  std::map<std::string, Span> named;
  std::optional<Span> default_site;
};

void read_hosts(TableReader& table, Reading& reading, Hosts& hosts, Site& site) {
  const Node* node = table.find("hosts");
  if (node == nullptr || (node->kind == Node::Kind::array && node->children.empty())) {
    const Span at = node == nullptr ? table.table().value : node->value;
    if (hosts.default_site) {
      reading.faults.add(at, "a second site without `hosts`: only one can be the default site",
                         "the first is in line " +
                             std::to_string(reading.faults.line_of(hosts.default_site->start)));
    } else {
      hosts.default_site = at;
    }
    return;
  }
  table.read_list("hosts", site.hosts, parse_host);
  if (node->kind != Node::Kind::array) return;
  for (const Node& element : node->children) {
    const Read<std::string> host = parse_host(element.text);
    if (!host) continue;
    const auto [first, is_new] = hosts.named.try_emplace(*host, element.value);
    const bool in_other_site = first->second.start < node->value.start ||
                               first->second.start >= node->value.start + node->value.length;
    if (is_new || !in_other_site) continue;
    reading.faults.add(element.value, "another site has the host " + in_quotes(*host) + " already",
                       "in line " + std::to_string(reading.faults.line_of(first->second.start)));
  }
}

// The files of a site are its last route, unless one of its own already takes every path.
void add_static_route(Site& site) {
  if (site.files.root.empty()) return;
  Route route = route_of(site);
  route.path = {PathPattern::Kind::prefix, "/*", "/", ""};
  route.handler = StaticHandler{site.files, false};
  const bool covered = std::any_of(site.routes.begin(), site.routes.end(),
                                   [&](const Route& own) { return covers(own, route); });
  if (!covered) site.routes.push_back(std::move(route));
}

Site read_site(const Node& table, Reading& reading, const Limits& limits, Hosts& hosts) {
  Site site;
  site.line = reading.faults.line_of(table.value.start);
  site.body_bytes = limits.body_bytes;
  site.send_rate = limits.send_rate;
  TableReader reader(table, "[[site]]", reading.faults);
  read_hosts(reader, reading, hosts, site);
  reader.read_text("root", site.files.root, reading.path());
  reading.check_directory(reader.span_of("root"), "root", site.files.root);
  read_file_rules(reader, site.files);
  check_fallback(reader, reading, site.files);
  read_headers(reader, site.headers, site.headers_by_path);
  read_cors(reader, site.cors);
  read_body_bytes(reader, "body_bytes", site.body_bytes);
  read_send_rate(reader, site.send_rate);
  read_access(reader, site.access);
  read_auth(reader, reading, site.auth);
  read_rate_limit(reader, site.rate_limit);
  read_key_lines(reader, site.key_lines);
  read_tls(reader, reading, site.tls);
  reader.read("redirect_https", site.redirect_https, as_boolean);
  site.redirect_https_line = reader.line_of("redirect_https");
  read_error_pages(reader, reading, site);
  read_routes(reader, reading, site);
  if (!reader.has("root") && !reader.has("route")) {
    reading.faults.add(table.value, "this site has neither `root` nor a route: it serves nothing");
  }
  reader.report_unknown();
  add_static_route(site);
  return site;
}

}  // namespace

Route route_of(const Site& site) {
  Route route;
  route.cors = site.cors;
  route.body_bytes = site.body_bytes;
  route.send_rate = site.send_rate;
  route.access = site.access;
  route.auth = site.auth;
  route.rate_limit = site.rate_limit;
  route.key_lines = site.key_lines;
  return route;
}

void read_file_rules(TableReader& table, FileRules& rules) {
  constexpr std::array<Choice<Symlinks>, 3> kSymlinks{
      {{"inside", Symlinks::inside}, {"deny", Symlinks::deny}, {"follow", Symlinks::follow}}};
  table.read_list("index", rules.index, parse_file_name);
  table.read("listing", rules.listing, as_boolean);
  table.read_text("fallback", rules.fallback, parse_file_path);
  table.read("clean_urls", rules.clean_urls, as_boolean);
  table.read("hidden_files", rules.hidden_files, as_boolean);
  table.read("source_files", rules.source_files, as_boolean);
  table.read("symlinks", rules.symlinks,
             [&](const Node& node) { return as_choice(node, kSymlinks); });
  table.read("precompressed", rules.precompressed, as_boolean);
  table.read_list("compress", rules.compress, parse_coding);
  table.read_text("charset", rules.charset, charset);
  if (table.has("cache_control")) rules.cache_control.clear();
  table.each_member("cache_control", [&](const Node& member) {
    const Read<PathPattern> pattern = parse_pattern(member.name);
    Read<std::string> value = as_text(member);
    if (value) value = parse_field_value(*value);
    if (!pattern) {
      table.faults().add(member.key, "a pattern of `cache_control`", pattern.error());
    } else if (!value) {
      table.complain_about(member, "cache_control", std::move(value).error());
    } else {
      rules.cache_control.emplace_back(member.name, *std::move(value));
    }
  });
}

void read_sites(TableReader& root, Reading& reading, const Limits& limits,
                std::vector<Site>& sites) {
  Hosts hosts;
  root.each_table("site", "[[site]]", [&](const Node& table) {
    if (sites.size() == kMaxSites) {
      reading.faults.add(table.value, "more than " + std::to_string(kMaxSites) + " sites");
    }
    sites.push_back(read_site(table, reading, limits, hosts));
  });
  if (sites.empty() && !root.has("site")) {
    reading.faults.add(Span{}, "there is no [[site]], so there is nothing to serve");
  }
}

}  // namespace uvhttpd::config
