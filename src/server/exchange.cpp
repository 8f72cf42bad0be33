// SPDX-License-Identifier: MIT
#include "server/exchange.h"

#include <fmt/format.h>

#include "server/connection.h"
#include "server/memory_source.h"
#include "server/pipeline.h"
#include "server/site.h"
#include "server/worker_context.h"

namespace uvhttpd {

EventLoop& Exchange::loop() { return connection_->context().loop; }
Log& Exchange::log() { return connection_->context().log; }

std::string_view Exchange::id() {
  if (!id_.empty()) return id_;
  char text[40];
  const auto end = fmt::format_to_n(text, sizeof text, "{:012x}-{:x}",
                                    connection_->context().exchange_series, number_);
  id_ = arena_.copy({text, end.size});
  return id_;
}

void Exchange::receive_body(BodySink& sink) {
  ASSERT(sink_ == nullptr);
  // The body that still comes is that of the request before the redirect.
  if (internal_redirects_ > 0) return sink.finish();
  sink_ = &sink;
  connection_->want_body();
}

std::uint64_t Exchange::body_bytes_received() const {
  return internal_redirects_ == 0 ? connection_->parser().body_taken() : 0;
}

std::string_view Exchange::request_trailers() const {
  const bool has_them = connection_->has_whole_request() && internal_redirects_ == 0;
  return has_them ? connection_->parser().trailers() : std::string_view{};
}

bool Exchange::has_responded() const { return connection_->has_responded(); }

void Exchange::respond(const ResponseHead& head, BodySource* source) {
  // The connection may have answered in the handler's place: a body too large or too slow.
  if (has_responded()) return;
  response_ = head;
  source_ = source;
  connection_->on_response();
}

void Exchange::fail(http::Status status, std::string_view reason,
                    std::span<const http::ResponseField> extra) {
  if (has_responded()) return;
  if (!reason.empty()) {
    const LogLevel level = status >= 500 ? LogLevel::error : LogLevel::warn;
    log().write(level, id(), "{}: {} ({})", subject(), reason, status);
  }
  const bool has_pages = site_ != nullptr && site_->error_pages;
  const ErrorPage plain = has_pages ? ErrorPage{} : plain_error_page(status);
  const ErrorPage& page = has_pages ? site_->error_pages->page(status, loop().now()) : plain;
  ResponseHead head(arena_, status);
  head.add("Content-Type", arena_.copy(page.type));
  for (const http::ResponseField& field : extra) head.add(field.name, arena_.copy(field.value));
  head.content_length = page.body->size();
  respond(head, &arena_.make<MemorySource>(*page.body, page.body));
}

std::string Exchange::subject() const {
  return escape_for_log(request_.head.method_text) + " " + escape_for_log(request_.head.target);
}

void Exchange::explain_failure(http::Status status, std::string_view explanation) {
  const ErrorPage page = plain_error_page(status, explanation);
  ResponseHead head(arena_, status);
  head.add("Content-Type", arena_.copy(page.type));
  head.content_length = page.body->size();
  respond(head, &arena_.make<MemorySource>(*page.body, page.body));
}

bool Exchange::redirect_internally(std::string_view target) {
  if (internal_redirects_ + passes_ >= kMaxInternalRedirects || has_responded()) return false;
  return Pipeline::redirect(*this, target);
}

bool Exchange::pass_on(std::string_view path) {
  ASSERT(path.starts_with('/') && sink_ == nullptr);
  if (internal_redirects_ + passes_ >= kMaxInternalRedirects || has_responded()) return false;
  Pipeline::pass_on(*this, path);
  return true;
}

void Exchange::inform(const ResponseHead& head) {
  ASSERT(head.status >= 100 && head.status < 200 && head.status != 101);
  if (head.status == 100 || has_responded() || request_.head.minor_version == 0) return;
  connection_->inform(head);
}

bool Exchange::can_upgrade() const {
  return request_.head.minor_version > 0 && connection_->has_whole_request();
}

void Exchange::upgrade(const ResponseHead& head, BodySource& source, BodySink& sink) {
  ASSERT(head.status == 101);
  if (has_responded()) return;
  if (!can_upgrade()) return fail(502, "an upgrade of a request that allows none");
  response_ = head;
  response_->content_length.reset();
  source_ = &source;
  sink_ = &sink;
  is_upgraded_ = true;
  connection_->on_upgrade();
}

void Exchange::wake() { connection_->wake(); }

void Exchange::reset() {
  arena_.clear();
  if (runtime_) connection_->context().retire(std::move(runtime_));
  connection_ = nullptr;
  request_ = {};
  route_ = nullptr;
  site_ = nullptr;
  counted_by_ = nullptr;
  number_ = 0;
  id_ = {};
  response_.reset();
  answered_path_ = {};
  source_ = nullptr;
  sink_ = nullptr;
  is_upgraded_ = false;
  checkpoint_ = Checkpoint::target;
  internal_redirects_ = 0;
  passes_ = 0;
}

}  // namespace uvhttpd
