// SPDX-License-Identifier: MIT
// http/content_coder.h: content in the codings gzip, br and zstd, RFC 9110 section 8.4.1.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/negotiate.h"

namespace uvhttpd::http {

// Encodes one content, piece by piece. Knows nothing but what it is given, so any thread may use
// one of its own. The same input in the same pieces, with the same hint and effort, gives the same
// octets as long as encoder_fingerprint is the same.
class ContentEncoder {
 public:
  enum class Effort {
    keep,    // the result is kept and sent often: smaller
    stream,  // made anew for each answer: quicker, and with less memory
  };

  // Whether this coding was built in. Never for identity.
  static bool is_available(Coding coding);

  // `size_hint`: about how long the content is, if that is known; a wrong one costs memory or makes
  // the result larger, nothing else. Fails for what is not available, and without memory.
  static Result<ContentEncoder> create(Coding coding, Effort effort,
                                       std::optional<std::uint64_t> size_hint);
  ContentEncoder(ContentEncoder&&) noexcept;
  ContentEncoder& operator=(ContentEncoder&&) noexcept;
  ~ContentEncoder();

  // Appends to `output` what is ready, often nothing; with Effort::stream never much more than the
  // input itself and kMaxHeldBytes. After an error only destruction is left.
  Result<void> write(std::string_view input, std::string& output);
  // Appends the rest. Nothing may be written afterwards.
  Result<void> finish(std::string& output);

  // What an encoder of Effort::stream may hold back of its input before it gives anything out.
  static constexpr std::size_t kMaxHeldBytes = std::size_t{512} << 10;

 private:
  struct Stream;
  explicit ContentEncoder(std::unique_ptr<Stream> stream);
  std::unique_ptr<Stream> stream_;
};

// The whole content at once, with Effort::keep.
Result<std::string> encode_whole(Coding coding, std::string_view input);

// Another number when the same input may give other octets: it stands for the library's version and
// for how we use it. 0 for what is not available.
std::uint64_t encoder_fingerprint(Coding coding);

}  // namespace uvhttpd::http
