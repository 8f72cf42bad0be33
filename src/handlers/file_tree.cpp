// SPDX-License-Identifier: MIT
#include "handlers/file_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/content_hash.h"
#include "base/text.h"
#include "http/content_coder.h"
#include "http/date.h"
#include "http/mime.h"
#include "http/target.h"
#include "server/symlink_policy.h"

namespace uvhttpd {
namespace {

using http::Coding;

constexpr int kReadTries = 3;  // for a file that changes while it is read
// A change within this time of the last one may leave the times of a file as they are.
constexpr std::int64_t kSettleMilliseconds = 2'000;
constexpr std::uint64_t kLeastCompressed = 256;  // below, a coding's own octets are what is gained
constexpr std::int64_t kNanoseconds = 1'000'000'000;

struct Sibling {
  Coding coding;
  std::string_view suffix;
};
constexpr Sibling kSiblings[] = {
    {Coding::zstd, ".zst"}, {Coding::brotli, ".br"}, {Coding::gzip, ".gz"}};

// Why a file was not served, where the path alone does not tell.
std::string explain(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG: return {};
    case EXDEV: return "a symbolic link leads out of the root, or is absolute";
    case ELOOP: return "a symbolic link that is not followed here, or a loop of them";
    default: return Error::from_errno(error, "opening").message;
  }
}

FileTree::Found not_opened(int error, std::string why) {
  FileTree::Found found;
  found.why = std::move(why);
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG: return found;
    case EACCES:
    case EPERM: found.status = 403; break;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN: found.status = 503; break;
    case EIO: found.status = 500; break;
    default: break;
  }
  found.kind = FileTree::Found::Kind::failed;
  return found;
}

bool names_directory(std::string_view path) { return path.empty() || path.ends_with('/'); }

bool matches_pattern(std::string_view pattern, std::string_view path) {
  if (pattern.starts_with('*')) return path.ends_with(pattern.substr(1));
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return path == pattern;
  return path.starts_with(pattern.substr(0, star)) && path.ends_with(pattern.substr(star + 1)) &&
         path.size() + 1 >= pattern.size();
}

// Some tools and file systems keep whole seconds only.
bool is_older(const FileInfo& sibling, std::int64_t changed_ns) {
  const bool has_seconds_only = sibling.mtime_ns % kNanoseconds == 0;
  return sibling.mtime_ns <
         (has_seconds_only ? changed_ns / kNanoseconds * kNanoseconds : changed_ns);
}

std::string with_suffix(std::string_view path, std::string_view suffix) {
  return std::string(path).append(suffix);
}

// A file, described anew, is what it was; what was made of it still holds.
bool is_same(const CachedFile& known, const CachedFile& now) {
  if (known.siblings != now.siblings) return false;
  for (std::size_t i = 0; i < http::kCodings; ++i) {
    const Representation* stored = now.representations[i].get();
    if (stored == nullptr) continue;
    const Representation* before = known.representations[i].get();
    if (before == nullptr || before->path != stored->path || before->info != stored->info ||
        before->prepared != stored->prepared) {
      return false;
    }
  }
  return true;
}

}  // namespace

FileTree::FileTree(const config::FileRules& rules, Directory root, Surroundings surroundings)
    : rules_(rules),
      around_(std::move(surroundings)),
      types_(around_.config, rules.charset),
      root_(std::move(root)),
      symlinks_(symlink_policy(rules.symlinks)),
      names_generation_(around_.programs->generation()),
      names_(rules, *around_.programs, root_.path()) {}

FileTree::Found FileTree::find(std::string_view path) {
  const TimePoint fresh_since = around_.loop.now() - around_.config.cache.revalidate;
  std::shared_ptr<CachedFile> known = around_.cache->find(this, path);
  if (known && known->checked > fresh_since) return {Found::Kind::file, std::move(known), 200};
  if (!known && absent_.has(path, fresh_since)) return {};
  return find_again(path);
}

FileTree::Found FileTree::find_again(std::string_view path) {
  const TimePoint now = around_.loop.now();
  const Duration interval = around_.config.cache.revalidate;
  around_.programs->look_again(now, interval);
  bool are_names_old = names_generation_ != around_.programs->generation();
  if (now - root_checked_ >= interval) {
    are_names_old = root_.reopen_if_replaced() || are_names_old;
    root_checked_ = now;
  }
  if (are_names_old) {
    names_ = ServedNames(rules_, *around_.programs, root_.path());
    names_generation_ = around_.programs->generation();
  }
  const std::shared_ptr<CachedFile> known = around_.cache->find(this, path);
  Found found = look_up(path, known);
  // For want of means nothing can be learnt: what is known may well be so still.
  const bool is_uncertain = found.kind == Found::Kind::failed && found.status >= 500;
  if (is_uncertain && known && known->identity().content) return {Found::Kind::file, known, 200};
  if (found.kind != Found::Kind::file) {
    if (known) around_.cache->erase(this, path);
    if (found.kind == Found::Kind::absent && found.why.empty()) absent_.add(path, now);
    return found;
  }
  found.file->checked = now;
  if (found.file != known) around_.cache->store(this, path, found.file);
  return found;
}

void FileTree::update(std::string_view asked, const std::shared_ptr<CachedFile>& file) {
  around_.cache->update(this, asked, file);
}

FileTree::Found FileTree::look_up(std::string_view path, const std::shared_ptr<CachedFile>& known) {
  if (std::string why = names_.refusal_of_any(path); !why.empty()) {
    return {Found::Kind::refused, nullptr, 404, std::move(why)};
  }
  // A directory's path ends in a slash; of a file such a path is none (ENOTDIR).
  // A directory is only looked at: it need not be readable.
  const bool is_directory = names_directory(path);
  Result<OpenedFile> opened =
      is_directory ? root_.locate_below(path, symlinks_) : root_.open_below(path, symlinks_);
  const int error = opened ? 0 : opened.error().os_error;
  if (opened && opened->info.is_regular()) return describe(path, std::move(*opened), known, false);
  if (!is_directory && rules_.clean_urls && (error == 0 || error == ENOENT || error == EACCES)) {
    if (Found page = look_up_page(path, known); page.kind != Found::Kind::absent) return page;
  }
  if (error == EACCES) {
    const Result<OpenedFile> located = root_.locate_below(path, symlinks_);
    if (located && located->info.is_directory()) return {Found::Kind::needs_slash, nullptr, 301};
  }
  if (error != 0) return not_opened(error, explain(error));
  if (!opened->info.is_directory()) {
    return {Found::Kind::failed, nullptr, 404, "not a regular file"};
  }
  if (!is_directory) return {Found::Kind::needs_slash, nullptr, 301};
  if (std::string why = refusal(path, *opened); !why.empty()) {
    return {Found::Kind::refused, nullptr, 404, std::move(why)};
  }
  return look_up_index(path, known);
}

// "/about" for about.html; before a directory of that name, whose address has a slash.
FileTree::Found FileTree::look_up_page(std::string_view path,
                                       const std::shared_ptr<CachedFile>& known) {
  const std::string page = with_suffix(path, ".html");
  Result<OpenedFile> opened = root_.open_below(page, symlinks_);
  if (!opened || !opened->info.is_regular()) return {};
  return describe(page, std::move(*opened), known, true);
}

FileTree::Found FileTree::look_up_index(std::string_view directory,
                                        const std::shared_ptr<CachedFile>& known) {
  for (std::size_t i = 0; i < rules_.index.size(); ++i) {
    const std::string path = with_suffix(directory, rules_.index[i]);
    Result<OpenedFile> opened = root_.open_below(path, symlinks_);
    if (opened && opened->info.is_regular()) {
      return as_index(describe(path, std::move(*opened), known, false), i);
    }
    if (!opened && opened.error().os_error != ENOENT) {
      const int error = opened.error().os_error;
      return not_opened(error, explain(error));
    }
  }
  return {Found::Kind::directory, nullptr, 404};
}

FileTree::Found FileTree::as_index(Found file, std::size_t index) {
  const bool is_source = file.kind == Found::Kind::refused && file.why.starts_with("source_files:");
  if (is_source) file.kind = Found::Kind::program;
  file.index = index;
  return file;
}

FileTree::Found FileTree::find_index_behind(const Found& program, std::string& path) {
  const std::string directory = path;
  for (std::size_t i = program.index + 1; i < rules_.index.size(); ++i) {
    path = with_suffix(directory, rules_.index[i]);
    const Result<OpenedFile> located = root_.locate_below(path, symlinks_);
    const bool is_nothing =
        located ? !located->info.is_regular() : located.error().os_error == ENOENT;
    if (is_nothing) continue;
    Found found = as_index(find(path), i);
    if (found.kind == Found::Kind::program) path = directory;
    return found;
  }
  path = directory;
  return {Found::Kind::refused, nullptr, 404, program.why};
}

std::string FileTree::refusal(std::string_view path, const OpenedFile& opened) const {
  if (!opened.info.is_directory()) {
    if (std::string why = names_.refusal(path); !why.empty()) return why;
  }
  if (!names_.guards_programs()) return {};
  const std::string real = path_of_open(opened.fd.get());
  if (!real.empty()) return names_.refusal_of_real(real, opened.info.is_directory());
  // Without links the name is the place.
  if (symlinks_ == SymlinkPolicy::deny) return {};
  return "source_files: the kernel does not say where the file is (/proc is missing)";
}

FileTree::Found FileTree::describe(std::string_view path, OpenedFile opened,
                                   const std::shared_ptr<CachedFile>& known, bool is_other_name) {
  if (std::string why = refusal(path, opened); !why.empty()) {
    return {Found::Kind::refused, nullptr, 404, std::move(why)};
  }
  auto file = std::make_shared<CachedFile>();
  auto& identity = file->representations[static_cast<std::size_t>(Coding::identity)];
  auto made = represent(path, std::move(opened), Coding::identity, known.get());
  if (!made) return not_opened(made.error().os_error, std::move(made.error().message));
  identity = std::move(*made);
  if (rules_.precompressed && !add_siblings(*file, path, known.get())) {
    return not_opened(EMFILE, "what lies beside the file cannot be looked at");
  }
  const std::string type = types_.of(path);
  add_makeable(*file, type);
  file->varies = (file->siblings | file->makeable) != 0;
  for (unsigned i = 0; i < http::kCodings; ++i) {
    if (Representation* each = file->representations[i].get(); each != nullptr) {
      finish_fields(*file, *each, path, static_cast<Coding>(i), is_other_name);
    }
  }
  if (known && is_same(*known, *file)) {
    for (unsigned i = 0; i < http::kCodings; ++i) {
      const Representation* now = file->representations[i].get();
      if (now != nullptr) known->representations[i]->is_settled = now->is_settled;
    }
    return {Found::Kind::file, known, 200};
  }
  return {Found::Kind::file, std::move(file), 200};
}

bool FileTree::add_siblings(CachedFile& file, std::string_view path, const CachedFile* known) {
  const std::int64_t changed = file.identity().info.mtime_ns;
  for (const Sibling& sibling : kSiblings) {
    const std::string name = with_suffix(path, sibling.suffix);
    Result<OpenedFile> opened = root_.open_below(name, symlinks_);
    if (!opened && not_opened(opened.error().os_error, {}).status >= 500) return false;
    // A sibling older than its file was made from another content.
    const bool fits = opened && opened->info.is_regular() && !is_older(opened->info, changed) &&
                      refusal(name, *opened).empty();
    if (!fits) continue;
    auto stored = represent(name, std::move(*opened), sibling.coding, known);
    if (!stored) return false;
    file.representations[static_cast<std::size_t>(sibling.coding)] = std::move(*stored);
    file.siblings |= bit_of(sibling.coding);
  }
  return true;
}

void FileTree::add_makeable(CachedFile& file, std::string_view type) {
  if (file.identity().info.size < kLeastCompressed) return;
  if (!http::is_compressible(trim_ows(type.substr(0, type.find(';'))))) return;
  for (const std::string& name : rules_.compress) {
    const std::optional<Coding> coding = http::coding_of(name);
    const bool is_there = coding && (file.siblings & bit_of(*coding)) != 0;
    if (coding && !is_there && http::ContentEncoder::is_available(*coding)) {
      file.makeable |= bit_of(*coding);
    }
  }
}

Result<std::shared_ptr<Representation>> FileTree::represent(std::string_view path,
                                                            OpenedFile opened, Coding coding,
                                                            const CachedFile* known) const {
  auto stored = std::make_shared<Representation>();
  stored->path = path;
  stored->info = opened.info;
  const Representation* same = known != nullptr ? known->in(coding).get() : nullptr;
  if (same != nullptr && same->form == Representation::Form::stored && same->is_settled &&
      same->content && same->path == path && same->info == opened.info) {
    stored->content = same->content;
    stored->hash = same->hash;
  } else if (around_.config.cache.memory > 0 && opened.info.size <= around_.kept_bytes) {
    TRY(read_content(*stored, opened.fd.get()));
  }
  stored->is_settled = is_settled(stored->info);
  stored->etag = entity_tag(*stored, coding);
  return stored;
}

// What is read counts only if the file was the same before and after. There is no content when the
// file has become too large to keep.
Result<void> FileTree::read_content(Representation& into, int fd) const {
  for (int tries = 0; tries < kReadTries; ++tries) {
    Result<std::string> content = read_file(fd, into.info.size, around_.kept_bytes);
    struct stat status {};
    if (::fstat(fd, &status) != 0) return Unexpected(Error::from_errno(errno, into.path));
    const FileInfo before = std::exchange(into.info, FileInfo::from(status));
    if (into.info.size > around_.kept_bytes) return {};
    if (into.info != before) continue;
    if (!content) return Unexpected(std::move(content).error());
    into.hash = content_hash(*content);
    into.content = std::make_shared<const std::string>(std::move(*content));
    return {};
  }
  return Unexpected(Error{"the file changes faster than it can be read", EAGAIN});
}

bool FileTree::is_settled(const FileInfo& info) const {
  constexpr std::int64_t kNanosecondsInMillisecond = 1'000'000;
  return info.ctime_ns / kNanosecondsInMillisecond + kSettleMilliseconds <=
         around_.loop.wall_milliseconds();
}

// RFC 9110 section 8.8.3. Of content that we hold, its hash: whatever the times say, and the same
// on all machines. Of larger files, what tells their states apart, and that only weakly while a
// further change could leave it as it is (section 8.8.1).
std::string FileTree::entity_tag(const Representation& of, Coding coding) const {
  const std::string suffix =
      coding == Coding::identity ? "" : "-" + std::string(http::coding_name(coding));
  if (of.content) return fmt::format("\"{:016x}{}\"", of.hash, suffix);
  return fmt::format("{}\"{:x}-{:x}-{:x}-{:x}{}\"", of.is_settled ? "" : "W/", of.info.inode,
                     of.info.size, static_cast<std::uint64_t>(of.info.mtime_ns),
                     static_cast<std::uint64_t>(of.info.ctime_ns), suffix);
}

void FileTree::finish_fields(const CachedFile& file, Representation& of, std::string_view named_as,
                             Coding coding, bool is_other_name) const {
  of.add("Content-Type", types_.of(named_as));
  if (coding != Coding::identity)
    of.add("Content-Encoding", std::string(http::coding_name(coding)));
  // RFC 9110 section 8.8.2.1: never later than Date; a file from the future has no date yet.
  const std::int64_t modified = of.info.mtime_ns / kNanoseconds;
  if (modified <= around_.loop.wall_seconds()) {
    of.last_modified = modified;
    const http::DateText date = http::format_date(modified);
    of.add("Last-Modified", std::string(date.data(), date.size()));
  }
  of.add("ETag", of.etag);
  of.add("Accept-Ranges", "bytes");
  of.url_path = around_.url_prefix + std::string(named_as);
  if (const std::string_view value = cache_control(of.url_path); !value.empty()) {
    of.add("Cache-Control", std::string(value));
  }
  if (is_other_name) {
    Arena arena;
    of.add("Content-Location", std::string(http::encode_path(of.url_path, arena)));
  }
  // Every coding's answer says that there was a choice, the plain one's too.
  if (file.varies) of.fields.push_back({"Vary", "Accept-Encoding"});
  of.prepare();
}

const std::shared_ptr<Representation>& FileTree::describe_made(CachedFile& file,
                                                               Coding coding) const {
  auto& made = file.representations[static_cast<std::size_t>(coding)];
  if (made) return made;
  const Representation& plain = file.identity();
  made = std::make_shared<Representation>();
  made->form = plain.content ? Representation::Form::made : Representation::Form::streamed;
  made->path = plain.path;
  made->url_path = plain.url_path;
  made->info = plain.info;
  made->is_settled = plain.is_settled;
  made->last_modified = plain.last_modified;
  if (plain.content) {
    // Another encoder may give other octets for the same content.
    const std::uint64_t both[] = {plain.hash, http::encoder_fingerprint(coding)};
    made->etag = fmt::format("\"{:016x}-{}\"",
                             content_hash({reinterpret_cast<const char*>(both), sizeof both}),
                             http::coding_name(coding));
  } else {
    const std::string tag = entity_tag(plain, coding);
    made->etag = tag.starts_with("W/") ? tag : "W/" + tag;
  }
  for (const http::ResponseField& field : plain.fields) {
    if (field.name == "ETag") {
      made->add("ETag", made->etag);
    } else if (field.name != "Accept-Ranges" || made->form == Representation::Form::made) {
      made->add(field.name, std::string(field.value));
    }
    if (field.name == "Content-Type") {
      made->add("Content-Encoding", std::string(http::coding_name(coding)));
    }
  }
  made->prepare();
  return made;
}

Result<UniqueFd> FileTree::open(const Representation& stored) const {
  TRY_ASSIGN(OpenedFile opened, root_.open_below(stored.path, symlinks_));
  if (opened.info != stored.info) return Unexpected(Error{"the file was replaced", ESTALE});
  return std::move(opened.fd);
}

bool FileTree::may_be_part_of_a_page(std::string_view path) const {
  const std::string type = types_.of(path, "");
  return !type.empty() && !type.starts_with("text/html") &&
         !type.starts_with("application/xhtml+xml");
}

std::string_view FileTree::cache_control(std::string_view path) const {
  for (const auto& [pattern, value] : rules_.cache_control) {
    if (matches_pattern(pattern, path)) return value;
  }
  return {};
}

}  // namespace uvhttpd
