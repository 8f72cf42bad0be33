// SPDX-License-Identifier: MIT
#include "server/password_file.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "base/text.h"
#include "server/password_hash.h"

namespace uvhttpd {
namespace {

constexpr const char* kStayInForce = "; until that is mended the users read before stay in force";

struct Entry {
  std::string_view user;
  std::string_view hash;
  std::size_t line = 0;
};

// Nullopt: a line that says nothing.
Result<std::optional<Entry>> parse_line(std::string_view line) {
  while (!line.empty() && (is_ows(line.back()) || line.back() == '\r')) line.remove_suffix(1);
  if (line.empty() || line.front() == '#') return std::optional<Entry>();
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return Unexpected(Error{"not a line of the form user:hash", 0});
  }
  const std::string_view rest = line.substr(colon + 1);
  const Entry entry{line.substr(0, colon), rest.substr(0, rest.find(':')), 0};
  if (has_control(entry.user)) {
    return Unexpected(Error{"the name of the user has control characters", 0});
  }
  if (const auto accepted = check_password_hash(entry.hash); !accepted) {
    return Unexpected(
        Error{fmt::format("the user \"{}\" has {}; `uvhttpd passwd` makes a line that is accepted",
                          escape_for_log(entry.user), accepted.error().message),
              0});
  }
  return std::optional(entry);
}

}  // namespace

struct PasswordFile::Content {
  std::string text;
  std::string_view first_hash;
  std::vector<Entry> entries;  // by user; of `text`

  // The error begins with the line's number.
  Result<void> parse();
};

struct PasswordFile::Fresh {
  std::unique_ptr<const Content> content;
  FileInfo info;
};

Result<void> PasswordFile::Content::parse() {
  if (text.starts_with("\xef\xbb\xbf")) {
    return Unexpected(
        Error{"1: begins with a byte order mark (UTF-8 BOM), which would be part of a name", 0});
  }
  std::size_t number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    ++number;
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    auto entry = parse_line(line);
    if (!entry) {
      return Unexpected(Error{fmt::format("{}: {}", number, entry.error().message), 0});
    }
    if (!*entry) continue;
    (*entry)->line = number;
    if (entries.empty()) first_hash = (*entry)->hash;
    entries.push_back(**entry);
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.user < b.user; });
  const auto twice =
      std::adjacent_find(entries.begin(), entries.end(),
                         [](const Entry& a, const Entry& b) { return a.user == b.user; });
  if (twice == entries.end()) return {};
  const Entry& second = *(twice + 1);
  return Unexpected(Error{
      fmt::format("{}: the user \"{}\" is there before", second.line, escape_for_log(second.user)),
      0});
}

PasswordFile::PasswordFile(std::string path, Fresh fresh, TimePoint now)
    : path_(std::move(path)),
      content_(std::move(fresh.content)),
      seen_(fresh.info),
      looked_at_(now) {}
PasswordFile::PasswordFile(PasswordFile&&) noexcept = default;
PasswordFile& PasswordFile::operator=(PasswordFile&&) noexcept = default;
PasswordFile::~PasswordFile() = default;

Result<PasswordFile> PasswordFile::open(std::string path, TimePoint now) {
  TRY_ASSIGN(Fresh fresh, read(path));
  return PasswordFile(std::move(path), std::move(fresh), now);
}

Result<PasswordFile::Fresh> PasswordFile::read(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!file) {
    const int error = errno;
    return Unexpected(Error{path + ": " + reason_not_opened(path, error), error});
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return Unexpected(Error::from_errno(errno, path));
  const FileInfo info = FileInfo::from(status);
  if (!info.is_regular()) return Unexpected(Error{path + ": not a regular file", 0});
  if (info.size > kMaxBytes) return Unexpected(Error{path + ": larger than 1 MiB", 0});
  auto content = std::make_unique<Content>();
  auto text = read_file(file.get(), info.size, kMaxBytes);
  if (!text) return Unexpected(std::move(text).error().with_context(path));
  content->text = *std::move(text);
  if (const auto parsed = content->parse(); !parsed) {
    return Unexpected(Error{path + ":" + parsed.error().message, 0});
  }
  return Fresh{std::move(content), info};
}

void PasswordFile::refresh(TimePoint now, Log& log) {
  if (now - looked_at_ < kLookEvery) return;
  looked_at_ = now;
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) {
    if (errno == ENOENT) return on_gone(log);
    return complain(Error::from_errno(errno, path_).message + kStayInForce, log);
  }
  is_gone_ = false;
  const FileInfo info = FileInfo::from(status);
  if (info == seen_) return;
  auto fresh = read(path_);
  if (fresh) return take(*std::move(fresh));
  // What the file holds is not looked at twice; a lack of descriptors, say, may pass.
  if (fresh.error().os_error == 0) seen_ = info;
  complain(fresh.error().message + kStayInForce, log);
}

// Some programs take a file away and then put another in its place.
void PasswordFile::on_gone(Log& log) {
  if (!std::exchange(is_gone_, true)) return;
  if (!content_->entries.empty()) {
    content_ = std::make_unique<Content>();
    ++version_;
  }
  seen_ = {};
  complain(path_ + ": there is no such file any more: nobody is let in", log);
}

// htpasswd writes over the old file: one that has just become empty may be about to be filled.
void PasswordFile::take(Fresh fresh) {
  const std::chrono::nanoseconds changed(fresh.info.mtime_ns);
  const bool is_new = std::chrono::system_clock::now().time_since_epoch() - changed < kLookEvery;
  const bool has_become_empty = fresh.content->entries.empty() && !content_->entries.empty();
  if (has_become_empty && is_new && fresh.info != doubted_) {
    doubted_ = fresh.info;
    return;
  }
  content_ = std::move(fresh.content);
  seen_ = fresh.info;
  ++version_;
  complaint_.clear();
}

void PasswordFile::complain(const std::string& what, Log& log) {
  if (std::exchange(complaint_, what) == what) return;
  log.error("auth", "{}", what);
}

std::optional<std::string_view> PasswordFile::hash_of(std::string_view user) const {
  const auto& entries = content_->entries;
  const auto found =
      std::lower_bound(entries.begin(), entries.end(), user,
                       [](const Entry& entry, std::string_view name) { return entry.user < name; });
  if (found == entries.end() || found->user != user) return std::nullopt;
  return found->hash;
}

std::string_view PasswordFile::first_hash() const { return content_->first_hash; }

}  // namespace uvhttpd
