// SPDX-License-Identifier: MIT
// handlers/spool.h: a body whose length is not known beforehand, kept until it is.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace uvhttpd {

// Where bodies are kept that do not fit into memory: TMPDIR, or /tmp.
std::string spool_directory();

// In memory up to kMemoryBytes, then in a file without a name in `directory`.
class Spool {
 public:
  static constexpr std::uint64_t kMemoryBytes = 64 * 1024;

  explicit Spool(std::string directory) : directory_(std::move(directory)) {}
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // After an error the spool is of no more use.
  Result<void> append(std::string_view bytes);
  std::uint64_t bytes() const { return bytes_; }
  // Octets from `offset` on, as many as there are and fit. Not after take().
  Result<std::size_t> read(std::uint64_t offset, std::span<char> into) const;
  // The body as a file to be read from its beginning. Once, after the last append().
  Result<UniqueFd> take();

 private:
  Result<void> move_to_disk();

  std::string directory_;
  UniqueFd file_;
  std::uint64_t bytes_ = 0;
  bool on_disk_ = false;
};

}  // namespace uvhttpd
