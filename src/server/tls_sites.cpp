// SPDX-License-Identifier: MIT
#include "server/tls_sites.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace uvhttpd {
namespace {

std::int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

FileStamp stamp_of(const std::string& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) return {};
  return {nanoseconds(info.st_mtim), info.st_ino, static_cast<std::uint64_t>(info.st_size),
          nanoseconds(info.st_ctim)};
}

std::vector<FileStamp> stamps_of(const std::vector<std::string>& files) {
  std::vector<FileStamp> stamps;
  for (const std::string& file : files) stamps.push_back(stamp_of(file));
  return stamps;
}

}  // namespace

Result<std::shared_ptr<const TlsContext>, std::vector<TlsFault>> build_tls(
    const config::Config& config, std::shared_ptr<TlsTickets> tickets,
    std::vector<TlsFault>& warnings, TlsRenewal renewal) {
  const bool is_wanted = std::any_of(config.listeners.begin(), config.listeners.end(),
                                     [](const config::Listener& listener) { return listener.tls; });
  if (!is_wanted) return std::shared_ptr<const TlsContext>();
  std::vector<TlsSite> sites;
  for (const config::Site* site : tls_sites(config)) sites.push_back({site->hosts, &*site->tls});
  if (sites.empty()) return Unexpected(std::vector<TlsFault>{{{}, "no site has `tls`"}});
  return TlsContext::build({.sites = sites,
                            .protocols = {"http/1.1", "http/1.0"},
                            .tickets = std::move(tickets),
                            .renewal = std::move(renewal)},
                           warnings);
}

std::vector<const config::Site*> tls_sites(const config::Config& config) {
  std::vector<const config::Site*> sites;
  for (const config::Site& site : config.sites) {
    if (site.tls) sites.push_back(&site);
  }
  return sites;
}

std::vector<std::string> certificate_files(const config::Config& config) {
  std::vector<std::string> files;
  for (const config::Site* site : tls_sites(config)) {
    for (std::string& file : certificate_files(*site->tls)) files.push_back(std::move(file));
  }
  return files;
}

std::vector<std::string> certificate_files(const config::Tls& tls) {
  std::vector<std::string> files;
  for (const config::KeyPair& pair : tls.key_pairs) {
    files.push_back(pair.certificate);
    files.push_back(pair.key);
  }
  if (!tls.client_ca.empty()) files.push_back(tls.client_ca);
  return files;
}

std::string text_of(const TlsFault& fault) {
  return fault.file.empty() ? fault.reason : fault.file + ": " + fault.reason;
}

std::string text_of(const std::vector<TlsFault>& faults) {
  std::string text;
  for (const TlsFault& fault : faults) text += (text.empty() ? "" : "; ") + text_of(fault);
  return text;
}

bool may_pass(const std::vector<TlsFault>& faults) {
  return std::any_of(faults.begin(), faults.end(),
                     [](const TlsFault& fault) { return fault.os_error != 0; });
}

void FileWatch::watch(std::vector<std::string> files) {
  files_ = std::move(files);
  seen_ = watched_ = stamps_of(files_);
}

void FileWatch::keep(const FileWatch& before, const std::vector<std::string>& files) {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    if (std::find(files.begin(), files.end(), files_[i]) == files.end()) continue;
    const auto found = std::find(before.files_.begin(), before.files_.end(), files_[i]);
    if (found == before.files_.end()) continue;
    watched_[i] = before.watched_[static_cast<std::size_t>(found - before.files_.begin())];
  }
}

bool FileWatch::has_changed() {
  std::vector<FileStamp> now = stamps_of(files_);
  return std::exchange(seen_, now) != now;
}

bool FileWatch::is_unchanged(std::string_view file) const {
  const auto found = std::find(files_.begin(), files_.end(), file);
  if (found == files_.end()) return false;
  return stamp_of(*found) == watched_[static_cast<std::size_t>(found - files_.begin())];
}

}  // namespace uvhttpd
