// SPDX-License-Identifier: MIT
#include "app/field_origin.h"

#include <algorithm>
#include <iterator>
#include <variant>

#include "app/deciding_key.h"
#include "base/text.h"

namespace uvhttpd {
namespace {

// Those that the connection writes (server/response.h).
constexpr std::string_view kServerFields[] = {"Date", "Connection", "Content-Length",
                                              "Transfer-Encoding"};

struct Field {
  std::string_view name;
  std::string_view value;
};

bool has(const config::Fields& fields, const Field& wanted) {
  return std::any_of(fields.begin(), fields.end(), [&](const auto& field) {
    return equals_ignoring_case(field.first, wanted.name) && field.second == wanted.value;
  });
}

// What `headers` of the table says; empty when the field is not from there.
template <class Table>
std::string from_headers(const Table& table, const std::string& name, const Field& field,
                         std::string_view path) {
  const std::string where = name + in_line(table.line);
  for (const config::PatternFields& some : table.headers_by_path) {
    std::string_view matched;
    if (path_matches(some.path, path, false, matched) && has(some.fields, field)) {
      return "headers `" + some.path.text + "` of " + where;
    }
  }
  return has(table.headers, field) ? "headers of " + where : "";
}

std::string from_configuration(const Field& field, const RehearsedAnswer& answer) {
  std::string from;
  if (answer.route != nullptr) {
    from = from_headers(*answer.route, "[[site.route]]", field, answer.answered_path);
  }
  if (from.empty() && answer.site != nullptr) {
    from = from_headers(*answer.site, "[[site]]", field, answer.answered_path);
  }
  return from;
}

// The key, and its pattern when no other has that value.
std::string from_cache_control(const Field& field, const RehearsedAnswer& answer) {
  if (answer.route == nullptr || !equals_ignoring_case(field.name, "Cache-Control")) return "";
  const auto* rules = std::get_if<config::StaticHandler>(&answer.route->handler);
  if (rules == nullptr) return "";
  std::string pattern;
  int found = 0;
  for (const auto& [taken, value] : rules->files.cache_control) {
    if (value != field.value) continue;
    pattern = taken;
    ++found;
  }
  if (found == 0) return "";
  return found == 1 ? "cache_control `" + pattern + "`" : "cache_control";
}

bool is_from_cors(const Field& field, const RehearsedAnswer& answer) {
  const bool has_cors = (answer.route != nullptr && answer.route->cors) ||
                        (answer.site != nullptr && answer.site->cors);
  return has_cors &&
         (to_lower(field.name).starts_with("access-control-") ||
          (equals_ignoring_case(field.name, "Vary") && field.value.starts_with("Origin")));
}

// Fields of an answer that a key, not a handler, gave.
std::string from_decision(const Field& field, const RehearsedAnswer& answer) {
  const bool is_its_own =
      (answer.checkpoint == Checkpoint::https && equals_ignoring_case(field.name, "Location")) ||
      (answer.checkpoint == Checkpoint::user &&
       equals_ignoring_case(field.name, "WWW-Authenticate"));
  return is_its_own ? deciding_key(answer) : "";
}

bool is_from_hsts(const Field& field, const RehearsedAnswer& answer) {
  return answer.site != nullptr && answer.site->tls && !field.value.empty() &&
         field.value == answer.site->tls->hsts &&
         equals_ignoring_case(field.name, "Strict-Transport-Security");
}

bool is_of_error_page(const Field& field, const RehearsedAnswer& answer) {
  if (answer.site == nullptr || !equals_ignoring_case(field.name, "Content-Type")) return false;
  // A fixed answer has its own.
  if (answer.route != nullptr && answer.checkpoint == Checkpoint::handler &&
      std::holds_alternative<config::RespondHandler>(answer.route->handler)) {
    return false;
  }
  const auto& pages = answer.site->error_pages;
  return std::any_of(pages.begin(), pages.end(), [&](const config::Site::ErrorPage& page) {
    return page.status == answer.status || page.status == answer.status / 100;
  });
}

}  // namespace

std::string in_line(std::size_t line) {
  return line == 0 ? "" : " in line " + std::to_string(line);
}

std::string field_origin(std::string_view name, std::string_view value,
                         const RehearsedAnswer& answer) {
  const Field field{name, value};
  const bool is_servers =
      std::any_of(std::begin(kServerFields), std::end(kServerFields),
                  [&](std::string_view own) { return equals_ignoring_case(own, name); });
  if (is_servers) return "the server";
  if (equals_ignoring_case(name, "Server")) return "server_header of [server]";
  if (std::string from = from_configuration(field, answer); !from.empty()) return from;
  if (is_from_cors(field, answer)) return "cors";
  if (std::string from = from_decision(field, answer); !from.empty()) return from;
  if (is_from_hsts(field, answer)) return "hsts" + in_line(answer.site->tls->hsts_line);
  if (std::string from = from_cache_control(field, answer); !from.empty()) return from;
  if (is_of_error_page(field, answer))
    return "error_pages of [[site]]" + in_line(answer.site->line);
  const bool is_handlers = answer.route != nullptr && answer.checkpoint == Checkpoint::handler;
  return !is_handlers ? "the server" : "the handler " + answer.handler;
}

}  // namespace uvhttpd
