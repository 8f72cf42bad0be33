// SPDX-License-Identifier: MIT
#include "config/table_reader.h"

#include <algorithm>
#include <cmath>

#include "config/values.h"

namespace uvhttpd::config {
namespace {

Unexpected<Complaint> wrong_type(std::string_view wanted, const Node& node) {
  return complain("must be " + std::string(wanted) + ", not " + std::string(description(node)));
}

Read<Bytes> within(Bytes bytes, Range range) {
  if (bytes >= range.least && bytes <= range.most) return bytes;
  return complain("must be " + format_size(range.least) + " to " + format_size(range.most) +
                  ", not " + format_size(bytes));
}

// As written in seconds, to the millisecond.
Read<milliseconds> from_seconds(double seconds, DurationRange range) {
  constexpr double kSane = 1e9;
  if (!std::isfinite(seconds) || seconds < 0 || seconds > kSane) {
    return complain("must be " + format_duration(range.least) + " to " +
                    format_duration(range.most));
  }
  return milliseconds(std::llround(seconds * 1000));
}

}  // namespace

Read<bool> as_boolean(const Node& node) {
  if (node.kind == Node::Kind::boolean) return node.boolean;
  return wrong_type("true or false", node);
}

Read<std::string> as_text(const Node& node) {
  if (node.kind != Node::Kind::string) return wrong_type("a string", node);
  if (node.text.find('\0') != std::string::npos) return complain("must not hold a NUL");
  return node.text;
}

Read<std::uint64_t> as_count(const Node& node, Range range) {
  if (node.kind != Node::Kind::integer) return wrong_type("an integer", node);
  const bool fits = node.integer >= 0 && static_cast<std::uint64_t>(node.integer) >= range.least &&
                    static_cast<std::uint64_t>(node.integer) <= range.most;
  if (fits) return static_cast<std::uint64_t>(node.integer);
  return complain("must be " + std::to_string(range.least) + " to " + std::to_string(range.most) +
                  ", not " + std::to_string(node.integer));
}

Read<Bytes> as_size(const Node& node, Range range) {
  if (node.kind == Node::Kind::integer) {
    if (node.integer >= 0) return within(static_cast<Bytes>(node.integer), range);
    return complain("must not be negative");
  }
  if (node.kind != Node::Kind::string) return wrong_type("a size", node);
  Read<Bytes> bytes = parse_size(node.text);
  return bytes ? within(*bytes, range) : bytes;
}

Read<milliseconds> as_duration(const Node& node, DurationRange range) {
  Read<milliseconds> duration = wrong_type("a duration", node);
  if (node.kind == Node::Kind::integer) {
    duration = from_seconds(static_cast<double>(node.integer), range);
  } else if (node.kind == Node::Kind::real) {
    duration = from_seconds(node.real, range);
  } else if (node.kind == Node::Kind::string) {
    duration = parse_duration(node.text);
  }
  if (!duration || (*duration >= range.least && *duration <= range.most)) return duration;
  return complain("must be " + format_duration(range.least) + " to " + format_duration(range.most) +
                  ", not " + format_duration(*duration));
}

TableReader::TableReader(const Node& table, std::string name, Faults& faults)
    : table_(table), name_(std::move(name)), faults_(faults) {}

const Node* TableReader::find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  for (const Node& member : table_.children) {
    if (member.name == key) return member.integer_too_large ? nullptr : &member;
  }
  return nullptr;
}

bool TableReader::has(std::string_view key) const {
  return std::any_of(table_.children.begin(), table_.children.end(),
                     [&](const Node& member) { return member.name == key; });
}

Span TableReader::span_of(std::string_view key) const {
  for (const Node& member : table_.children) {
    if (member.name == key) return member.value;
  }
  return table_.value;
}

std::size_t TableReader::line_of(std::string_view key) const {
  for (const Node& member : table_.children) {
    if (member.name == key) return faults_.line_of(member.key.start);
  }
  return 0;
}

bool TableReader::read_text(std::string_view key, std::string& into, const TextParser& parse) {
  return read(key, into, [&](const Node& node) -> Read<std::string> {
    Read<std::string> text = as_text(node);
    return text ? parse(*text) : text;
  });
}

bool TableReader::read_list(std::string_view key, std::vector<std::string>& into,
                            const TextParser& parse) {
  const Node* node = find(key);
  if (node == nullptr) return false;
  if (node->kind != Node::Kind::array) {
    Complaint complaint = wrong_type("an array of strings", *node).take();
    if (node->kind == Node::Kind::string) complaint.hint = "write it in brackets: [\"...\"]";
    complain_about(*node, key, std::move(complaint));
    return true;
  }
  into.clear();
  std::set<std::string> seen;
  for (const Node& element : node->children) {
    if (element.integer_too_large) continue;
    Read<std::string> text = as_text(element);
    if (text) text = parse(*text);
    if (!text) {
      complain_about(element, key, std::move(text).error());
    } else if (!seen.insert(*text).second) {
      complain_about(element, key, {"names " + in_quotes(*text) + " twice"});
    } else {
      into.push_back(*std::move(text));
    }
  }
  return true;
}

bool TableReader::each_member(std::string_view key,
                              const std::function<void(const Node& member)>& use) {
  const Node* node = find_table(key);
  if (node == nullptr) return false;
  for (const Node& member : node->children) {
    if (!member.integer_too_large) use(member);
  }
  return true;
}

void TableReader::each_table(std::string_view key, const std::string& form,
                             const std::function<void(const Node& table)>& use) {
  const Node* node = find(key);
  if (node == nullptr) return;
  if (node->kind != Node::Kind::array) {
    faults_.add(
        node->value,
        in_quotes(key) + " must be an array of tables, not " + std::string(description(*node)),
        "write " + form);
    return;
  }
  for (const Node& element : node->children) {
    if (element.kind == Node::Kind::table) {
      use(element);
    } else if (!element.integer_too_large) {
      complain_about(element, key, wrong_type("an array of tables", element).take());
    }
  }
}

const Node* TableReader::find_table(std::string_view key) {
  const Node* node = find(key);
  if (node == nullptr || node->kind == Node::Kind::table) return node;
  complain_about(*node, key, wrong_type("a table", *node).take());
  return nullptr;
}

void TableReader::report_unknown(const Explain& other) {
  for (const Node& member : table_.children) {
    if (std::find(known_.begin(), known_.end(), member.name) != known_.end()) continue;
    if (std::string message = other ? other(member.name) : ""; !message.empty()) {
      faults_.add(member.key, std::move(message));
      continue;
    }
    const auto meant = nearest(member.name, known_);
    faults_.add(member.key, "unknown key " + in_quotes(member.name) + " in " + name_,
                meant ? "did you mean `" + std::string(*meant) + "`?" : "");
  }
}

void TableReader::complain_about(const Node& node, std::string_view key, Complaint complaint) {
  faults_.add(node.value, in_quotes(key), std::move(complaint));
}

}  // namespace uvhttpd::config
