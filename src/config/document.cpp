// SPDX-License-Identifier: MIT
#include "config/document.h"

#include <algorithm>
#include <exception>
#include <sstream>
#include <toml.hpp>

#include "config/lexical.h"
#include "config/load.h"
#include "config/outline.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

// A value whose mark is missing stands where its parent stands.
Node node_of(const toml::value& value, const Mark* mark, Span parent) {
  Node node;
  node.key = mark != nullptr ? mark->key : parent;
  node.value = mark != nullptr ? mark->value : parent;
  const Span here = node.value;
  switch (value.type()) {
    case toml::value_t::boolean:
      node.kind = Node::Kind::boolean;
      node.boolean = value.as_boolean();
      break;
    case toml::value_t::integer:
      node.kind = Node::Kind::integer;
      node.integer = value.as_integer();
      node.integer_too_large = mark != nullptr && mark->integer_too_large;
      break;
    case toml::value_t::floating:
      node.kind = Node::Kind::real;
      node.real = value.as_floating();
      break;
    case toml::value_t::string:
      node.kind = Node::Kind::string;
      node.text = toml::get<std::string>(value);
      break;
    case toml::value_t::array: {
      node.kind = Node::Kind::array;
      std::size_t index = 0;
      for (const toml::value& element : value.as_array()) {
        const bool known = mark != nullptr && index < mark->children.size();
        node.children.push_back(node_of(element, known ? &mark->children[index] : nullptr, here));
        ++index;
      }
      break;
    }
    case toml::value_t::table:
      node.kind = Node::Kind::table;
      for (const auto& [name, member] : value.as_table()) {
        const Mark* known = nullptr;
        if (mark != nullptr) {
          const auto index = mark->names.find(name);
          if (index != mark->names.end()) known = &mark->children[index->second];
        }
        node.children.push_back(node_of(member, known, here));
        node.children.back().name = name;
      }
      std::sort(node.children.begin(), node.children.end(), [](const Node& a, const Node& b) {
        return a.key.start != b.key.start ? a.key.start < b.key.start : a.name < b.name;
      });
      break;
    default: node.kind = Node::Kind::time; break;
  }
  return node;
}

// The first line of what toml11 says, without its prefixes: "[error] toml::parse_array: ...".
std::string first_line(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  if (text.starts_with("[error] ")) text.remove_prefix(8);
  if (text.starts_with("toml::")) {
    const std::size_t end = text.find(": ");
    if (end != std::string_view::npos) text.remove_prefix(end + 2);
  }
  return std::string(text);
}

// From 1.
struct Place {
  std::size_t line = 1;
  std::size_t column = 1;
};
#if TOML11_VERSION_MAJOR >= 4
Place place_of(const toml::syntax_error& error) {
  for (const auto& info : error.errors()) {
    if (info.locations().empty()) continue;
    const auto& location = info.locations().front().first;
    return {location.first_line_number(), location.first_column_number()};
  }
  return {};
}
#else
Place place_of(const toml::syntax_error& error) {
  return {error.location().line(), error.location().column()};
}
#endif

Span span_at(std::string_view text, Place place) {
  std::size_t start = 0;
  for (std::size_t line = 1; line < place.line; ++line) {
    const std::size_t end = text.find('\n', start);
    if (end == std::string_view::npos) break;
    start = end + 1;
  }
  return {std::min(start + std::max<std::size_t>(place.column, 1) - 1, text.size()), 1};
}

}  // namespace

std::string_view description(const Node& node) {
  switch (node.kind) {
    case Node::Kind::boolean: return "a boolean";
    case Node::Kind::integer: return "an integer";
    case Node::Kind::real: return "a floating-point number";
    case Node::Kind::string: return "a string";
    case Node::Kind::time: return "a date or time";
    case Node::Kind::array: return "an array";
    case Node::Kind::table: return "a table";
  }
  return "";
}

std::optional<Node> parse_document(std::string_view text, const std::string& file, Faults& faults) {
  if (const Span at = encoding_fault(text); at.start != Span::kNowhere) {
    faults.add(at, text[at.start] == '\0' ? "there is a NUL octet in the file"
                                          : "this is not UTF-8, which TOML has to be");
    return std::nullopt;
  }
  if (const Span at = depth_fault(text, kMaxDepth); at.start != Span::kNowhere) {
    faults.add(at, "values are nested more than " + std::to_string(kMaxDepth) + " deep");
    return std::nullopt;
  }
  if (const Span at = line_fault(text, kMaxLineBytes); at.start != Span::kNowhere) {
    faults.add(at, "this line is longer than " + format_size(kMaxLineBytes),
               "arrays and strings may go over several lines");
    return std::nullopt;
  }
  const Outline outline = outline_of(text);
  if (!outline.fault.empty()) {
    faults.add(outline.fault_at, "syntax error: " + outline.fault);
    return std::nullopt;
  }
  std::string checked(text);
  for (const Span& at : outline.large_integers) {
    faults.add(at, "this integer does not fit into 64 bits");
    checked.replace(at.start, at.length, "0" + std::string(at.length - 1, ' '));
  }
  try {
    std::istringstream stream(checked);
    return node_of(toml::parse(stream, file), &outline.root, Span{});
  } catch (const toml::syntax_error& error) {
    faults.add(span_at(text, place_of(error)), "syntax error: " + first_line(error.what()));
  } catch (const std::exception& error) {
    faults.add(Span{}, "cannot be read as TOML: " + first_line(error.what()));
  }
  return std::nullopt;
}

}  // namespace uvhttpd::config
