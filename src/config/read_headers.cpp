// SPDX-License-Identifier: MIT
// config/read_headers.cpp: the fields that answers get, those for all paths and those for some.
#include <algorithm>
#include <array>
#include <set>

#include "config/readers.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

// The fields that `cors` sets.
constexpr std::array<std::string_view, 6> kCorsFields{
    "access-control-allow-origin",   "access-control-allow-methods",
    "access-control-allow-headers",  "access-control-allow-credentials",
    "access-control-expose-headers", "access-control-max-age"};

bool looks_like_pattern(std::string_view key) {
  return key.starts_with('/') || key.starts_with("*.");
}

// The fields of one table, of which none may be named twice.
class FieldReader {
 public:
  FieldReader(TableReader& table, Fields& fields) : table_(table), fields_(fields) {}

  void read(const Node& member) {
    Faults& faults = table_.faults();
    if (member.kind == Node::Kind::table) {
      faults.add(member.key,
                 "`headers` has a table under " + in_quotes(member.name) + ", which is no pattern",
                 "a pattern begins with `/` or `*.`; a field has a string");
      return;
    }
    const Read<std::string> name = parse_field_name(member.name);
    Read<std::string> value = as_text(member);
    if (value) value = parse_field_value(*value);
    if (!name) {
      faults.add(member.key, "`headers`", name.error());
    } else if (!seen_.insert(to_lower(*name)).second) {
      faults.add(member.key, "`headers` names " + in_quotes(member.name) + " twice",
                 "upper and lower case are the same in field names");
    } else if (table_.has("cors") && std::find(kCorsFields.begin(), kCorsFields.end(),
                                               to_lower(*name)) != kCorsFields.end()) {
      faults.add(member.key,
                 "`headers` cannot set " + in_quotes(member.name) + " beside `cors`, which does");
    }
    if (!value) {
      table_.complain_about(member, member.name, std::move(value).error());
    } else if (name) {
      fields_.emplace_back(*name, *std::move(value));
    }
  }

 private:
  TableReader& table_;
  Fields& fields_;
  std::set<std::string> seen_;
};

void read_pattern(TableReader& table, const Node& member, std::vector<PatternFields>& by_path) {
  Read<PathPattern> pattern = parse_pattern(member.name);
  if (!pattern) table.faults().add(member.key, "a pattern of `headers`", pattern.error());
  if (member.kind != Node::Kind::table) {
    table.complain_about(
        member, member.name,
        {"is a pattern and must have a table of fields, not " + std::string(description(member)),
         "such as { \"X-Name\" = \"value\" }"});
    return;
  }
  PatternFields fields;
  FieldReader reader(table, fields.fields);
  for (const Node& field : member.children) {
    if (looks_like_pattern(field.name)) {
      table.faults().add(field.key,
                         "`headers` has a pattern within a pattern: " + in_quotes(field.name));
    } else if (!field.integer_too_large) {
      reader.read(field);
    }
  }
  if (!pattern) return;
  fields.path = *std::move(pattern);
  by_path.push_back(std::move(fields));
}

}  // namespace

void read_headers(TableReader& table, Fields& headers, std::vector<PatternFields>& by_path) {
  FieldReader reader(table, headers);
  table.each_member("headers", [&](const Node& member) {
    if (looks_like_pattern(member.name)) {
      read_pattern(table, member, by_path);
    } else {
      reader.read(member);
    }
  });
}

}  // namespace uvhttpd::config
