// SPDX-License-Identifier: MIT
#include "handlers/static_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "handlers/file_source.h"
#include "http/date.h"
#include "http/mime.h"
#include "http/range.h"
#include "server/exchange.h"
#include "server/site.h"

namespace uvhttpd {
namespace {

using http::Coding;

constexpr config::Bytes kLeastKept = 4;  // files of the largest size that a worker's share holds
constexpr int kReadTries = 3;            // for a file that changes while it is read

struct Sibling {
  Coding coding;
  std::string_view suffix;
};
constexpr Sibling kSiblings[] = {
    {Coding::zstd, ".zst"}, {Coding::brotli, ".br"}, {Coding::gzip, ".gz"}};

http::Status status_of(int error) {
  switch (error) {
    case EACCES:
    case EPERM: return 403;
    case EMFILE:
    case ENFILE:
    case ENOMEM: return 503;
    case EIO: return 500;
    default: return 404;
  }
}

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

std::string entity_tag(const FileInfo& info, Coding coding) {
  return fmt::format("\"{:x}-{:x}-{:x}{}{}\"", info.inode, info.size,
                     static_cast<std::uint64_t>(info.mtime_ns),
                     coding == Coding::identity ? "" : "-",
                     coding == Coding::identity ? "" : http::coding_name(coding));
}

bool matches_pattern(std::string_view pattern, std::string_view path) {
  if (pattern.starts_with('*')) return path.ends_with(pattern.substr(1));
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return path == pattern;
  return path.starts_with(pattern.substr(0, star)) && path.ends_with(pattern.substr(star + 1)) &&
         path.size() + 1 >= pattern.size();
}

bool is_content_field(std::string_view name) {
  return name == "Content-Type" || name == "Content-Encoding" || name == "Accept-Ranges";
}

}  // namespace

bool has_hidden_segment(std::string_view path) {
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    if (segment.starts_with('.') && segment != ".well-known") return true;
    at = end + 1;
  }
  return false;
}

SymlinkPolicy symlink_policy(config::Symlinks rule) {
  switch (rule) {
    case config::Symlinks::deny: return SymlinkPolicy::deny;
    case config::Symlinks::follow: return SymlinkPolicy::follow;
    case config::Symlinks::inside: break;
  }
  return SymlinkPolicy::inside;
}

Result<BuiltHandler> StaticFiles::build(const config::Route& route, const HandlerContext& context) {
  const auto& rules = std::get<config::StaticHandler>(route.handler);
  TRY_ASSIGN(Directory root, Directory::open(rules.files.root));
  const config::Bytes share = context.config.cache.memory / context.workers;
  auto cache = context.shared.get<FileCache>(share);
  // Patterns of cache_control are about paths as clients ask for them.
  std::string url_prefix = rules.own_root ? route.path.prefix : "/";
  return BuiltHandler{std::make_unique<StaticFiles>(
                          rules, context.config, context.loop, std::move(root), std::move(cache),
                          Bounds{std::min(context.config.cache.file_bytes, share / kLeastKept),
                                 std::move(url_prefix)}),
                      "static",
                      {"GET", "HEAD"},
                      false};
}

StaticFiles::StaticFiles(const config::StaticHandler& rules, const config::Config& config,
                         EventLoop& loop, Directory root, std::shared_ptr<FileCache> cache,
                         Bounds bounds)
    : rules_(rules),
      config_(config),
      loop_(loop),
      root_(std::move(root)),
      symlinks_(symlink_policy(rules.files.symlinks)),
      kept_bytes_(bounds.kept_bytes),
      url_prefix_(std::move(bounds.url_prefix)),
      cache_(std::move(cache)) {}

std::string_view StaticFiles::path_of(const Exchange& exchange) const {
  const Request& request = exchange.request();
  return rules_.own_root ? request.matched : request.target.path.substr(1);
}

void StaticFiles::handle(Exchange& exchange) {
  const Request& request = exchange.request();
  const std::string_view path = path_of(exchange);
  if (request.target.has_encoded_slash) return exchange.fail(404, {});
  if (!rules_.files.hidden_files && has_hidden_segment(path)) return exchange.fail(404, {});
  // "/docs" of a route "/docs/*" is the root itself, without its slash.
  if (path.empty() && !request.target.path.ends_with('/')) return redirect_to_directory(exchange);

  Found found = find(path);
  if (found.needs_slash) return redirect_to_directory(exchange);
  if (!found.file) {
    const http::ResponseField retry{"Retry-After", "1"};
    return exchange.fail(found.status, found.why,
                         {&retry, found.status == 503 ? std::size_t{1} : std::size_t{0}});
  }
  answer(exchange, std::move(found.file));
}

StaticFiles::Found StaticFiles::find(std::string_view path) {
  const TimePoint now = loop_.now();
  const Duration revalidate = config_.cache.revalidate;
  std::shared_ptr<CachedFile> known = cache_->find(this, path);
  if (known && now - known->checked < revalidate) return {std::move(known), false, 200, {}};
  if (now - root_checked_ >= revalidate) {
    root_.reopen_if_replaced();
    root_checked_ = now;
  }
  Found found = look_up(path, known.get());
  if (!found.file) {
    if (known) cache_->erase(this, path);
    return found;
  }
  found.file->checked = now;
  cache_->store(this, path, found.file);
  return found;
}

StaticFiles::Found StaticFiles::look_up(std::string_view path, const CachedFile* known) {
  // A directory's path ends in a slash; of a file such a path is none (ENOTDIR).
  // A directory is only looked at: it need not be readable.
  const bool names_directory = path.empty() || path.ends_with('/');
  Result<OpenedFile> opened =
      names_directory ? root_.locate_below(path, symlinks_) : root_.open_below(path, symlinks_);
  if (!opened && opened.error().os_error == EACCES) {
    const Result<OpenedFile> located = root_.locate_below(path, symlinks_);
    if (located && located->info.is_directory()) return {nullptr, true, 301, {}};
  }
  if (!opened) {
    return {nullptr, false, status_of(opened.error().os_error), explain(opened.error().os_error)};
  }
  if (opened->info.is_regular()) return describe(path, std::move(*opened), known);
  if (!opened->info.is_directory()) return {nullptr, false, 404, "not a regular file"};
  if (!path.empty() && !path.ends_with('/')) return {nullptr, true, 301, {}};
  return look_up_index(path, known);
}

StaticFiles::Found StaticFiles::look_up_index(std::string_view directory, const CachedFile* known) {
  for (const std::string& name : rules_.files.index) {
    const std::string path = std::string(directory) + name;
    Result<OpenedFile> opened = root_.open_below(path, symlinks_);
    if (opened && opened->info.is_regular()) return describe(path, std::move(*opened), known);
    if (!opened && opened.error().os_error != ENOENT) {
      return {nullptr, false, status_of(opened.error().os_error), explain(opened.error().os_error)};
    }
  }
  return {};
}

StaticFiles::Found StaticFiles::describe(std::string_view path, OpenedFile opened,
                                         const CachedFile* known) {
  auto file = std::make_shared<CachedFile>();
  const auto identity = static_cast<std::size_t>(Coding::identity);
  file->representations[identity] =
      represent(path, path, std::move(opened), Coding::identity, known);
  if (!file->representations[identity]) {
    return {nullptr, false, 503, "the file changes faster than it can be read"};
  }
  file->available = 1u << identity;
  if (rules_.files.precompressed) add_siblings(*file, path, known);
  finish_fields(*file);
  return {std::move(file), false, 200, {}};
}

void StaticFiles::add_siblings(CachedFile& file, std::string_view path, const CachedFile* known) {
  const std::int64_t changed = file.in(Coding::identity).info.mtime_ns;
  for (const Sibling& sibling : kSiblings) {
    const std::string name = std::string(path).append(sibling.suffix);
    Result<OpenedFile> opened = root_.open_below(name, symlinks_);
    // A sibling older than its file was made from another content.
    if (!opened || !opened->info.is_regular() || opened->info.mtime_ns < changed) continue;
    const auto index = static_cast<std::size_t>(sibling.coding);
    file.representations[index] = represent(name, path, std::move(*opened), sibling.coding, known);
    if (file.representations[index]) file.available |= 1u << index;
  }
}

std::unique_ptr<Representation> StaticFiles::represent(std::string_view path,
                                                       std::string_view named_as, OpenedFile opened,
                                                       Coding coding, const CachedFile* known) {
  auto made = std::make_unique<Representation>();
  made->path = path;
  made->info = opened.info;
  const auto index = static_cast<std::size_t>(coding);
  const Representation* same = known != nullptr ? known->representations[index].get() : nullptr;
  if (same != nullptr && same->path == path && same->info == opened.info && same->content) {
    made->content = same->content;
  } else if (config_.cache.memory > 0 && opened.info.size <= kept_bytes_) {
    // What is read counts only if the file was the same before and after.
    for (int tries = 0; tries < kReadTries && !made->content; ++tries) {
      Result<std::string> content = read_file(opened.fd.get(), made->info.size, kept_bytes_);
      struct stat status {};
      if (::fstat(opened.fd.get(), &status) != 0) return nullptr;
      const FileInfo now = FileInfo::from(status);
      if (content && now == made->info) {
        made->content = std::make_shared<const std::string>(std::move(*content));
      }
      made->info = now;
      if (now.size > kept_bytes_) break;
    }
    if (!made->content && made->info.size <= kept_bytes_) return nullptr;
  }
  add_fields(*made, named_as, coding);
  return made;
}

void StaticFiles::add_fields(Representation& what, std::string_view named_as, Coding coding) const {
  const auto add = [&what](std::string_view name, std::string value) {
    what.texts.push_back(std::move(value));
    what.fields.push_back({name, what.texts.back()});
  };
  what.etag = entity_tag(what.info, coding);
  add("Content-Type", content_type(named_as));
  if (coding != Coding::identity) add("Content-Encoding", std::string(http::coding_name(coding)));
  // RFC 9110 section 8.8.2.1: never later than Date; a file from the future has no date yet.
  const std::int64_t modified = what.info.mtime_ns / 1'000'000'000;
  if (modified <= loop_.wall_seconds()) {
    what.last_modified = modified;
    const http::DateText date = http::format_date(modified);
    add("Last-Modified", std::string(date.data(), date.size()));
  }
  add("ETag", what.etag);
  add("Accept-Ranges", "bytes");
  const std::string path = url_prefix_ + std::string(named_as);
  for (const auto& [pattern, value] : rules_.files.cache_control) {
    if (!matches_pattern(pattern, path)) continue;
    add("Cache-Control", value);
    break;
  }
}

// Every coding's answer says that there was a choice, the plain one's too.
void StaticFiles::finish_fields(CachedFile& file) const {
  const bool has_choice = (file.available & (file.available - 1)) != 0;
  for (const auto& representation : file.representations) {
    if (!representation) continue;
    if (has_choice) representation->fields.push_back({"Vary", "Accept-Encoding"});
    representation->prepared = http::encode_fields(representation->fields);
  }
}

std::string StaticFiles::content_type(std::string_view path) const {
  const std::size_t slash = path.rfind('/') + 1;  // npos + 1 is 0
  const std::size_t dot = path.rfind('.');
  std::string type = "application/octet-stream";
  if (dot != std::string_view::npos && dot > slash) {
    const std::string extension = to_lower(path.substr(dot));
    if (const auto own = config_.types.find(extension); own != config_.types.end()) {
      type = own->second;
    } else if (const std::string_view known = http::media_type_of(extension); !known.empty()) {
      type = known;
    }
  }
  if (!rules_.files.charset.empty() && http::takes_charset(type)) {
    type += "; charset=" + rules_.files.charset;
  }
  return type;
}

void StaticFiles::answer(Exchange& exchange, std::shared_ptr<CachedFile> file) {
  const http::RequestHead& head = exchange.request().head;
  Coding coding = Coding::identity;
  if (file->available != 1u << static_cast<unsigned>(Coding::identity)) {
    coding = http::choose_coding(http::AcceptedCodings::from(head), {{}, file->available, 0});
  }
  const Representation& what = file->in(coding);
  switch (http::evaluate_preconditions(head, what.validators(), loop_.wall_seconds())) {
    case http::Precondition::not_modified:
      return answer_not_modified(exchange, std::move(file), what);
    case http::Precondition::failed: return exchange.fail(412, {});
    case http::Precondition::proceed: break;
  }
  if (head.method == http::Method::get && head.fields.has(http::FieldName::range) &&
      answer_range(exchange, file, what)) {
    return;
  }
  answer_whole(exchange, std::move(file), what);
}

void StaticFiles::answer_whole(Exchange& exchange, std::shared_ptr<const CachedFile> file,
                               const Representation& what) {
  BodySource* source = source_of(exchange, file, what, 0, what.info.size);
  if (source == nullptr) return;
  ResponseHead head(exchange.arena());
  if (exchange.route().headers_are_additive) {
    head.prepared = what.prepared;
  } else {
    for (const http::ResponseField& field : what.fields) head.add(field.name, field.value);
  }
  head.content_length = what.info.size;
  exchange.respond(head, source);
}

// RFC 9110 section 15.4.5: what the 200 would have carried, without what describes its content.
void StaticFiles::answer_not_modified(Exchange& exchange, std::shared_ptr<const CachedFile> file,
                                      const Representation& what) {
  ResponseHead head(exchange.arena(), 304);
  for (const http::ResponseField& field : what.fields) {
    if (!is_content_field(field.name)) head.add(field.name, field.value);
  }
  exchange.keep<std::shared_ptr<const CachedFile>>(std::move(file));
  exchange.respond(head, nullptr);
}

bool StaticFiles::answer_range(Exchange& exchange, const std::shared_ptr<const CachedFile>& file,
                               const Representation& what) {
  const http::RequestHead& request = exchange.request().head;
  std::string_view value;
  int lines = 0;
  request.fields.for_each(http::FieldName::range, [&](std::string_view line) {
    value = line;
    ++lines;
  });
  if (lines != 1 || !http::if_range_holds(request, what.validators(), loop_.wall_seconds()))
    return false;
  const http::RangeSet set = http::parse_ranges(value, what.info.size, exchange.arena());
  if (set.verdict == http::RangeVerdict::whole || set.ranges.size() > 1) return false;
  if (set.verdict == http::RangeVerdict::unsatisfiable) {
    const std::string text = "bytes */" + std::to_string(what.info.size);
    const http::ResponseField fields[] = {{"Content-Range", text}, {"Vary", "Accept-Encoding"}};
    const bool has_choice = (file->available & (file->available - 1)) != 0;
    exchange.fail(416, {}, {fields, has_choice ? std::size_t{2} : std::size_t{1}});
    return true;
  }
  const http::ByteRange range = set.ranges.front();
  const std::uint64_t length = range.last - range.first + 1;
  BodySource* source = source_of(exchange, file, what, range.first, length);
  if (source == nullptr) return true;
  ResponseHead head(exchange.arena(), 206);
  for (const http::ResponseField& field : what.fields) head.add(field.name, field.value);
  head.add("Content-Range", http::content_range(range, what.info.size, exchange.arena()));
  head.content_length = length;
  exchange.respond(head, source);
  return true;
}

BodySource* StaticFiles::source_of(Exchange& exchange,
                                   const std::shared_ptr<const CachedFile>& file,
                                   const Representation& what, std::uint64_t offset,
                                   std::uint64_t length) {
  if (what.content) {
    return &exchange.keep<MemorySource>(std::string_view(*what.content).substr(offset, length),
                                        file);
  }
  exchange.keep<std::shared_ptr<const CachedFile>>(file);
  Result<OpenedFile> opened = root_.open_below(what.path, symlinks_);
  if (opened && opened->info == what.info) {
    return &exchange.keep<FileSource>(std::make_shared<const UniqueFd>(std::move(opened->fd)),
                                      offset, length);
  }
  // It was replaced since the last look: the answer is about what is there now.
  cache_->erase(this, path_of(exchange));
  if (opened && !looking_again_) {
    looking_again_ = true;
    handle(exchange);
    looking_again_ = false;
    return nullptr;
  }
  const http::Status status = opened ? 503 : status_of(opened.error().os_error);
  const http::ResponseField retry{"Retry-After", "1"};
  exchange.fail(status, {}, {&retry, status == 503 ? std::size_t{1} : std::size_t{0}});
  return nullptr;
}

void StaticFiles::redirect_to_directory(Exchange& exchange) {
  const http::Target& target = exchange.request().target;
  // The normalised path begins with exactly one slash, so this never names another host.
  const std::string_view path = http::encode_path(target.path, exchange.arena());
  const std::string_view location =
      target.has_query ? exchange.arena().concat(path, std::string_view("/?"), target.query)
                       : exchange.arena().concat(path, std::string_view("/"));
  const http::ResponseField field{"Location", location};
  exchange.fail(301, {}, {&field, 1});
}

AnswerSource StaticFiles::foresee(Exchange& exchange) {
  const Request& request = exchange.request();
  const std::string_view path = path_of(exchange);
  if (request.target.has_encoded_slash) return {};
  if (!rules_.files.hidden_files && has_hidden_segment(path)) return {};
  const Found found = find(path);
  if (!found.file) return {};
  const Coding coding =
      http::choose_coding(http::AcceptedCodings::from(request.head), found.file->available);
  const std::string& root = root_.path();
  return {root + (root.ends_with('/') ? "" : "/") + found.file->in(coding).path, {}};
}

}  // namespace uvhttpd
