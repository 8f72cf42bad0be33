// SPDX-License-Identifier: MIT
// unit/handlers/fcgi_reading.h: what an FcgiDecoder tells of octets that come in pieces, as text.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "handlers/wire/fcgi_record.h"

namespace uvhttpd::wire::test {

// Reads the answer to one request. Text: "output(hello)", "errors(oh)", "end(0 OK)" with the exit
// status and the protocol's, "fault(reason)", "more" when the request is not over, and what is left
// in the buffer. Neighbouring pieces of one stream are joined.
class FcgiReading {
 public:
  struct Options {
    std::size_t buffer_bytes = FcgiDecoder::kMinBufferBytes;
    std::size_t octets_at_once = SIZE_MAX;  // of a stream, before it asks again
    bool passes_buffer = false;             // with output, as far as it is announced
  };
  explicit FcgiReading(const Options& options) : buffer_(options.buffer_bytes), options_(options) {}

  void feed(std::string_view piece) {
    while (!piece.empty() && !is_over_) {
      if (options_.passes_buffer && buffer_.empty() && decoder_.announced() != 0) {
        pass_buffer(piece);
        continue;
      }
      const std::span<char> room = buffer_.room();
      ASSERT(!room.empty());  // a decoder that wants more of a full buffer would wait for ever
      const std::size_t part = std::min(room.size(), piece.size());
      std::memcpy(room.data(), piece.data(), part);
      buffer_.commit(part);
      piece.remove_prefix(part);
      while (read_event()) continue;
    }
    rest_.append(piece);
  }

  std::string finish() && {
    enter({});
    if (!is_over_) text_ += " more";
    // How much has been taken in when a record is refused depends on the pieces.
    if (has_ended_) text_.append(" rest(").append(buffer_.unread()).append(rest_).append(")");
    return text_.substr(std::min<std::size_t>(1, text_.size()));
  }

 private:
  bool read_event() {
    switch (decoder_.next(buffer_)) {
      case FcgiDecoder::Event::need_more: return false;
      case FcgiDecoder::Event::output: take("output"); return true;
      case FcgiDecoder::Event::errors: take("errors"); return true;
      case FcgiDecoder::Event::end:
        enter({});
        text_.append(" end(").append(std::to_string(decoder_.app_status())).append(" ");
        text_.append(name_of(decoder_.protocol_status())).append(")");
        has_ended_ = is_over_ = true;
        return false;
      case FcgiDecoder::Event::fault:
        enter({});
        text_.append(" fault(").append(decoder_.fault()).append(")");
        is_over_ = true;
        return false;
    }
    return false;
  }

  void take(std::string_view stream) {
    ASSERT(!decoder_.data().empty());
    ASSERT(stream != "output" || decoder_.data().size() <= decoder_.announced());
    enter(stream);
    const std::string_view part = decoder_.data().substr(0, options_.octets_at_once);
    text_.append(part);
    decoder_.take(buffer_, part.size());
  }

  void pass_buffer(std::string_view& piece) {
    const std::size_t part = std::min(decoder_.announced(), piece.size());
    enter("output");
    text_.append(piece.substr(0, part));
    piece.remove_prefix(part);
    decoder_.skip(part);
  }

  void enter(std::string_view stream) {
    if (stream == stream_) return;
    if (!stream_.empty()) text_ += ")";
    if (!stream.empty()) text_.append(" ").append(stream).append("(");
    stream_ = stream;
  }

  RecvBuffer buffer_;
  Options options_;
  FcgiDecoder decoder_;
  std::string text_;
  std::string rest_;
  std::string_view stream_;
  bool has_ended_ = false;
  bool is_over_ = false;
};

}  // namespace uvhttpd::wire::test
