// SPDX-License-Identifier: MIT
// http/content_coder.cpp: the libraries of the codings behind one interface.
#include "http/content_coder.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <utility>
#include <variant>

#if UVHTTPD_GZIP
#include <zlib.h>
#endif
#if UVHTTPD_BROTLI
#include <brotli/encode.h>
#endif
#if UVHTTPD_ZSTD
#include <zstd.h>
#endif

#include "base/assert.h"

namespace uvhttpd::http {
namespace {

using Effort = ContentEncoder::Effort;

[[maybe_unused]] constexpr std::size_t kStepBytes = std::size_t{16} << 10;  // of output, at once
constexpr std::size_t kMaxPieceBytes = std::size_t{1} << 20;                // of input, at once

// `window_log`: how far back an encoder looks, as a power of two. A decoder needs that much memory.
struct Settings {
  int level;
  int window_log;
};
struct Tuning {
  Settings keep;
  Settings stream;

  const Settings& of(Effort effort) const { return effort == Effort::keep ? keep : stream; }
};
constexpr Tuning kGzip{{6, 15}, {4, 15}};
// The encoder holds back up to two windows of its input.
constexpr Tuning kBrotli{{5, 22}, {4, 18}};
static_assert(std::size_t{2} << kBrotli.stream.window_log == ContentEncoder::kMaxHeldBytes);
constexpr Tuning kZstd{{6, 21}, {3, 18}};
static_assert(kZstd.keep.window_log <= 23, "RFC 9659 section 3: a client may refuse more");

// What takes the place of a coding that is not built in.
template <Coding coding>
struct NotBuiltIn {
  static constexpr bool kIsBuiltIn = false;
  static std::string_view version() { return {}; }
  Result<void> start(const Settings&, std::optional<std::uint64_t>) {
    return Unexpected(Error{std::string(coding_name(coding)) + " is not built in"});
  }
  Result<void> run(std::string_view, bool, std::string&) { return start({}, {}); }
};

[[maybe_unused]] Unexpected<Error> failure(std::string_view library, std::string_view why) {
  return Unexpected(Error{std::string(library).append(": ").append(why)});
}

// No larger a window than the content needs.
[[maybe_unused]] int fitting_window(const Settings& settings, int least,
                                    std::optional<std::uint64_t> size) {
  if (!size) return settings.window_log;
  return std::clamp(static_cast<int>(std::bit_width(*size)), least, settings.window_log);
}

#if UVHTTPD_GZIP
class GzipStream {
 public:
  static constexpr bool kIsBuiltIn = true;
  static std::string_view version() { return zlibVersion(); }

  GzipStream() = default;
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;
  ~GzipStream() {
    if (started_) deflateEnd(&stream_);
  }

  Result<void> start(const Settings& settings, std::optional<std::uint64_t>) {
    constexpr int kGzipFormat = 16;  // zlib: added to the window; the head then names no time
    constexpr int kDefaultMemory = 8;
    if (deflateInit2(&stream_, settings.level, Z_DEFLATED, settings.window_log + kGzipFormat,
                     kDefaultMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
      return failure("zlib", "no memory");
    }
    started_ = true;
    return {};
  }

  Result<void> run(std::string_view input, bool is_last, std::string& output) {
    char step[kStepBytes];
    // zlib does not write there; older releases only do not say so.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream_.avail_in = static_cast<uInt>(input.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(step);
      stream_.avail_out = kStepBytes;
      if (deflate(&stream_, is_last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR) {
        return failure("zlib", "inconsistent state");
      }
      output.append(step, kStepBytes - stream_.avail_out);
    } while (stream_.avail_out == 0);
    return {};
  }

 private:
  z_stream stream_{};
  bool started_ = false;
};
#else
using GzipStream = NotBuiltIn<Coding::gzip>;
#endif

#if UVHTTPD_BROTLI
class BrotliStream {
 public:
  static constexpr bool kIsBuiltIn = true;
  static std::string version() { return std::to_string(BrotliEncoderVersion()); }

  Result<void> start(const Settings& settings, std::optional<std::uint64_t> size) {
    state_.reset(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr));
    if (!state_) return failure("brotli", "no memory");
    const int window = fitting_window(settings, BROTLI_MIN_WINDOW_BITS, size);
    // It sizes the encoder's tables, which need not be larger for more than a window.
    const std::uint64_t hint = std::min(size.value_or(0), std::uint64_t{1} << window);
    const bool is_set = set(BROTLI_PARAM_QUALITY, static_cast<std::uint32_t>(settings.level)) &&
                        set(BROTLI_PARAM_LGWIN, static_cast<std::uint32_t>(window)) &&
                        set(BROTLI_PARAM_SIZE_HINT, static_cast<std::uint32_t>(hint));
    ASSERT(is_set);
    return {};
  }

  Result<void> run(std::string_view input, bool is_last, std::string& output) {
    const auto operation = is_last ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_PROCESS;
    const auto* next = reinterpret_cast<const std::uint8_t*>(input.data());
    std::size_t left = input.size();
    do {
      std::size_t room = 0;  // the output is taken from the encoder's own memory
      if (!BrotliEncoderCompressStream(state_.get(), operation, &left, &next, &room, nullptr,
                                       nullptr)) {
        return failure("brotli", "no memory");
      }
      std::size_t ready = 0;
      const std::uint8_t* from = BrotliEncoderTakeOutput(state_.get(), &ready);
      if (ready > 0) output.append(reinterpret_cast<const char*>(from), ready);
    } while (left > 0 || BrotliEncoderHasMoreOutput(state_.get()) ||
             (is_last && !BrotliEncoderIsFinished(state_.get())));
    return {};
  }

 private:
  struct Destroy {
    void operator()(BrotliEncoderState* state) const { BrotliEncoderDestroyInstance(state); }
  };
  bool set(BrotliEncoderParameter parameter, std::uint32_t value) {
    return BrotliEncoderSetParameter(state_.get(), parameter, value) == BROTLI_TRUE;
  }
  std::unique_ptr<BrotliEncoderState, Destroy> state_;
};
#else
using BrotliStream = NotBuiltIn<Coding::brotli>;
#endif

#if UVHTTPD_ZSTD
class ZstdStream {
 public:
  static constexpr bool kIsBuiltIn = true;
  static std::string_view version() { return ZSTD_versionString(); }

  Result<void> start(const Settings& settings, std::optional<std::uint64_t> size) {
    constexpr int kLeastWindow = 10;
    context_.reset(ZSTD_createCCtx());
    if (!context_) return failure("zstd", "no memory");
    const bool is_set = set(ZSTD_c_compressionLevel, settings.level) &&
                        set(ZSTD_c_windowLog, fitting_window(settings, kLeastWindow, size));
    ASSERT(is_set);
    return {};
  }

  Result<void> run(std::string_view input, bool is_last, std::string& output) {
    char step[kStepBytes];
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{step, kStepBytes, 0};
      const std::size_t left =
          ZSTD_compressStream2(context_.get(), &out, &in, is_last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left)) return failure("zstd", ZSTD_getErrorName(left));
      output.append(step, out.pos);
      if (is_last ? left == 0 : in.pos == in.size && out.pos < out.size) return {};
    }
  }

 private:
  struct Destroy {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  bool set(ZSTD_cParameter parameter, int value) {
    return !ZSTD_isError(ZSTD_CCtx_setParameter(context_.get(), parameter, value));
  }
  std::unique_ptr<ZSTD_CCtx, Destroy> context_;
};
#else
using ZstdStream = NotBuiltIn<Coding::zstd>;
#endif

// FNV-1a over the octets of a text and of numbers.
class Fingerprint {
 public:
  void add(std::string_view text) {
    for (const char c : text) add_octet(static_cast<unsigned char>(c));
    add_octet(0);
  }
  void add(const Settings& settings) {
    add_octet(static_cast<std::uint64_t>(settings.level));
    add_octet(static_cast<std::uint64_t>(settings.window_log));
  }
  std::uint64_t value() const { return value_; }

 private:
  void add_octet(std::uint64_t octet) { value_ = (value_ ^ octet) * 0x100000001b3; }
  std::uint64_t value_ = 0xcbf29ce484222325;
};

template <class Coder>
std::uint64_t fingerprint_of(const Tuning& tuning) {
  if (!Coder::kIsBuiltIn) return 0;
  Fingerprint fingerprint;
  fingerprint.add(Coder::version());
  fingerprint.add(tuning.keep);
  fingerprint.add(tuning.stream);
  return fingerprint.value();
}

}  // namespace

struct ContentEncoder::Stream {
  std::variant<GzipStream, BrotliStream, ZstdStream> coder;
  bool is_finished = false;

  Result<void> start(Coding coding, Effort effort, std::optional<std::uint64_t> size) {
    switch (coding) {
      case Coding::gzip: return coder.emplace<GzipStream>().start(kGzip.of(effort), size);
      case Coding::brotli: return coder.emplace<BrotliStream>().start(kBrotli.of(effort), size);
      case Coding::zstd: return coder.emplace<ZstdStream>().start(kZstd.of(effort), size);
      case Coding::identity: break;
    }
    return Unexpected(Error{"identity has no encoder"});
  }

  Result<void> run(std::string_view input, bool is_last, std::string& output) {
    return std::visit([&](auto& chosen) { return chosen.run(input, is_last, output); }, coder);
  }
};

ContentEncoder::ContentEncoder(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}
ContentEncoder::ContentEncoder(ContentEncoder&&) noexcept = default;
ContentEncoder& ContentEncoder::operator=(ContentEncoder&&) noexcept = default;
ContentEncoder::~ContentEncoder() = default;

bool ContentEncoder::is_available(Coding coding) {
  switch (coding) {
    case Coding::identity: return false;
    case Coding::gzip: return GzipStream::kIsBuiltIn;
    case Coding::brotli: return BrotliStream::kIsBuiltIn;
    case Coding::zstd: return ZstdStream::kIsBuiltIn;
  }
  return false;
}

Result<ContentEncoder> ContentEncoder::create(Coding coding, Effort effort,
                                              std::optional<std::uint64_t> size_hint) {
  auto stream = std::make_unique<Stream>();
  TRY(stream->start(coding, effort, size_hint));
  return ContentEncoder(std::move(stream));
}

Result<void> ContentEncoder::write(std::string_view input, std::string& output) {
  ASSERT(stream_ && !stream_->is_finished);
  while (!input.empty()) {
    const std::string_view piece = input.substr(0, kMaxPieceBytes);
    TRY(stream_->run(piece, false, output));
    input.remove_prefix(piece.size());
  }
  return {};
}

Result<void> ContentEncoder::finish(std::string& output) {
  ASSERT(stream_ && !stream_->is_finished);
  stream_->is_finished = true;
  return stream_->run({}, true, output);
}

Result<std::string> encode_whole(Coding coding, std::string_view input) {
  TRY_ASSIGN(ContentEncoder encoder, ContentEncoder::create(coding, Effort::keep, input.size()));
  std::string output;
  TRY(encoder.write(input, output));
  TRY(encoder.finish(output));
  return output;
}

std::uint64_t encoder_fingerprint(Coding coding) {
  switch (coding) {
    case Coding::identity: return 0;
    case Coding::gzip: return fingerprint_of<GzipStream>(kGzip);
    case Coding::brotli: return fingerprint_of<BrotliStream>(kBrotli);
    case Coding::zstd: return fingerprint_of<ZstdStream>(kZstd);
  }
  return 0;
}

}  // namespace uvhttpd::http
