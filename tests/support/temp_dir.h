// SPDX-License-Identifier: MIT
// support/temp_dir.h: a directory that exists as long as a test needs it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace uvhttpd::tests {

class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

  // Replaces the content of the file, whose directories are made when they are missing. The
  // file keeps its inode.
  void write(std::string_view name, std::string_view content) const;
  std::string read(std::string_view name) const;
  // Seconds since 1970.
  void set_modified(std::string_view name, std::int64_t seconds) const;

 private:
  std::string path_;
};

}  // namespace uvhttpd::tests
