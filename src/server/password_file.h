// SPDX-License-Identifier: MIT
// server/password_file.h: users and the hashes of their passwords, from a file that htpasswd or
// `uvhttpd passwd` made.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/result.h"

namespace uvhttpd {

// Lines of `user:hash`, where something may stand behind another colon; empty ones and those that
// begin with `#` say nothing. Follows its path: a file that takes another's place is read, too.
class PasswordFile {
 public:
  static constexpr std::uint64_t kMaxBytes = 1 << 20;
  static constexpr Duration kLookEvery{1'000};

  // `now` is when it was last looked at. The error names the file, and the line that is at fault: a
  // hash that check_password_hash() refuses, a user who is there twice.
  static Result<PasswordFile> open(std::string path, TimePoint now);
  PasswordFile(PasswordFile&&) noexcept;
  PasswordFile& operator=(PasswordFile&&) noexcept;
  ~PasswordFile();

  // Reads the file again if it has changed, but looks no more often than kLookEvery says. Blocks:
  // kMaxBytes bound for how long. While what is there cannot be used, what was read before counts;
  // a file that is gone for good has no users. Each new reason is logged once.
  void refresh(TimePoint now, Log& log);

  // Views live until the next refresh().
  std::optional<std::string_view> hash_of(std::string_view user) const;
  // That of the first line: what it costs to check it is what it costs for most. Empty: no users.
  std::string_view first_hash() const;
  // It was not there a moment ago: the next refresh() tells whether it is gone for good.
  bool may_be_gone() const { return is_gone_ && !first_hash().empty(); }
  // Another number whenever there is other content.
  std::uint64_t version() const { return version_; }
  const std::string& path() const { return path_; }

 private:
  struct Content;
  struct Fresh;
  PasswordFile(std::string path, Fresh fresh, TimePoint now);
  static Result<Fresh> read(const std::string& path);
  void take(Fresh fresh);
  void on_gone(Log& log);
  void complain(const std::string& what, Log& log);

  std::string path_;
  std::unique_ptr<const Content> content_;
  FileInfo seen_;  // what has been read or refused
  FileInfo doubted_;
  std::uint64_t version_ = 1;
  TimePoint looked_at_;
  bool is_gone_ = false;  // so the last look said
  std::string complaint_;
};

}  // namespace uvhttpd
