// SPDX-License-Identifier: MIT
#include "handlers/dir_listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include "base/text.h"
#include "handlers/guarded_names.h"
#include "http/accept.h"

namespace uvhttpd {
namespace {

constexpr std::size_t kMostNames = 1'000'000;  // looked at in one directory, shown or not

struct CloseStream {
  void operator()(DIR* stream) const { ::closedir(stream); }
};
using DirectoryStream = std::unique_ptr<DIR, CloseStream>;

Result<DirectoryStream> open_stream(const Directory& root, std::string_view path,
                                    SymlinkPolicy symlinks) {
  TRY_ASSIGN(OpenedFile opened, root.open_below(path, symlinks));
  DirectoryStream stream(::fdopendir(opened.fd.get()));
  if (!stream) return Unexpected(Error::from_errno(errno, std::string(path)));
  opened.fd.release();
  return stream;
}

bool may_be_shown(std::string_view name, const ListingRules& rules) {
  if (name == "." || name == "..") return false;
  if (rules.hidden_files) return true;
  return (!name.starts_with('.') || name == ".well-known") && !is_backup_name(name);
}

std::int64_t seconds_of(std::int64_t nanoseconds) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return nanoseconds / kSecond - (nanoseconds % kSecond < 0 ? 1 : 0);
}

struct Seen {
  FileInfo info;
  std::string leads_to;  // of a link: the path of what it leads to
};

// What is at a name; for a link, what it leads to. nullopt: nothing that the policy lets us see.
std::optional<Seen> look_at(const Directory& root, int directory, const std::string& prefix,
                            const char* name, SymlinkPolicy symlinks) {
  struct stat status {};
  if (::fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  if (!S_ISLNK(status.st_mode)) return Seen{FileInfo::from(status), {}};
  if (symlinks == SymlinkPolicy::deny) return std::nullopt;
  const Result<OpenedFile> target = root.locate_below(prefix + name, symlinks);
  if (!target) return std::nullopt;
  return Seen{target->info, path_of_open(target->fd.get())};
}

std::optional<ListingEntry> entry_of(std::string_view name, const FileInfo& info) {
  const std::int64_t modified = seconds_of(info.mtime_ns);
  if (info.is_directory()) {
    return ListingEntry{std::string(name), ListingEntry::Kind::directory, 0, modified};
  }
  if (!info.is_regular()) return std::nullopt;
  return ListingEntry{std::string(name), ListingEntry::Kind::file, info.size, modified};
}

// Negative, zero or positive, as for std::string_view::compare.
int compare_names(std::string_view a, std::string_view b) {
  const std::size_t common = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < common; ++i) {
    const auto left = static_cast<unsigned char>(ascii_lower(a[i]));
    const auto right = static_cast<unsigned char>(ascii_lower(b[i]));
    if (left != right) return left - right;
  }
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

template <class T>
int compare_numbers(T a, T b) {
  return a == b ? 0 : a < b ? -1 : 1;
}

int compare_keys(const ListingEntry& a, const ListingEntry& b, ListingOrder::Key key) {
  switch (key) {
    case ListingOrder::Key::size: return compare_numbers(a.size, b.size);
    case ListingOrder::Key::time: return compare_numbers(a.mtime_seconds, b.mtime_seconds);
    case ListingOrder::Key::name: break;
  }
  return compare_names(a.name, b.name);
}

}  // namespace

Result<Listing> read_listing(const Directory& root, std::string_view path,
                             const ListingRules& rules) {
  TRY_ASSIGN(const DirectoryStream stream, open_stream(root, path, rules.symlinks));
  const int directory = ::dirfd(stream.get());
  const std::string prefix =
      path.empty() || path.ends_with('/') ? std::string(path) : std::string(path).append("/");
  Listing listing;
  for (std::size_t names = 0; names < kMostNames; ++names) {
    errno = 0;
    const dirent* found = ::readdir(stream.get());
    if (found == nullptr && errno != 0) {
      return Unexpected(Error::from_errno(errno, std::string(path)));
    }
    if (found == nullptr) return listing;
    if (!may_be_shown(found->d_name, rules)) continue;
    const auto seen = look_at(root, directory, prefix, found->d_name, rules.symlinks);
    if (!seen) continue;
    std::optional<ListingEntry> entry = entry_of(found->d_name, seen->info);
    if (!entry || (rules.refuses && rules.refuses(*entry, seen->leads_to))) continue;
    if (listing.entries.size() == rules.most_entries) break;
    listing.entries.push_back(std::move(*entry));
  }
  listing.truncated = true;
  return listing;
}

ListingOrder parse_listing_order(std::string_view query) {
  ListingOrder order;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view said = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (said == "sort=name") order.key = ListingOrder::Key::name;
    if (said == "sort=size") order.key = ListingOrder::Key::size;
    if (said == "sort=time") order.key = ListingOrder::Key::time;
    if (said == "order=asc") order.descending = false;
    if (said == "order=desc") order.descending = true;
  }
  return order;
}

void sort_listing(Listing& listing, ListingOrder order) {
  const auto comes_first = [order](const ListingEntry& a, const ListingEntry& b) {
    if (a.kind != b.kind) return a.is_directory();
    const int by_key = compare_keys(a, b, order.key);
    if (by_key != 0) return order.descending ? by_key > 0 : by_key < 0;
    return compare_names(a.name, b.name) < 0;
  };
  std::sort(listing.entries.begin(), listing.entries.end(), comes_first);
}

ListingFormat choose_listing_format(const http::FieldList& fields) {
  const http::MediaPreference html = http::media_preference(fields, "text/html");
  const http::MediaPreference json = http::media_preference(fields, "application/json");
  return json.quality > 0 && json > html ? ListingFormat::json : ListingFormat::html;
}

}  // namespace uvhttpd
