// SPDX-License-Identifier: MIT
#include "app/explain.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "app/explanation.h"
#include "app/handler_table.h"
#include "base/text.h"

namespace uvhttpd {
namespace {

constexpr int kDone = 0;
constexpr int kFailure = 1;
constexpr int kMistake = 2;

int complain(const Error& error, int status) {
  fmt::print(stderr, "uvhttpd: {}\n", error.message);
  return status;
}

Result<RehearsedRequest> read_request(const ExplainOptions& options) {
  RehearsedRequest request;
  if (options.request.size() == 2) request.method = options.request.front();
  TRY_ASSIGN(request.url, http::parse_url(options.request.back()));
  const std::optional<PeerAddress> client = PeerAddress::parse(options.client);
  if (!client) {
    return Unexpected(Error{"\"" + escape_for_log(options.client) + "\" is no IP address", 0});
  }
  request.client = *client;
  for (const std::string& field : options.fields) {
    const std::size_t colon = field.find(':');
    if (colon == std::string::npos) {
      return Unexpected(
          Error{"\"" + escape_for_log(field) + "\" is no header field: it has no colon", 0});
    }
    request.fields.emplace_back(field.substr(0, colon),
                                trim_ows(std::string_view(field).substr(colon + 1)));
  }
  if (Result<void> valid = check_request(request); !valid) {
    return Unexpected(std::move(valid).error());
  }
  return request;
}

}  // namespace

int explain(std::shared_ptr<const config::Config> config, const ExplainOptions& options) {
  const Result<RehearsedRequest> request = read_request(options);
  if (!request) return complain(request.error(), kMistake);
  const auto rehearsal = Rehearsal::prepare(config, build_handler);
  if (!rehearsal) return complain(rehearsal.error(), kMistake);
  const ListenerMatch match = match_listeners(config->listeners, request->url);
  Result<RehearsedAnswer> answer = ask_through(match, **rehearsal, *request);
  if (!answer) return complain(answer.error(), kFailure);
  const Explained explained{std::string(request->method), options.request.back(), *config, match,
                            *std::move(answer)};
  fmt::print("{}", options.json ? explain_as_json(explained) : explain_as_text(explained));
  return kDone;
}

}  // namespace uvhttpd
