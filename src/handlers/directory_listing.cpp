// SPDX-License-Identifier: MIT
#include "handlers/directory_listing.h"

#include <fmt/format.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/content_hash.h"
#include "handlers/dir_listing.h"
#include "handlers/dir_listing_page.h"
#include "handlers/file_source.h"
#include "http/conditional.h"
#include "http/content_coder.h"
#include "http/negotiate.h"

namespace uvhttpd {
namespace {

constexpr std::size_t kLeastCompressed = 1024;

// All that another thread needs, and what it made of it.
struct Work {
  explicit Work(Directory its_root) : root(std::move(its_root)) {}

  Directory root;
  std::string path;      // below the root
  std::string url_path;  // decoded
  ListingRules rules;
  ListingOrder order;
  ListingFormat format = ListingFormat::html;
  http::Coding coding = http::Coding::identity;

  std::string body;
  std::string etag;
  std::optional<Error> error;

  void run();

 private:
  Result<void> make();
};

void Work::run() {
  if (Result<void> made = make(); !made) error = std::move(made).error();
  etag = fmt::format("\"{:016x}\"", content_hash(body));
}

Result<void> Work::make() {
  TRY_ASSIGN(Listing listing, read_listing(root, path, rules));
  sort_listing(listing, order);
  body = format == ListingFormat::json ? render_json(listing)
                                       : render_html(listing, url_path, order, url_path != "/");
  if (coding == http::Coding::identity) return {};
  if (body.size() < kLeastCompressed) {
    coding = http::Coding::identity;
    return {};
  }
  TRY_ASSIGN(
      http::ContentEncoder encoder,
      http::ContentEncoder::create(coding, http::ContentEncoder::Effort::stream, body.size()));
  std::string coded;
  TRY(encoder.write(body, coded));
  TRY(encoder.finish(coded));
  body = std::move(coded);
  return {};
}

http::Coding choose_coding(const Exchange& exchange, std::span<const http::Coding> preference) {
  unsigned makeable = 0;
  for (const http::Coding coding : preference) {
    if (http::ContentEncoder::is_available(coding)) makeable |= bit_of(coding);
  }
  return http::choose_coding(http::AcceptedCodings::from(exchange.request().head),
                             {preference, 0, makeable});
}

http::Status status_of(int error) {
  switch (error) {
    case EACCES:
    case EPERM: return 403;
    case EMFILE:
    case ENFILE:
    case ENOMEM: return 503;
    case ENOENT:
    case ENOTDIR: return 404;
    default: return 500;
  }
}

}  // namespace

class DirectoryListings::Run : public ListNode {
 public:
  Run(DirectoryListings& all, Exchange& exchange, std::shared_ptr<Work> work,
      std::string_view cache_control)
      : all_(all), exchange_(exchange), work_(std::move(work)), cache_control_(cache_control) {
    all_.waiting_.push_back(*this);
    ++all_.waiting_count_;
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() {
    leave_queue();
    if (all_.running_ == this) all_.running_ = nullptr;
    all_.held_bytes_ -= held_bytes_;
  }

  const std::shared_ptr<Work>& work() const { return work_; }

  void leave_queue() {
    if (!is_linked()) return;
    unlink();
    --all_.waiting_count_;
  }

  void on_made() {
    held_bytes_ = work_->body.size();
    all_.held_bytes_ += held_bytes_;
    if (work_->error) {
      return exchange_.fail(status_of(work_->error->os_error),
                            escape_for_log(work_->error->message));
    }
    const http::RequestHead& request = exchange_.request().head;
    const std::string_view etag = work_->etag;
    const http::Validators validators{etag, std::nullopt};
    switch (http::evaluate_preconditions(request, validators, exchange_.loop().wall_seconds())) {
      case http::Precondition::failed: return exchange_.fail(412, {});
      case http::Precondition::not_modified: return respond(304, etag);
      case http::Precondition::proceed: return respond(200, etag);
    }
  }

  void respond(http::Status status, std::string_view etag) {
    ResponseHead head(exchange_.arena(), status);
    if (status == 200) {
      head.add("Content-Type", work_->format == ListingFormat::json ? "application/json"
                                                                    : "text/html; charset=utf-8");
      if (work_->coding != http::Coding::identity) {
        head.add("Content-Encoding", http::coding_name(work_->coding));
      }
      head.content_length = work_->body.size();
    }
    head.add("ETag", etag);
    if (!cache_control_.empty()) head.add("Cache-Control", cache_control_);
    head.add("Vary", "Accept, Accept-Encoding");
    exchange_.respond(head,
                      status == 200 ? &exchange_.keep<MemorySource>(work_->body, work_) : nullptr);
  }

  DirectoryListings& all_;
  Exchange& exchange_;
  std::shared_ptr<Work> work_;
  std::string_view cache_control_;  // the tree's
  std::size_t held_bytes_ = 0;
};

DirectoryListings::DirectoryListings(EventLoop& loop)
    : task_(
          loop, [](void* self) { static_cast<DirectoryListings*>(self)->on_made(); }, this) {}
DirectoryListings::~DirectoryListings() = default;

void DirectoryListings::begin_next() {
  if (task_.is_running() || waiting_.empty()) return;
  running_ = &waiting_.front();
  running_->leave_queue();
  task_.start([work = running_->work()] { work->run(); });
}

void DirectoryListings::on_made() {
  Run* run = std::exchange(running_, nullptr);
  begin_next();
  if (run != nullptr) run->on_made();
}

void DirectoryListings::answer(Exchange& exchange, const Asked& ask) {
  const auto too_busy = [&](std::string_view why) {
    const http::ResponseField retry{"Retry-After", "1"};
    exchange.fail(503, why, {&retry, 1});
  };
  if (waiting_count_ == kMostWaiting || held_bytes_ >= kMostHeldBytes) {
    return too_busy("too many directories are being listed");
  }
  Result<Directory> root = ask.tree.root().duplicate();
  if (!root) return too_busy(root.error().message);
  const Request& request = exchange.request();
  auto work = std::make_shared<Work>(std::move(*root));
  work->path = ask.path;
  work->url_path = request.target.path;
  work->rules.hidden_files = ask.rules.hidden_files;
  work->rules.symlinks = ask.tree.symlinks();
  work->rules.most_entries = kMostEntries;
  work->rules.refuses = [names = ask.tree.names(), where = work->path](const ListingEntry& entry,
                                                                       std::string_view leads_to) {
    const std::string below = where + entry.name;
    const std::string why =
        entry.is_directory() ? names.refusal_of_any(below) : names.refusal(below);
    return !why.empty() ||
           (!leads_to.empty() && !names.refusal_of_real(leads_to, entry.is_directory()).empty());
  };
  work->order = parse_listing_order(request.target.query);
  work->format = choose_listing_format(request.head.fields);
  work->coding = choose_coding(exchange, ask.preference);
  exchange.keep<Run>(*this, exchange, std::move(work), ask.tree.cache_control(request.target.path));
  begin_next();
}

}  // namespace uvhttpd
