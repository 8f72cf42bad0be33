// SPDX-License-Identifier: MIT
#include "handlers/spool.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace uvhttpd {
namespace {

constexpr char kDoing[] = "keeping a request body";

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Unexpected(Error::from_errno(errno, kDoing));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<UniqueFd> open_unnamed(const std::string& directory) {
  UniqueFd file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file && (errno == EOPNOTSUPP || errno == EISDIR)) {  // a file system without it
    std::string name = directory + "/uvhttpd-XXXXXX";
    file.reset(::mkostemp(name.data(), O_CLOEXEC));
    if (file) ::unlink(name.c_str());
  }
  if (!file) return Unexpected(Error::from_errno(errno, std::string(kDoing) + " in " + directory));
  return file;
}

}  // namespace

std::string spool_directory() {
  const char* named = std::getenv("TMPDIR");
  return named != nullptr && *named == '/' ? named : "/tmp";
}

Result<void> Spool::append(std::string_view bytes) {
  if (!file_) {
    file_.reset(::memfd_create("uvhttpd-body", MFD_CLOEXEC));
    if (!file_) return Unexpected(Error::from_errno(errno, kDoing));
  }
  if (!on_disk_ && bytes_ + bytes.size() > kMemoryBytes) TRY(move_to_disk());
  TRY(write_all(file_.get(), bytes));
  bytes_ += bytes.size();
  return {};
}

Result<std::size_t> Spool::read(std::uint64_t offset, std::span<char> into) const {
  if (offset >= bytes_) return std::size_t{0};
  for (;;) {
    const ssize_t got = ::pread(file_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return Unexpected(Error::from_errno(errno, kDoing));
  }
}

Result<UniqueFd> Spool::take() {
  if (!file_) TRY(append({}));
  if (::lseek(file_.get(), 0, SEEK_SET) != 0) return Unexpected(Error::from_errno(errno, kDoing));
  return std::move(file_);
}

Result<void> Spool::move_to_disk() {
  TRY_ASSIGN(UniqueFd disk, open_unnamed(directory_));
  char buffer[16 * 1024];
  off_t offset = 0;
  for (;;) {
    const ssize_t got = ::pread(file_.get(), buffer, sizeof buffer, offset);
    if (got < 0) return Unexpected(Error::from_errno(errno, kDoing));
    if (got == 0) break;
    TRY(write_all(disk.get(), {buffer, static_cast<std::size_t>(got)}));
    offset += got;
  }
  file_ = std::move(disk);
  on_disk_ = true;
  return {};
}

}  // namespace uvhttpd
