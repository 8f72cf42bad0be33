// SPDX-License-Identifier: MIT
// base/file.h: files below a directory, found without ever leaving it.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace uvhttpd {

// What identifies the content of a file well enough to notice a change.
struct FileInfo {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;  // since 1970
  std::int64_t ctime_ns = 0;
  std::uint64_t links = 0;
  mode_t mode = 0;

  static FileInfo from(const struct stat& status);
  bool is_regular() const { return S_ISREG(mode); }
  bool is_directory() const { return S_ISDIR(mode); }
  bool operator==(const FileInfo&) const = default;
};

struct OpenedFile {
  UniqueFd fd;
  FileInfo info;
};

enum class SymlinkPolicy { inside, deny, follow };

// A directory that paths are looked up in. It follows its own path: when another directory takes
// its place (a deployment that renames or relinks), reopen_if_replaced() moves to that one.
class Directory {
 public:
  static Result<Directory> open(const std::string& path);

  // Opens for reading, never blocking on what is no regular file (O_NONBLOCK), and tells what was
  // opened (fstat of the descriptor). `path` is relative, without empty, "." and ".." segments and
  // NUL; empty means the directory itself. Symbolic links as `policy` says: `inside` follows links
  // that stay below the directory (relative ones; an absolute target counts as outside), `deny`
  // none, `follow` all. Errors carry errno: ENOENT, ENOTDIR, EACCES, EXDEV (left the directory, or
  // an absolute path), ELOOP (a link under `deny`).
  Result<OpenedFile> open_below(std::string_view path, SymlinkPolicy policy) const;

  // The same, for a directory or file that is not read: only a handle (O_PATH).
  Result<OpenedFile> locate_below(std::string_view path, SymlinkPolicy policy) const;

  // The same directory for another thread, whatever becomes of this object.
  Result<Directory> duplicate() const;

  // True when it did.
  bool reopen_if_replaced();
  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }

 private:
  Directory(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::string path_;
  UniqueFd fd_;
};

// The lookup behind Directory for kernels (and sandboxes) without openat2: one component at a time,
// links resolved here. Returns a descriptor opened with `flags`, or -errno: the kernel's, but
// ENAMETOOLONG also more than 256 directories down, and EXDEV for a magic link of /proc.
int open_by_walking(int directory, std::string_view path, int flags, SymlinkPolicy policy);

// Where the kernel says that an open file or directory is, links resolved; "" when it does not say
// (no /proc).
std::string path_of_open(int fd);

// With links resolved, as far as the path exists.
std::string real_path(const std::string& path);

// Whether a segment begins with a dot. The segment ".well-known" (RFC 8615) does not count.
bool has_hidden_segment(std::string_view path);

// Of the user that files are opened as now; its number where it has no name.
std::string acting_user();

// Of opening the file for reading, with the errno it gave: "Permission denied (as user nobody)", or
// that it is a sandbox's doing where the file's own permissions are no hindrance.
std::string reason_not_opened(const std::string& path, int error);

// Reads a whole regular file of at most `limit` octets.
Result<std::string> read_file(int fd, std::uint64_t size, std::uint64_t limit);

}  // namespace uvhttpd
