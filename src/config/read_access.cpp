// SPDX-License-Identifier: MIT
// config/read_access.cpp: what the file says of who may have an answer, and how often.
#include "config/readers.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

constexpr std::uint64_t kMaxRequests = 1'000'000'000;  // in each `per`, and at once
constexpr const char* kDefaultRealm = "Restricted";

// In its shortest form.
Read<std::string> parse_client_network(std::string_view text) {
  Read<Network> network = parse_network(text);
  if (network) return format_network(*network);
  Complaint complaint = std::move(network).error();
  if (to_lower(text) == "all") complaint.hint = "\"0.0.0.0/0\" and \"::/0\" are all addresses";
  return Unexpected(std::move(complaint));
}

void read_networks(TableReader& table, std::string_view key, std::vector<Network>& networks) {
  std::vector<std::string> texts;
  table.read_list(key, texts, parse_client_network);
  for (const std::string& text : texts) {
    if (const Read<Network> network = parse_network(text)) networks.push_back(*network);
  }
}

// The table that is the value of `key`. Null if there is none; what `into` had is then gone if the
// value is false.
template <class T>
const Node* find_table_or_false(TableReader& table, std::string_view key, std::optional<T>& into) {
  const Node* node = table.find(key);
  if (node == nullptr || node->kind == Node::Kind::table) return node;
  const bool is_boolean = node->kind == Node::Kind::boolean;
  if (is_boolean && !node->boolean) {
    into.reset();
  } else {
    table.complain_about(*node, key,
                         {"must be a table or false, not " +
                          (is_boolean ? "true" : std::string(description(*node)))});
  }
  return nullptr;
}

Read<std::string> parse_realm(std::string_view text) {
  if (text.empty()) return complain("must not be empty", "people are asked with it");
  return parse_field_value(text);
}

// "client" as an empty name, "header:NAME" as that name in lower case.
Read<std::string> parse_rate_key(std::string_view text) {
  constexpr std::string_view kClient = "client";
  constexpr std::string_view kHeader = "header:";
  if (text == kClient) return std::string();
  const bool is_header = text.starts_with(kHeader);
  const std::string_view name = is_header ? text.substr(kHeader.size()) : text;
  const bool is_token = parse_token(name).has_value();
  if (is_header && is_token) return to_lower(name);
  if (is_header) return complain("must name a header after the `:`, not " + in_quotes(name));
  std::string hint;
  if (nearest(text, {kClient})) {
    hint = "did you mean \"client\"?";
  } else if (is_token) {
    hint = "a field is written as \"header:" + std::string(name) + "\"";
  }
  return complain("must be \"client\" or \"header:NAME\", not " + in_quotes(text), hint);
}

}  // namespace

void read_access(TableReader& table, Access& access) {
  if (table.has("allow") || table.has("deny")) access = {};
  read_networks(table, "allow", access.allow);
  read_networks(table, "deny", access.deny);
}

void read_key_lines(const TableReader& table, KeyLines& lines) {
  if (table.has("allow") || table.has("deny")) {
    lines.allow = table.line_of("allow");
    lines.deny = table.line_of("deny");
  }
  const auto read = [&](std::string_view key, std::size_t& line) {
    if (table.has(key)) line = table.line_of(key);
  };
  read("auth", lines.auth);
  read("rate_limit", lines.rate_limit);
  read("body_bytes", lines.body_bytes);
}

void read_auth(TableReader& table, Reading& reading, std::optional<Auth>& auth) {
  const Node* node = find_table_or_false(table, "auth", auth);
  if (node == nullptr) return;
  Auth read{kDefaultRealm, ""};
  TableReader reader(*node, "`auth`", table.faults());
  reader.read_text("realm", read.realm, parse_realm);
  if (reader.read_text("users", read.users, reading.path())) {
    reading.check_file(reader.span_of("users"), "users", read.users);
  } else if (!reader.has("users")) {
    table.faults().add(node->value, "`auth` needs `users`, a file of names and passwords",
                       "`uvhttpd passwd NAME` prints a line of it");
  }
  reader.report_unknown();
  auth = std::move(read);
}

void read_rate_limit(TableReader& table, std::optional<RateLimit>& limit) {
  const Node* node = find_table_or_false(table, "rate_limit", limit);
  if (node == nullptr) return;
  const auto count = [](const Node& value) { return as_count(value, {1, kMaxRequests}); };
  RateLimit read;
  TableReader reader(*node, "`rate_limit`", table.faults());
  if (!reader.read("requests", read.requests, count) && !reader.has("requests")) {
    table.faults().add(node->value, "`rate_limit` needs `requests`", "requests = 10, per = \"1s\"");
  }
  reader.read("per", read.per, [](const Node& value) { return as_duration(value); });
  read.burst = read.requests;
  reader.read("burst", read.burst, count);
  reader.read_text("key", read.key, parse_rate_key);
  reader.report_unknown();
  limit = std::move(read);
}

}  // namespace uvhttpd::config
