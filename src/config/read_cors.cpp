// SPDX-License-Identifier: MIT
// config/read_cors.cpp: what the file says that pages of other origins may do.
#include <algorithm>

#include "config/readers.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

// "*" for all, which stands alone and which the Fetch standard takes for a plain name when there
// are credentials.
void check_star(TableReader& cors, std::string_view key, const std::vector<std::string>& list,
                bool credentials) {
  if (std::find(list.begin(), list.end(), "*") == list.end()) return;
  Faults& faults = cors.faults();
  if (list.size() > 1) {
    faults.add(cors.span_of(key), in_quotes(key) + " has \"*\" beside others, but it means all");
  } else if (credentials) {
    faults.add(cors.span_of(key),
               in_quotes(key) + " cannot be \"*\" with `credentials`: it is then not taken for all",
               "name them one by one");
  }
}

Read<std::string> parse_cors_method(std::string_view text) {
  if (text == "*") return complain("must name methods", "leave it out for those of the route");
  return parse_method(text);
}

}  // namespace

void read_cors(TableReader& table, std::optional<Cors>& cors) {
  const Node* node = table.find_table("cors");
  if (node == nullptr) return;
  Cors read;
  TableReader reader(*node, "`cors`", table.faults());
  if (!reader.read_list("origins", read.origins, parse_origin)) {
    table.faults().add(node->value, "`cors` needs `origins`",
                       "origins = [\"https://app.example.org\"], or [\"*\"] for all");
  } else if (const Node* origins = reader.find("origins");
             origins->kind == Node::Kind::array && origins->children.empty()) {
    table.faults().add(origins->value, "`origins` names no origin");
  }
  reader.read_list("methods", read.methods, parse_cors_method);
  reader.read_list("headers", read.headers, parse_token);
  reader.read_list("expose", read.expose, parse_token);
  reader.read("credentials", read.credentials, as_boolean);
  reader.read("max_age", read.max_age,
              [](const Node& value) { return as_duration(value, {.least = milliseconds(0)}); });
  check_star(reader, "origins", read.origins, read.credentials);
  check_star(reader, "headers", read.headers, read.credentials);
  check_star(reader, "expose", read.expose, read.credentials);
  reader.report_unknown();
  cors = std::move(read);
}

}  // namespace uvhttpd::config
