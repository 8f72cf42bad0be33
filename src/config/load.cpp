// SPDX-License-Identifier: MIT
#include "config/load.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <filesystem>

#include "base/file.h"
#include "base/unique_fd.h"
#include "config/readers.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

Loaded failed(const std::string& path, std::string message) {
  Diagnostic diagnostic;
  diagnostic.file = path;
  diagnostic.message = std::move(message);
  return {std::nullopt, {std::move(diagnostic)}};
}

Result<std::string> read_whole(const std::string& path) {
  // A FIFO without a writer would block without O_NONBLOCK.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) {
    const int error = errno;
    return Unexpected(Error{"cannot be opened: " + reason_not_opened(path, error), error});
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return Unexpected(Error{reason(errno), errno});
  if (S_ISDIR(status.st_mode)) return Unexpected(Error{"is a directory, not a file"});
  if (!S_ISREG(status.st_mode)) return Unexpected(Error{"is not a regular file"});
  std::string text(kMaxFileBytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unexpected(Error{"cannot be read: " + reason(errno), errno});
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

// Reads the tables in the order in which they depend on each other.
Config read_config(const Node& document, Reading& reading) {
  Config config;
  TableReader root(document, "the file", reading.faults);
  if (const Node* table = root.find_table("server")) read_server(*table, reading, config.server);
  if (const Node* table = root.find_table("limits")) read_limits(*table, reading, config.limits);
  if (const Node* table = root.find_table("access_log")) {
    read_access_log(*table, reading, config.access_log);
  }
  if (const Node* table = root.find_table("cache")) read_cache(*table, reading, config.cache);
  read_types(root, config.types);
  read_listeners(root, reading, config.listeners);
  read_sites(root, reading, config.limits, config.sites);
  check_tls(root, reading.faults);
  read_expectations(root, reading, config.sites, config.expectations);
  root.report_unknown();
  if (config.listeners.empty()) {
    config.listeners.push_back({Listener::Kind::ip, kDefaultAddress, "127.0.0.1", 8080, ""});
  }
  return config;
}

Loaded load_checked(std::string_view text, const std::string& path, bool check_disk) {
  Faults faults(path, text);
  const std::string file = std::filesystem::absolute(path).lexically_normal().string();
  if (const auto document = parse_document(text, path, faults)) {
    Reading reading(faults, std::filesystem::path(file).parent_path().string(), check_disk);
    Config config = read_config(*document, reading);
    config.file = file;
    if (!faults.has_errors()) return {std::move(config), faults.take()};
  }
  return {std::nullopt, faults.take()};
}

}  // namespace

void Reading::check_directory(Span at, std::string_view key, const std::string& path,
                              const std::string& hint) const {
  check(at, key, path, {S_IFDIR, "is not a directory", R_OK | X_OK, "cannot be read", hint});
}

void Reading::check_below(Span at, std::string_view key, const std::string& root,
                          const std::string& path, const std::string& hint) const {
  if (!check_disk) return;
  struct stat status {};
  const bool good_root = ::stat(root.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
                         ::access(root.c_str(), R_OK | X_OK) == 0;
  if (good_root)
    check(at, key, root + path, {S_IFREG, "is not a regular file", R_OK, "cannot be read", hint});
}

void Reading::check_program(Span at, std::string_view key, const std::string& path) const {
  check(at, key, path, {S_IFREG, "is not a regular file", X_OK, "cannot be executed"});
}

void Reading::check_file(Span at, std::string_view key, const std::string& path) const {
  check(at, key, path, {S_IFREG, "is not a regular file", R_OK, "cannot be read"});
}

void Reading::check_exists(Span at, std::string_view key, const std::string& path) const {
  struct stat status {};
  if (!check_disk || ::stat(path.c_str(), &status) == 0) return;
  faults.add(at, in_quotes(key) + ": " + in_quotes(path) + ": " + reason(errno));
}

bool Reading::is_out_of_reach(const std::string& path) const {
  if (!check_disk) return false;
  for (std::size_t end = path.find('/', 1); end != path.npos; end = path.find('/', end + 1)) {
    struct stat status {};
    if (::stat(path.substr(0, end).c_str(), &status) != 0) return false;
    if ((status.st_mode & S_IXOTH) == 0) return true;
  }
  return false;
}

void Reading::check(Span at, std::string_view key, const std::string& path,
                    const Wanted& wanted) const {
  if (!check_disk || path.empty()) return;
  const std::string what = in_quotes(key) + ": " + in_quotes(path);
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    faults.add(at, what + ": " + reason(errno), wanted.hint);
  } else if ((status.st_mode & S_IFMT) != wanted.type) {
    faults.add(at, what + " " + wanted.other_type, wanted.hint);
  } else if (::access(path.c_str(), wanted.access) != 0) {
    faults.add(at, what + " " + wanted.no_access + ": " + reason(errno), wanted.hint);
  }
}

TextParser Reading::path() const {
  return [this](std::string_view text) -> Read<std::string> {
    if (text.empty()) return complain("must not be empty", "leave it out");
    return absolute_path(directory, text);
  };
}

Loaded load_text(std::string text, const std::string& path, bool check_disk) {
  if (text.size() > kMaxFileBytes) {
    return failed(path, "is larger than " + format_size(kMaxFileBytes));
  }
  // Some editors put a byte order mark in front; positions count from behind it.
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  try {
    return load_checked(text, path, check_disk);
  } catch (const std::exception& error) {
    return failed(path, std::string("cannot be read: ") + error.what());
  }
}

Loaded load_file(const std::string& path, bool check_disk) {
  Result<std::string> text = read_whole(path);
  if (!text) return failed(path, text.error().message);
  return load_text(*std::move(text), path, check_disk);
}

}  // namespace uvhttpd::config
