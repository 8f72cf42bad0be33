// SPDX-License-Identifier: MIT
// server/response.h: the head of a response as handlers build it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "base/text.h"
#include "http/response_encoder.h"
#include "http/status.h"

namespace uvhttpd {

// Date, Server, Connection, Content-Length and Transfer-Encoding are not fields here: the
// connection writes them, since it knows the framing.
class ResponseHead {
 public:
  explicit ResponseHead(Arena& arena, http::Status code = 200) : status(code), arena_(&arena) {}

  http::Status status;
  std::string_view reason{};                    // empty: the registered phrase
  std::optional<std::uint64_t> content_length;  // absent with a body: chunked, or until close
  bool is_last = false;                         // the connection ends with it
  std::string_view date{};                      // of an answer made elsewhere; empty: now
  // Field lines ready to be sent, each with its CRLF. Their names must be none of those in
  // `fields`, but for Vary, which is a list.
  std::string_view prepared{};

  // Views must live as long as the exchange or the runtime.
  void add(std::string_view name, std::string_view value) {
    if (count_ == fields_.size()) grow();
    fields_[count_++] = {name, value};
  }
  // Replaces all fields of that name.
  void set(std::string_view name, std::string_view value) {
    remove(name);
    add(name, value);
  }
  void remove(std::string_view name) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      if (!equals_ignoring_case(fields_[i].name, name)) fields_[kept++] = fields_[i];
    }
    count_ = kept;
  }
  bool has(std::string_view name) const {
    for (const http::ResponseField& field : fields()) {
      if (equals_ignoring_case(field.name, name)) return true;
    }
    return false;
  }
  std::span<const http::ResponseField> fields() const { return fields_.first(count_); }

 private:
  void grow() {
    const std::span<http::ResponseField> more =
        arena_->make_array<http::ResponseField>(count_ == 0 ? 16 : count_ * 2);
    for (std::size_t i = 0; i < count_; ++i) more[i] = fields_[i];
    fields_ = more;
  }

  Arena* arena_;
  std::span<http::ResponseField> fields_;
  std::size_t count_ = 0;
};

}  // namespace uvhttpd
