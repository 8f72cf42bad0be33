// SPDX-License-Identifier: MIT
#include "app/expectations.h"

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "app/handler_table.h"
#include "app/listener_match.h"
#include "base/text.h"
#include "server/rehearsal.h"

namespace uvhttpd {
namespace {

using Mismatches = std::vector<std::string>;

std::string in_backquotes(std::string_view text) { return "`" + std::string(text) + "`"; }

void check_status(const config::Expect& expect, const RehearsedAnswer& answer, Mismatches& out) {
  if (!expect.status || *expect.status == answer.status) return;
  out.push_back(fmt::format("expected status {}, got {}", *expect.status, answer.status));
}

void check_field(const config::Expect::Field& field, const RehearsedAnswer& answer,
                 Mismatches& out) {
  // Lines of one name are one list (RFC 9110 section 5.3).
  std::string all;
  bool is_present = false;
  bool is_equal = false;
  for (const auto& [name, value] : answer.fields) {
    if (!equals_ignoring_case(name, field.name)) continue;
    all += (is_present ? ", " : "") + value;
    is_present = true;
    is_equal = is_equal || value == field.value;
  }
  if (!field.present) {
    if (is_present)
      out.push_back("expected no field " + field.name + ", got " + in_backquotes(all));
  } else if (field.value) {
    if (is_equal || (is_present && all == *field.value)) return;
    out.push_back("expected " + field.name + " " + in_backquotes(*field.value) + ", got " +
                  (is_present ? in_backquotes(all) : "no such field"));
  } else if (!is_present) {
    out.push_back("expected a field " + field.name + ", got none");
  }
}

void check_answer(const config::Expect& expect, const RehearsedAnswer& answer, Mismatches& out) {
  if (!answer.is_program) {
    check_status(expect, answer, out);
    for (const config::Expect::Field& field : expect.header) check_field(field, answer, out);
  } else if (expect.status || !expect.header.empty()) {
    const bool is_upstream = !answer.source.upstream.empty();
    out.push_back(
        (is_upstream ? "the upstream " + answer.source.upstream + " answers, which tests do not ask"
                     : "the program " + answer.source.file + " answers, which tests do not run") +
        ": only `route` and `handler` can be expected");
  }
}

void check_routing(const config::Expect& expect, const RehearsedAnswer& answer, Mismatches& out) {
  const bool has_route = answer.route != nullptr;
  if (expect.route && (!has_route || answer.route->path.text != *expect.route)) {
    out.push_back("expected the route " + in_backquotes(*expect.route) + ", got " +
                  (has_route ? in_backquotes(answer.route->path.text) : "none"));
  }
  if (expect.handler && answer.handler != *expect.handler) {
    out.push_back("expected the handler " + in_backquotes(*expect.handler) + ", got " +
                  (has_route ? in_backquotes(answer.handler) : "none"));
  }
}

constexpr std::chrono::seconds kPatience{10};  // for all of them together

Result<RehearsedAnswer> answer_to(const config::Expect& expect,
                                  const std::vector<config::Listener>& listeners,
                                  Rehearsal& rehearsal,
                                  std::chrono::steady_clock::time_point until) {
  TRY_ASSIGN(http::Url url, http::parse_url(expect.url));
  const auto left = std::chrono::ceil<Duration>(until - std::chrono::steady_clock::now());
  if (left <= Duration{0}) return Unexpected(Error{"the tests before took too long", 0});
  const ListenerMatch match = match_listeners(listeners, url);
  return ask_through(match, rehearsal, {expect.method, std::move(url), expect.request_header},
                     left);
}

std::string join(const Mismatches& mismatches) {
  std::string text;
  for (const std::string& each : mismatches) text += (text.empty() ? "" : "; ") + each;
  return text;
}

}  // namespace

std::optional<config::Diagnostic> find_obstacle(std::shared_ptr<const config::Config> config) {
  const auto rehearsal = Rehearsal::prepare(config, build_handler);
  if (rehearsal) return std::nullopt;
  config::Diagnostic obstacle;
  obstacle.file = config->file;
  obstacle.message = rehearsal.error().message;
  return obstacle;
}

std::vector<config::Diagnostic> run_expectations(std::shared_ptr<const config::Config> config) {
  std::vector<config::Diagnostic> failures;
  if (config->expectations.empty()) return failures;
  auto rehearsal = Rehearsal::prepare(config, build_handler);
  if (!rehearsal) {
    config::Diagnostic failure = config->expectations.front().place;
    failure.message = "nothing can be tested: " + rehearsal.error().message;
    return {std::move(failure)};
  }
  const auto until = std::chrono::steady_clock::now() + kPatience;
  for (const config::Expect& expect : config->expectations) {
    config::Diagnostic failure = expect.place;
    const Result<RehearsedAnswer> answer = answer_to(expect, config->listeners, **rehearsal, until);
    if (answer) {
      Mismatches mismatches;
      check_answer(expect, *answer, mismatches);
      check_routing(expect, *answer, mismatches);
      failure.message = join(mismatches);
      if (!answer->log_lines.empty()) {
        failure.hint = "the error log would say: " + answer->log_lines.front();
      }
    } else {
      failure.message = answer.error().message;
    }
    if (!failure.message.empty()) failures.push_back(std::move(failure));
  }
  return failures;
}

}  // namespace uvhttpd
