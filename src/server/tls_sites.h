// SPDX-License-Identifier: MIT
// server/tls_sites.h: the certificates that a configuration asks for, as the listeners use them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "io/tls_context.h"

namespace uvhttpd {

// Absent where no listener has TLS. The files are read during the call; the error is all that is
// wrong with them. `warnings` gets what is worth a line in the log and keeps nobody out. The sites
// of TlsRenewal and TlsKept are those of tls_sites().
Result<std::shared_ptr<const TlsContext>, std::vector<TlsFault>> build_tls(
    const config::Config& config, std::shared_ptr<TlsTickets> tickets,
    std::vector<TlsFault>& warnings, TlsRenewal renewal = {});

// All that build_tls() reads.
std::vector<std::string> certificate_files(const config::Config& config);
std::vector<std::string> certificate_files(const config::Tls& tls);

// Those with `tls`, in the order of the file.
std::vector<const config::Site*> tls_sites(const config::Config& config);

// "FILE: REASON", joined by "; ".
std::string text_of(const TlsFault& fault);
std::string text_of(const std::vector<TlsFault>& faults);

// Whether reading the same files again may go better.
bool may_pass(const std::vector<TlsFault>& faults);

// What tells whether a file has been changed or replaced.
struct FileStamp {
  std::int64_t modified = 0;  // nanoseconds
  std::uint64_t inode = 0;
  std::uint64_t bytes = 0;
  std::int64_t changed = 0;  // nanoseconds; also by who may read it
  bool operator==(const FileStamp&) const = default;
};

// Looks at files, whose names may be links, for whether they are those they were.
class FileWatch {
 public:
  // As they are now.
  void watch(std::vector<std::string> files);
  // Of these files, as they were when `before` began to watch them.
  void keep(const FileWatch& before, const std::vector<std::string>& files);
  // True once for each change, however many files it is about.
  bool has_changed();
  // One of the files, and not changed since watch().
  bool is_unchanged(std::string_view file) const;

 private:
  std::vector<std::string> files_;
  std::vector<FileStamp> watched_;
  std::vector<FileStamp> seen_;
};

}  // namespace uvhttpd
