// SPDX-License-Identifier: MIT
#include "handlers/static_files.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "handlers/coded_source.h"
#include "handlers/redirect.h"
#include "http/accept.h"
#include "http/multipart.h"
#include "server/exchange.h"
#include "server/site.h"

namespace uvhttpd {
namespace {

using http::Coding;

constexpr config::Bytes kLeastKept = 4;  // files of the largest size that a worker's share holds
// Coded at once by one worker, each with an encoder of about 1 MiB; the others are sent plain.
constexpr unsigned kMostStreams = 32;

std::vector<Coding> preference_of(const config::FileRules& rules) {
  std::vector<Coding> codings;
  for (const std::string& name : rules.compress) {
    if (const auto coding = http::coding_of(name)) codings.push_back(*coding);
  }
  return codings;
}

// Somebody who follows a link, rather than a page that loads its parts.
bool asks_for_a_page(const http::RequestHead& head) {
  constexpr unsigned kByName = 3;
  const http::MediaPreference html = http::media_preference(head.fields, "text/html");
  return html.precision == kByName && html.quality > 0;
}

void add_fields(ResponseHead& head, const Representation& what) {
  for (const http::ResponseField& field : what.fields) head.add(field.name, field.value);
}

// Counts an answer that is being coded, for as long as its exchange lives.
class StreamPlace {
 public:
  explicit StreamPlace(unsigned& taken) : taken_(taken) { ++taken_; }
  StreamPlace(const StreamPlace&) = delete;
  StreamPlace& operator=(const StreamPlace&) = delete;
  ~StreamPlace() { --taken_; }

 private:
  unsigned& taken_;
};

}  // namespace

class StaticFiles::Pending {
 public:
  Pending(StaticFiles& files, Exchange& exchange, Asked asked)
      : files_(files),
        exchange_(exchange),
        asked_(std::move(asked)),
        waiter_([](void* self) { static_cast<Pending*>(self)->go_on(); }, this) {}

  VariantMaker::Waiter& waiter() { return waiter_; }

 private:
  void go_on() { files_.answer(exchange_, asked_); }

  StaticFiles& files_;
  Exchange& exchange_;
  const Asked asked_;
  VariantMaker::Waiter waiter_;
};

Result<BuiltHandler> StaticFiles::build(const config::Route& route, const HandlerContext& context) {
  const auto& rules = std::get<config::StaticHandler>(route.handler);
  TRY_ASSIGN(Directory root, Directory::open(rules.files.root));
  const config::Bytes share = context.config.cache.memory / context.workers;
  FileTree::Surroundings around{
      context.config,
      context.site,
      context.loop,
      context.shared.get<FileCache>(share),
      context.shared.get<ProgramFiles>(context.config),
      std::min(context.config.cache.file_bytes, share / kLeastKept),
      // Patterns of cache_control are about paths as clients ask for them.
      rules.own_root && route.path.kind == config::PathPattern::Kind::prefix ? route.path.prefix
                                                                             : "/",
  };
  BuiltHandler built;
  built.handler = std::make_unique<StaticFiles>(rules, context, std::move(root), std::move(around));
  built.name = "static";
  built.methods = {"GET", "HEAD"};
  return built;
}

StaticFiles::StaticFiles(const config::StaticHandler& rules, const HandlerContext& context,
                         Directory root, FileTree::Surroundings surroundings)
    : rules_(rules),
      loop_(context.loop),
      tree_(rules.files, std::move(root), std::move(surroundings)),
      variants_(context.shared.get<VariantMaker>(context.loop, context.log)),
      listings_(context.shared.get<DirectoryListings>(context.loop)),
      preference_(preference_of(rules.files)),
      streams_(context.shared.get<StreamCount>()) {}

std::string_view StaticFiles::path_of(const Exchange& exchange) const {
  const Request& request = exchange.request();
  return rules_.own_root ? request.matched : request.target.path.substr(1);
}

void StaticFiles::handle(Exchange& exchange) {
  const Request& request = exchange.request();
  const std::string_view path = path_of(exchange);
  if (request.target.has_encoded_slash) return exchange.fail(404, {});
  // "/docs" of a route "/docs/*" is the root itself, without its slash.
  if (path.empty() && !request.target.path.ends_with('/')) return redirect_to_directory(exchange);
  resolve(exchange, {path});
}

void StaticFiles::resolve(Exchange& exchange, Asked asked) {
  using Kind = FileTree::Found::Kind;
  exchange.set_answered_path({});
  FileTree::Found found = seek(exchange, asked);
  if (found.kind == Kind::program && exchange.pass_on(url_of_index(exchange, found))) return;
  if (!exchange.route().takes(exchange.request().head.method_text)) {
    // The program was there a moment ago.
    const http::ResponseField allow{"Allow", "GET, HEAD, OPTIONS"};
    return exchange.fail(405, {}, {&allow, 1});
  }
  switch (found.kind) {
    case Kind::file: asked.file = std::move(found.file); return answer(exchange, asked);
    case Kind::needs_slash: return redirect_to_directory(exchange);
    case Kind::directory:
      if (rules_.files.listing) {
        return listings_->answer(exchange, {tree_, rules_.files, preference_, asked.path});
      }
      [[fallthrough]];
    case Kind::program:
    case Kind::absent:
    case Kind::refused:
    case Kind::failed: return answer_absence(exchange, found, asked);
  }
}

std::string_view StaticFiles::path_instead(Exchange& exchange) {
  if (exchange.request().target.has_encoded_slash) return {};
  Asked asked{path_of(exchange)};
  const FileTree::Found found = seek(exchange, asked);
  return found.kind == FileTree::Found::Kind::program ? url_of_index(exchange, found)
                                                      : std::string_view{};
}

std::string_view StaticFiles::url_of_index(Exchange& exchange,
                                           const FileTree::Found& program) const {
  const std::string_view directory = exchange.request().target.path;
  ASSERT(directory.ends_with('/'));
  return exchange.arena().concat(directory, std::string_view(rules_.files.index[program.index]));
}

FileTree::Found StaticFiles::choose_index(Exchange& exchange, Asked& asked,
                                          FileTree::Found program) {
  const std::string_view method = exchange.request().head.method_text;
  FileTree::Found found = std::move(program);
  std::string path(asked.path);
  while (found.kind == FileTree::Found::Kind::program) {
    const RouteChoice choice =
        choose_route(*exchange.site(), url_of_index(exchange, found), method);
    if (choice.route != nullptr && choice.route->executes) return found;
    found = tree_.find_index_behind(found, path);
  }
  asked.path = exchange.arena().copy(path);
  return found;
}

FileTree::Found StaticFiles::seek(Exchange& exchange, Asked& asked) {
  using Kind = FileTree::Found::Kind;
  FileTree::Found found =
      asked.is_second_look ? tree_.find_again(asked.path) : tree_.find(asked.path);
  if (found.kind == Kind::program) return choose_index(exchange, asked, std::move(found));
  const bool is_nothing =
      found.kind == Kind::absent || (found.kind == Kind::directory && !rules_.files.listing);
  if (!is_nothing || rules_.files.fallback.empty()) return found;
  // No page is what a program has looked for there.
  if (exchange.request().target.path.starts_with(http::kWellKnown)) return found;
  if (tree_.may_be_part_of_a_page(asked.path)) {
    asked.by_accept = true;
    if (!asks_for_a_page(exchange.request().head)) return found;
  }
  asked.path = std::string_view(rules_.files.fallback).substr(1);
  asked.is_fallback = true;
  FileTree::Found fallback = tree_.find(asked.path);
  // A directory in its place has no address that could be redirected to.
  const bool is_file = fallback.kind != Kind::needs_slash && fallback.kind != Kind::directory;
  return is_file ? fallback : FileTree::Found{};
}

void StaticFiles::answer_absence(Exchange& exchange, const FileTree::Found& found,
                                 const Asked& asked) {
  http::ResponseField fields[2];
  std::size_t count = 0;
  if (found.status == 503) fields[count++] = {"Retry-After", "1"};
  if (asked.by_accept) fields[count++] = {"Vary", "Accept"};
  exchange.fail(found.status, escape_for_log(found.why), {fields, count});
}

AnswerSource StaticFiles::foresee(Exchange& exchange) {
  const http::Target& target = exchange.request().target;
  Asked asked{path_of(exchange)};
  const bool needs_slash = asked.path.empty() && !target.path.ends_with('/');
  if (target.has_encoded_slash || needs_slash) return {};
  const FileTree::Found found = seek(exchange, asked);
  const std::string root = tree_.root().path() + (tree_.root().path().ends_with('/') ? "" : "/");
  switch (found.kind) {
    case FileTree::Found::Kind::file: break;
    case FileTree::Found::Kind::directory:
      if (!rules_.files.listing) return {};
      return {root + std::string(asked.path), "a listing of the directory"};
    case FileTree::Found::Kind::refused:
      return {root + std::string(asked.path), "which is refused: " + found.why};
    case FileTree::Found::Kind::absent:
      return {root + std::string(asked.path),
              asked.by_accept ? "which is missing; the fallback is for pages, not for their parts"
                              : "which is missing"};
    default: return {};
  }
  asked.file = found.file;
  const std::shared_ptr<Representation> what = choose(exchange, asked);
  std::string details = asked.is_fallback ? "the fallback" : "";
  if (what->form != Representation::Form::stored) {
    details += details.empty() ? "" : ", ";
    details += what->form == Representation::Form::streamed ? "compressed while it is sent"
               : what->content                              ? "compressed, kept in memory"
                                                            : "compressed and kept, if that pays";
  }
  return {root + what->path, std::move(details)};
}

const std::shared_ptr<Representation>& StaticFiles::choose(const Exchange& exchange,
                                                           const Asked& asked) const {
  const http::RequestHead& head = exchange.request().head;
  CachedFile& file = *asked.file;
  if (!file.varies) return file.in(Coding::identity);
  unsigned makeable = file.makeable;
  if (!file.identity().content) {
    // Without a length: not for those who know no chunks.
    if (head.minor_version == 0 || streams_->running >= kMostStreams) makeable = 0;
  }
  if (!asked.is_making_allowed) makeable = 0;
  const Coding coding = http::choose_coding(http::AcceptedCodings::from(head),
                                            {preference_, file.siblings, makeable});
  return (makeable & bit_of(coding)) != 0 ? tree_.describe_made(file, coding) : file.in(coding);
}

void StaticFiles::answer(Exchange& exchange, const Asked& asked) {
  const http::RequestHead& head = exchange.request().head;
  const std::shared_ptr<Representation> what = choose(exchange, asked);
  if (what->url_path != exchange.request().target.path) exchange.set_answered_path(what->url_path);
  switch (http::evaluate_preconditions(head, what->validators(), loop_.wall_seconds())) {
    case http::Precondition::not_modified: return answer_not_modified(exchange, asked, *what);
    case http::Precondition::failed: return exchange.fail(412, {});
    case http::Precondition::proceed: break;
  }
  if (what->form == Representation::Form::streamed) {
    if (!answer_ranges_plain(exchange, asked)) answer_streamed(exchange, asked, *what);
    return;
  }
  if (what->form == Representation::Form::made && !what->content) {
    for (const Coding coding : preference_) {
      if (asked.file->in(coding) == what) return wait_for(exchange, asked, coding);
    }
  }
  if (head.method == http::Method::get && head.fields.has(http::FieldName::range) &&
      answer_ranges(exchange, asked, what)) {
    return;
  }
  answer_whole(exchange, asked, what);
}

// A stream has no ranges; the file itself does, for those who take it.
bool StaticFiles::answer_ranges_plain(Exchange& exchange, const Asked& asked) {
  const http::RequestHead& head = exchange.request().head;
  if (head.method != http::Method::get || !head.fields.has(http::FieldName::range)) return false;
  if (http::AcceptedCodings::from(head).quality(Coding::identity) == 0) return false;
  Asked plain = asked;
  plain.is_making_allowed = false;
  return answer_ranges(exchange, plain, choose(exchange, plain));
}

void StaticFiles::wait_for(Exchange& exchange, const Asked& asked, Coding coding) {
  auto& pending = exchange.keep<Pending>(*this, exchange, asked);
  if (variants_->make(tree_, asked.path, asked.file, coding, pending.waiter())) return;
  Asked plain = asked;
  plain.is_making_allowed = false;
  answer(exchange, plain);
}

void StaticFiles::answer_whole(Exchange& exchange, const Asked& asked,
                               const std::shared_ptr<Representation>& what) {
  BodySource* source = source_of(exchange, asked, what, 0, what->length());
  if (source == nullptr) return;
  ResponseHead head(exchange.arena());
  if (exchange.route().headers_are_additive) {
    head.prepared = what->prepared;
  } else {
    add_fields(head, *what);
  }
  if (asked.by_accept) head.add("Vary", "Accept");
  head.content_length = what->length();
  exchange.respond(head, source);
}

void StaticFiles::answer_streamed(Exchange& exchange, const Asked& asked,
                                  const Representation& what) {
  exchange.keep<std::shared_ptr<CachedFile>>(asked.file);
  ResponseHead head(exchange.arena());
  add_fields(head, what);
  if (asked.by_accept) head.add("Vary", "Accept");
  if (exchange.request().head.method == http::Method::head) return exchange.respond(head, nullptr);
  const std::shared_ptr<const StableFile> file = open(exchange, asked, what);
  if (!file) return;
  Coding coding = Coding::identity;
  for (const Coding each : preference_) {
    if (asked.file->in(each).get() == &what) coding = each;
  }
  auto encoder =
      http::ContentEncoder::create(coding, http::ContentEncoder::Effort::stream, what.info.size);
  if (!encoder) return exchange.fail(500, encoder.error().message);
  exchange.keep<StreamPlace>(streams_->running);
  exchange.respond(head, &exchange.keep<CodedSource>(exchange, file, *std::move(encoder)));
}

// RFC 9110 section 15.4.5: what the 200 would have carried, without what describes its content.
void StaticFiles::answer_not_modified(Exchange& exchange, const Asked& asked,
                                      const Representation& what) {
  ResponseHead head(exchange.arena(), 304);
  if (exchange.route().headers_are_additive) {
    head.prepared = what.prepared_unchanged;
  } else {
    for (const http::ResponseField& field : what.fields) {
      if (!Representation::describes_content(field.name)) head.add(field.name, field.value);
    }
  }
  if (asked.by_accept) head.add("Vary", "Accept");
  exchange.keep<std::shared_ptr<CachedFile>>(asked.file);
  exchange.respond(head, nullptr);
}

bool StaticFiles::answer_ranges(Exchange& exchange, const Asked& asked,
                                const std::shared_ptr<Representation>& what) {
  const http::RequestHead& request = exchange.request().head;
  std::string_view value;
  int lines = 0;
  request.fields.for_each(http::FieldName::range, [&](std::string_view line) {
    value = line;
    ++lines;
  });
  if (lines != 1 || !http::if_range_holds(request, what->validators(), loop_.wall_seconds())) {
    return false;
  }
  const http::RangeSet set = http::parse_ranges(value, what->length(), exchange.arena());
  switch (set.verdict) {
    case http::RangeVerdict::whole: return false;
    case http::RangeVerdict::unsatisfiable: answer_unsatisfiable(exchange, asked, *what); break;
    case http::RangeVerdict::partial:
      if (set.ranges.size() == 1) {
        answer_one_range(exchange, asked, what, set.ranges.front());
      } else {
        answer_parts(exchange, asked, what, set.ranges);
      }
  }
  return true;
}

void StaticFiles::answer_unsatisfiable(Exchange& exchange, const Asked& asked,
                                       const Representation& what) {
  const std::string size = "bytes */" + std::to_string(what.length());
  http::ResponseField fields[3] = {{"Content-Range", size}};
  std::size_t count = 1;
  if (asked.file->varies) fields[count++] = {"Vary", "Accept-Encoding"};
  if (asked.by_accept) fields[count++] = {"Vary", "Accept"};
  exchange.fail(416, {}, {fields, count});
}

void StaticFiles::answer_one_range(Exchange& exchange, const Asked& asked,
                                   const std::shared_ptr<Representation>& what,
                                   const http::ByteRange& range) {
  const std::uint64_t length = range.last - range.first + 1;
  BodySource* source = source_of(exchange, asked, what, range.first, length);
  if (source == nullptr) return;
  ResponseHead head(exchange.arena(), 206);
  add_fields(head, *what);
  if (asked.by_accept) head.add("Vary", "Accept");
  head.add("Content-Range", http::content_range(range, what->length(), exchange.arena()));
  head.content_length = length;
  exchange.respond(head, source);
}

void StaticFiles::answer_parts(Exchange& exchange, const Asked& asked,
                               const std::shared_ptr<Representation>& what,
                               std::span<const http::ByteRange> ranges) {
  std::array<std::uint64_t, 2> random{};
  if (::getrandom(random.data(), sizeof random, 0) != static_cast<ssize_t>(sizeof random)) {
    return answer_whole(exchange, asked, what);
  }
  const http::BoundaryText boundary = http::make_boundary(random[0], random[1]);
  const std::string_view type = what->fields.front().value;
  ASSERT(what->fields.front().name == "Content-Type");
  const http::Multipart multipart = http::make_multipart(
      {type, what->length()}, ranges, {boundary.data(), boundary.size()}, exchange.arena());

  const std::span<BodyPiece> pieces = exchange.arena().make_array<BodyPiece>(ranges.size() + 1);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    pieces[i] = {multipart.heads[i], ranges[i].first, ranges[i].last - ranges[i].first + 1};
  }
  pieces.back() = {multipart.end, 0, 0};
  exchange.keep<std::shared_ptr<Representation>>(what);
  BodySource* source = nullptr;
  if (what->content) {
    source = &exchange.keep<PiecesSource>(exchange, pieces, what->content);
  } else {
    std::shared_ptr<const StableFile> file = open(exchange, asked, *what);
    if (!file) return;
    source = &exchange.keep<PiecesSource>(exchange, pieces, std::move(file));
  }
  ResponseHead head(exchange.arena(), 206);
  for (const http::ResponseField& field : what->fields) {
    head.add(field.name, field.name == "Content-Type" ? multipart.media_type : field.value);
  }
  if (asked.by_accept) head.add("Vary", "Accept");
  head.content_length = multipart.total_bytes;
  exchange.respond(head, source);
}

BodySource* StaticFiles::source_of(Exchange& exchange, const Asked& asked,
                                   const std::shared_ptr<Representation>& what,
                                   std::uint64_t offset, std::uint64_t length) {
  if (what->content) {
    return &exchange.keep<MemorySource>(std::string_view(*what->content).substr(offset, length),
                                        what);
  }
  exchange.keep<std::shared_ptr<Representation>>(what);
  std::shared_ptr<const StableFile> file = open(exchange, asked, *what);
  if (!file) return nullptr;
  return &exchange.keep<FileSource>(exchange, std::move(file), offset, length);
}

std::shared_ptr<const StableFile> StaticFiles::open(Exchange& exchange, const Asked& asked,
                                                    const Representation& what) {
  Result<UniqueFd> opened = tree_.open(what);
  if (opened) return std::make_shared<const StableFile>(std::move(*opened), what.info);
  // It was replaced since the last look: the answer is about what is there now.
  if (!asked.is_second_look) {
    resolve(exchange, {.path = asked.path, .by_accept = asked.by_accept, .is_second_look = true});
  } else {
    const http::ResponseField retry{"Retry-After", "1"};
    exchange.fail(503, opened.error().message, {&retry, 1});
  }
  return nullptr;
}

}  // namespace uvhttpd
