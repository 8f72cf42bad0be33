// SPDX-License-Identifier: MIT
// handlers/coded_source.h: a file too large to keep, compressed piece by piece while it is sent.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "handlers/file_source.h"
#include "http/content_coder.h"
#include "io/background.h"
#include "server/exchange.h"

namespace uvhttpd {

// Reads and codes off the loop, a piece only when the one before has gone: what a slow client does
// not take is not made. Broken off when the file is written to. Lives in the exchange.
class CodedSource final : public BodySource {
 public:
  CodedSource(Exchange& exchange, std::shared_ptr<const StableFile> file,
              http::ContentEncoder encoder);

  PullResult pull(SendQueue& out, std::size_t budget) override;

 private:
  // What the other thread works on, alone while it runs.
  struct Work {
    std::shared_ptr<const StableFile> file;
    http::ContentEncoder encoder;
    std::uint64_t offset = 0;
    std::string piece = {};   // of the file
    std::string output = {};  // that has not been sent
    bool is_over = false;
    std::optional<Error> error = {};

    void run();
    Result<void> code_piece();
  };
  static constexpr std::uint64_t kPieceBytes = 128 << 10;  // of the file, at a time

  Exchange& exchange_;
  std::shared_ptr<Work> work_;
  BackgroundTask task_;
};

}  // namespace uvhttpd
