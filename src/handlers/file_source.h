// SPDX-License-Identifier: MIT
// handlers/file_source.h: response bodies from open files, whole or in ranges, and ranges of what
// is in memory.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/file.h"
#include "server/exchange.h"
#include "server/handler.h"
#include "server/memory_source.h"

namespace uvhttpd {

// An open file that must stay as it was. Shared between threads.
class StableFile {
 public:
  StableFile(UniqueFd fd, const FileInfo& info) : fd_(std::move(fd)), info_(info) {}

  const UniqueFd& fd() const { return fd_; }
  const FileInfo& info() const { return info_; }
  // Whether nobody has written to it since `info`. A replaced file is unchanged, as we see it.
  bool is_unchanged() const;
  // Octets of it; fewer than asked is an error, since it had them.
  Result<void> read(std::uint64_t offset, std::span<char> into) const;

 private:
  UniqueFd fd_;
  FileInfo info_;
};

// A range of a file, sent by the kernel from its descriptor. The last octets are held back until
// all others have gone, and are sent only if the file is still what the head said: a body that
// could mix two contents is never complete. Lives in the exchange.
class FileSource final : public BodySource {
 public:
  FileSource(Exchange& exchange, std::shared_ptr<const StableFile> file, std::uint64_t offset,
             std::uint64_t length)
      : exchange_(exchange), file_(std::move(file)), offset_(offset), left_(length) {}

  PullResult pull(SendQueue& out, std::size_t budget) override;

 private:
  PullResult send_last(SendQueue& out);

  Exchange& exchange_;
  std::shared_ptr<const StableFile> file_;
  std::uint64_t offset_;
  std::uint64_t left_;
};

// Pieces that a body consists of, one after the other: each a text and the range that follows it.
struct BodyPiece {
  std::string_view text;  // lives as long as the exchange
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// A multipart body of ranges of a file or of a content in memory. With a file, the last text is
// what is held back. Lives in the exchange.
class PiecesSource final : public BodySource {
 public:
  PiecesSource(Exchange& exchange, std::span<const BodyPiece> pieces,
               std::shared_ptr<const StableFile> file)
      : exchange_(exchange), pieces_(pieces), file_(std::move(file)) {}
  PiecesSource(Exchange& exchange, std::span<const BodyPiece> pieces,
               std::shared_ptr<const std::string> content)
      : exchange_(exchange), pieces_(pieces), content_(std::move(content)) {}

  PullResult pull(SendQueue& out, std::size_t budget) override;

 private:
  void begin_piece(SendQueue& out);

  Exchange& exchange_;
  std::span<const BodyPiece> pieces_;  // that are left
  std::shared_ptr<const StableFile> file_;
  std::shared_ptr<const std::string> content_;
  std::uint64_t sent_ = 0;  // of the range of the piece in front
  bool has_begun_ = false;  // its text is out
};

}  // namespace uvhttpd
