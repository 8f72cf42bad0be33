// SPDX-License-Identifier: MIT
// handlers/dir_listing.h: what a directory holds of what is served, read and put in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "http/message.h"

namespace uvhttpd {

struct ListingEntry {
  enum class Kind { directory, file };
  std::string name;  // any octet but "/" and NUL
  Kind kind = Kind::file;
  std::uint64_t size = 0;          // 0 of directories
  std::int64_t mtime_seconds = 0;  // since 1970
  bool is_directory() const { return kind == Kind::directory; }
};

struct ListingRules {
  bool hidden_files = false;  // dotfiles and backups (is_backup_name) are shown
  SymlinkPolicy symlinks = SymlinkPolicy::inside;
  std::size_t most_entries = 100'000;
  // What else is not served. Called while the directory is read, for a link with the path of what
  // it leads to; empty: nothing.
  std::function<bool(const ListingEntry&, std::string_view leads_to)> refuses;
};

struct Listing {
  std::vector<ListingEntry> entries;
  bool truncated = false;  // the directory has more than most_entries, or a million names
};

// The entries of the directory at `path` (as Directory::open_below takes it), in no order: those
// that a request could get, so no sockets, devices and links that the policy does not follow.
// ".well-known" is never hidden. A link is shown as what it leads to. What goes away meanwhile is
// left out. Errors carry errno: those of open_below, and ENOTDIR.
Result<Listing> read_listing(const Directory& root, std::string_view path,
                             const ListingRules& rules);

struct ListingOrder {
  enum class Key { name, size, time };
  Key key = Key::name;
  bool descending = false;
  bool operator==(const ListingOrder&) const = default;
};

// "sort=size&order=desc": sort is name, size or time, order is asc or desc. Anything else counts as
// not said, and what is said last counts.
ListingOrder parse_listing_order(std::string_view query);

// Directories first, then by the key; what is equal in that by name, ascending. Names are compared
// without regard to ASCII case, and as octets where only the case differs.
void sort_listing(Listing& listing, ListingOrder order);

enum class ListingFormat { html, json };

// JSON when Accept prefers application/json to text/html (http/accept.h), HTML otherwise.
ListingFormat choose_listing_format(const http::FieldList& fields);

}  // namespace uvhttpd
