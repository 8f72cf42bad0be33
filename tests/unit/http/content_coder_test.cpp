// SPDX-License-Identifier: MIT
// unit/http/content_coder_test.cpp: content codings, read again by the libraries' own decoders.
#include "http/content_coder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#if UVHTTPD_GZIP
#include <zlib.h>
#endif
#if UVHTTPD_BROTLI
#include <brotli/decode.h>
#endif
#if UVHTTPD_ZSTD
#include <zstd.h>
#endif

namespace uvhttpd::http {
namespace {

using Effort = ContentEncoder::Effort;
constexpr Effort kEfforts[] = {Effort::keep, Effort::stream};
constexpr Coding kAllCodings[] = {Coding::identity, Coding::gzip, Coding::brotli, Coding::zstd};
constexpr std::size_t kMiB = std::size_t{1} << 20;

// Each decoder wants exactly one complete stream and nothing behind it; nullopt otherwise.
using Decoded = std::optional<std::string>;
using Decoder = Decoded (*)(std::string_view encoded);

#if UVHTTPD_GZIP
Decoded decode_gzip(std::string_view encoded) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return std::nullopt;
  std::string input(encoded);
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  std::string decoded;
  std::vector<char> step(kMiB);
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(step.data());
    stream.avail_out = static_cast<uInt>(step.size());
    status = inflate(&stream, Z_NO_FLUSH);
    decoded.append(step.data(), step.size() - stream.avail_out);
  }
  const bool is_complete = status == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  return is_complete ? Decoded(std::move(decoded)) : std::nullopt;
}
#endif

#if UVHTTPD_BROTLI
Decoded decode_brotli(std::string_view encoded) {
  const std::unique_ptr<BrotliDecoderState, void (*)(BrotliDecoderState*)> state(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), BrotliDecoderDestroyInstance);
  std::size_t left = encoded.size();
  const auto* next = reinterpret_cast<const std::uint8_t*>(encoded.data());
  std::string decoded;
  BrotliDecoderResult status = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
  while (status == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
    std::size_t room = 0;
    status = BrotliDecoderDecompressStream(state.get(), &left, &next, &room, nullptr, nullptr);
    std::size_t ready = 0;
    const std::uint8_t* from = BrotliDecoderTakeOutput(state.get(), &ready);
    if (ready > 0) decoded.append(reinterpret_cast<const char*>(from), ready);
  }
  const bool is_complete = status == BROTLI_DECODER_RESULT_SUCCESS && left == 0;
  return is_complete ? Decoded(std::move(decoded)) : std::nullopt;
}
#endif

#if UVHTTPD_ZSTD
// A browser's decoder: it takes no window above 8 MiB (RFC 9659).
Decoded decode_zstd(std::string_view encoded) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                        ZSTD_freeDCtx);
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, 23);
  ZSTD_inBuffer in{encoded.data(), encoded.size(), 0};
  std::string decoded;
  std::vector<char> step(kMiB);
  for (;;) {
    ZSTD_outBuffer out{step.data(), step.size(), 0};
    const std::size_t before = in.pos;
    const std::size_t left = ZSTD_decompressStream(context.get(), &out, &in);
    decoded.append(step.data(), out.pos);
    if (ZSTD_isError(left)) return std::nullopt;
    if (left == 0) return in.pos == in.size ? Decoded(std::move(decoded)) : std::nullopt;
    if (in.pos == before && out.pos == 0) return std::nullopt;
  }
}
#endif

struct BuiltIn {
  Coding coding;
  Decoder decode;
};
const std::vector<BuiltIn> kBuiltIn = {
#if UVHTTPD_GZIP
    {Coding::gzip, decode_gzip},
#endif
#if UVHTTPD_BROTLI
    {Coding::brotli, decode_brotli},
#endif
#if UVHTTPD_ZSTD
    {Coding::zstd, decode_zstd},
#endif
};

// Words of a small language, the same ones in each run.
std::string text_of(std::size_t bytes) {
  constexpr std::string_view kWords[] = {"the ",  "octet ", "<p>",     "range ", "of ",
                                         "field", "\n",     "content", ", ",     "coding "};
  std::mt19937 random{42};
  std::string text;
  while (text.size() < bytes) text += kWords[random() % std::size(kWords)];
  text.resize(bytes);
  return text;
}

std::string noise_of(std::size_t bytes) {
  std::mt19937 random{7};
  std::string noise(bytes, '\0');
  for (char& c : noise) c = static_cast<char>(random() & 0xff);
  return noise;
}

struct How {
  Coding coding;
  Effort effort = Effort::keep;
  std::optional<std::uint64_t> size_hint{};
};

std::string encode(const How& how, const std::vector<std::string_view>& pieces) {
  Result<ContentEncoder> encoder = ContentEncoder::create(how.coding, how.effort, how.size_hint);
  REQUIRE(encoder);
  std::string output;
  for (const std::string_view piece : pieces) REQUIRE(encoder->write(piece, output));
  REQUIRE(encoder->finish(output));
  return output;
}

}  // namespace

TEST_CASE("A coding is available if it was built in, identity never") {
  for (const Coding coding : kAllCodings) {
    CAPTURE(coding_name(coding));
    const bool is_built_in =
        std::any_of(kBuiltIn.begin(), kBuiltIn.end(),
                    [coding](const BuiltIn& built_in) { return built_in.coding == coding; });
    CHECK(ContentEncoder::is_available(coding) == is_built_in);
    CHECK(ContentEncoder::create(coding, Effort::keep, {}).has_value() == is_built_in);
    CHECK(ContentEncoder::create(coding, Effort::stream, 10).has_value() == is_built_in);
    CHECK(encode_whole(coding, "text").has_value() == is_built_in);
    CHECK((encoder_fingerprint(coding) != 0) == is_built_in);
  }
}

TEST_CASE("What is encoded is decoded to the same content") {
  struct Row {
    std::string_view name;
    std::string content;
  };
  const Row rows[] = {
      {"empty", ""},
      {"one octet", "x"},
      {"a zero octet", std::string(1, '\0')},
      {"short", "Hello, world\n"},
      {"text", text_of(100'000)},
      {"one octet a million times", std::string(1'000'000, 'a')},
      {"incompressible", noise_of(300'000)},
      {"longer than any window", text_of(5 * kMiB)},
  };
  for (const BuiltIn& built_in : kBuiltIn) {
    for (const Row& row : rows) {
      CAPTURE(coding_name(built_in.coding));
      CAPTURE(row.name);
      const Result<std::string> whole = encode_whole(built_in.coding, row.content);
      REQUIRE(whole);
      CHECK(built_in.decode(*whole) == row.content);
      CHECK(built_in.decode(encode({built_in.coding, Effort::stream}, {row.content})) ==
            row.content);
    }
  }
}

TEST_CASE("Content is the same wherever it is cut") {
  const std::string content = text_of(400);
  const std::string_view view = content;
  for (const BuiltIn& built_in : kBuiltIn) {
    for (const Effort effort : kEfforts) {
      for (std::size_t cut = 0; cut <= content.size(); ++cut) {
        CAPTURE(coding_name(built_in.coding));
        CAPTURE(cut);
        const How how{built_in.coding, effort, content.size()};
        CHECK(built_in.decode(encode(how, {view.substr(0, cut), view.substr(cut)})) == content);
      }
    }
  }
}

TEST_CASE("Content may come octet by octet") {
  const std::string content = text_of(50'000);
  std::vector<std::string_view> octets;
  for (std::size_t i = 0; i < content.size(); ++i) octets.push_back({&content[i], 1});
  for (const BuiltIn& built_in : kBuiltIn) {
    CAPTURE(coding_name(built_in.coding));
    CHECK(built_in.decode(encode({built_in.coding, Effort::stream}, octets)) == content);
  }
}

TEST_CASE("A wrong size hint does no harm") {
  const std::string content = text_of(50'000);
  for (const BuiltIn& built_in : kBuiltIn) {
    for (const Effort effort : kEfforts) {
      for (const std::uint64_t hint : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{49'999},
                                       std::uint64_t{50'001}, UINT64_MAX}) {
        CAPTURE(coding_name(built_in.coding));
        CAPTURE(hint);
        CHECK(built_in.decode(encode({built_in.coding, effort, hint}, {content})) == content);
      }
    }
  }
}

TEST_CASE("Text becomes much shorter, and noise hardly longer") {
  const std::string text = text_of(200'000);
  const std::string noise = noise_of(200'000);
  for (const BuiltIn& built_in : kBuiltIn) {
    for (const Effort effort : kEfforts) {
      CAPTURE(coding_name(built_in.coding));
      CHECK(encode({built_in.coding, effort}, {text}).size() < text.size() / 3);
      CHECK(encode({built_in.coding, effort}, {noise}).size() < noise.size() + 200);
    }
  }
}

TEST_CASE("A long stream comes out in bounded pieces") {
  constexpr std::size_t kPiece = std::size_t{64} << 10;
  constexpr std::size_t kPieces = 20 * kMiB / kPiece;
  // A part that repeats, and a part that does not: noise makes the largest pieces.
  const std::string source = text_of(3 * kMiB) + noise_of(2 * kMiB);
  for (const BuiltIn& built_in : kBuiltIn) {
    CAPTURE(coding_name(built_in.coding));
    Result<ContentEncoder> encoder =
        ContentEncoder::create(built_in.coding, Effort::stream, kPieces * kPiece);
    REQUIRE(encoder);
    std::string content;
    std::string encoded;
    std::size_t largest = 0;
    for (std::size_t i = 0; i < kPieces; ++i) {
      const std::string_view piece =
          std::string_view(source).substr(i * kPiece % source.size(), kPiece);
      content += piece;
      std::string output;
      REQUIRE(encoder->write(piece, output));
      largest = std::max(largest, output.size());
      encoded += output;
    }
    std::string rest;
    REQUIRE(encoder->finish(rest));
    CHECK(std::max(largest, rest.size()) < kPiece + ContentEncoder::kMaxHeldBytes + 1024);
    const bool is_same = built_in.decode(encoded + rest) == content;
    CHECK(is_same);
  }
}

TEST_CASE("The same content gives the same octets") {
  const std::string content = text_of(300'000) + noise_of(1000);
  for (const BuiltIn& built_in : kBuiltIn) {
    CAPTURE(coding_name(built_in.coding));
    const Result<std::string> first = encode_whole(built_in.coding, content);
    const Result<std::string> second = encode_whole(built_in.coding, content);
    REQUIRE(first);
    REQUIRE(second);
    const bool are_same = *first == *second;
    CHECK(are_same);
  }
}

TEST_CASE("gzip tells neither a time nor a name") {
  if (!ContentEncoder::is_available(Coding::gzip)) return;
  for (const Effort effort : kEfforts) {
    const std::string encoded = encode({Coding::gzip, effort}, {"text"});
    // RFC 1952 section 2.3: magic, deflate, no flags, no time; extra flags; Unix.
    CHECK(encoded.substr(0, 8) == std::string("\x1f\x8b\x08\0\0\0\0\0", 8));
    CHECK(encoded[9] == 3);
  }
}

TEST_CASE("An encoder may be moved in the middle of its work") {
  const std::string content = text_of(200'000);
  for (const BuiltIn& built_in : kBuiltIn) {
    CAPTURE(coding_name(built_in.coding));
    Result<ContentEncoder> created = ContentEncoder::create(built_in.coding, Effort::stream, {});
    REQUIRE(created);
    std::string output;
    REQUIRE(created->write(std::string_view(content).substr(0, 150'000), output));
    ContentEncoder moved = std::move(*created);
    REQUIRE(moved.write(std::string_view(content).substr(150'000), output));
    REQUIRE(moved.finish(output));
    CHECK(built_in.decode(output) == content);
  }
}

TEST_CASE("Fingerprints tell the codings apart and stay the same") {
  for (const BuiltIn& one : kBuiltIn) {
    CHECK(encoder_fingerprint(one.coding) == encoder_fingerprint(one.coding));
    for (const BuiltIn& other : kBuiltIn) {
      const bool are_equal = encoder_fingerprint(one.coding) == encoder_fingerprint(other.coding);
      CHECK(are_equal == (one.coding == other.coding));
    }
  }
}

}  // namespace uvhttpd::http
