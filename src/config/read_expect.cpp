// SPDX-License-Identifier: MIT
// config/read_expect.cpp: what the file says has to come of certain requests.
#include <algorithm>
#include <set>

#include "config/readers.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

constexpr std::size_t kMaxExpectations = 1000;

// Given by the URL, or framing a body, which these requests do not have.
constexpr std::array<std::string_view, 4> kOwnFields{"host", "connection", "content-length",
                                                     "transfer-encoding"};

// "GET http://example.org/", "http://example.org/".
void read_request(TableReader& table, Expect& expect) {
  const Node* node = table.find("request");
  if (node == nullptr) {
    if (!table.has("request")) {
      table.faults().add(table.table().value, "this test has no `request`",
                         "request = \"GET http://example.org/\"");
    }
    return;
  }
  expect.place = table.faults().place(node->value);
  const Read<std::string> text = as_text(*node);
  if (!text) return table.complain_about(*node, "request", text.error());
  std::string_view url = *text;
  if (const std::size_t space = url.find(' '); space != std::string_view::npos) {
    Read<std::string> method = parse_method(url.substr(0, space));
    url.remove_prefix(space + 1);
    if (!method) return table.complain_about(*node, "request", std::move(method).error());
    expect.method = *std::move(method);
  }
  Read<std::string> known = parse_url(url);
  if (!known) return table.complain_about(*node, "request", std::move(known).error());
  expect.url = *std::move(known);
}

// Calls for each member of `key` whose name is that of a field and stands there once.
void each_field(TableReader& table, std::string_view key,
                const std::function<void(const Node& member)>& use) {
  std::set<std::string> seen;
  table.each_member(key, [&](const Node& member) {
    if (Read<std::string> name = parse_token(member.name); !name) {
      table.faults().add(member.key, in_quotes(key), std::move(name).error());
    } else if (!seen.insert(to_lower(member.name)).second) {
      table.faults().add(member.key, in_quotes(key) + " names " + in_quotes(member.name) + " twice",
                         "upper and lower case are the same in field names");
    } else {
      use(member);
    }
  });
}

void read_request_header(TableReader& table, Expect& expect) {
  each_field(table, "request_header", [&](const Node& member) {
    const std::string name = to_lower(member.name);
    if (std::find(kOwnFields.begin(), kOwnFields.end(), name) != kOwnFields.end()) {
      table.faults().add(member.key, "`request_header` cannot set " + in_quotes(member.name),
                         name == "host" ? "the host is that of the URL" : "");
      return;
    }
    Read<std::string> value = as_text(member);
    if (value) value = parse_field_value(*value);
    if (!value) return table.complain_about(member, member.name, std::move(value).error());
    expect.request_header.emplace_back(member.name, *std::move(value));
  });
}

void read_header(TableReader& table, Expect& expect) {
  each_field(table, "header", [&](const Node& member) {
    Expect::Field field;
    field.name = member.name;
    if (member.kind == Node::Kind::boolean) {
      field.present = member.boolean;
    } else if (member.kind == Node::Kind::string) {
      Read<std::string> value = as_text(member);
      if (value) value = parse_field_value(*value);
      if (!value) return table.complain_about(member, member.name, std::move(value).error());
      field.value = *std::move(value);
    } else {
      return table.complain_about(
          member, member.name,
          {"must be a string, true or false, not " + std::string(description(member)),
           "true: the field is there, whatever its value; false: it is not"});
    }
    expect.header.push_back(std::move(field));
  });
}

// The patterns of all routes. Nothing if one of them was not good, since it may be the one meant.
std::optional<std::vector<std::string_view>> patterns_of(const std::vector<Site>& sites) {
  std::set<std::string_view> patterns;
  for (const Site& site : sites) {
    for (const Route& route : site.routes) patterns.insert(route.path.text);
  }
  if (patterns.contains("")) return std::nullopt;
  return std::vector<std::string_view>(patterns.begin(), patterns.end());
}

using Names = std::vector<std::string_view>;

// A text that has to be one of `names`; `what` is what they are.
Read<std::string> one_of(std::string_view text, const Names& names, const std::string& what) {
  if (std::find(names.begin(), names.end(), text) != names.end()) return std::string(text);
  const auto meant = nearest(text, names);
  return complain("names no " + what + ": " + in_quotes(text),
                  meant ? "did you mean \"" + std::string(*meant) + "\"?" : "");
}

Expect read_expect(const Node& node, Reading& reading, const std::optional<Names>& patterns) {
  Expect expect;
  TableReader table(node, "[[expect]]", reading.faults);
  read_request(table, expect);
  read_request_header(table, expect);
  const bool has_status = table.read("status", expect.status, [](const Node& value) {
    const Read<std::uint64_t> status = as_count(value, {100, 599});
    return status ? Read<unsigned>(static_cast<unsigned>(*status))
                  : Read<unsigned>(Unexpected(status.error()));
  });
  read_header(table, expect);
  std::string text;
  const bool has_route = table.read_text("route", text, [&](std::string_view pattern) {
    return patterns ? one_of(pattern, *patterns, "route of this file") : std::string(pattern);
  });
  if (!text.empty()) expect.route = std::exchange(text, "");
  const bool has_handler = table.read_text("handler", text, [](std::string_view name) {
    return one_of(name, {kHandlerNames.begin(), kHandlerNames.end()}, "handler");
  });
  if (!text.empty()) expect.handler = std::move(text);
  const Node* header = table.find("header");
  const bool has_header =
      header != nullptr && !(header->kind == Node::Kind::table && header->children.empty());
  if (!has_status && !has_route && !has_handler && !has_header) {
    reading.faults.add(node.value, "this test expects nothing",
                       "say which `status`, `header`, `route` or `handler` the answer has to have");
  }
  table.report_unknown();
  return expect;
}

}  // namespace

void read_expectations(TableReader& root, Reading& reading, const std::vector<Site>& sites,
                       std::vector<Expect>& expectations) {
  const Node* node = root.find("expect");
  if (node == nullptr) return;
  if (node->children.size() > kMaxExpectations) {
    reading.faults.add(node->value,
                       "more than " + std::to_string(kMaxExpectations) + " tests in the file");
    return;
  }
  const std::optional<Names> patterns = patterns_of(sites);
  root.each_table("expect", "[[expect]]", [&](const Node& table) {
    expectations.push_back(read_expect(table, reading, patterns));
  });
}

}  // namespace uvhttpd::config
