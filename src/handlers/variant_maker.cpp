// SPDX-License-Identifier: MIT
#include "handlers/variant_maker.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "http/content_coder.h"

namespace uvhttpd {
namespace {

// A variant must save a sixteenth: less is not worth decoding it.
constexpr std::size_t kLeastGain = 16;

bool is_worth_it(std::size_t coded, std::size_t plain) {
  return coded + plain / kLeastGain < plain;
}

}  // namespace

struct VariantMaker::Job {
  Job(VariantMaker& its_maker, FileTree& its_tree, std::string_view asked_path)
      : maker(its_maker),
        tree(its_tree),
        asked(asked_path),
        task(
            maker.loop_,
            [](void* self) {
              auto* job = static_cast<Job*>(self);
              job->maker.finish(*job);
            },
            this) {}

  VariantMaker& maker;
  FileTree& tree;
  const std::string asked;
  std::shared_ptr<CachedFile> file;
  http::Coding coding{};
  // The thread that works has its share of it.
  std::shared_ptr<std::optional<Result<std::string>>> made;
  IntrusiveList<Waiter> waiters;
  BackgroundTask task;
};

VariantMaker::VariantMaker(EventLoop& loop, Log& log) : loop_(loop), log_(log) {}
VariantMaker::~VariantMaker() = default;

bool VariantMaker::make(FileTree& tree, std::string_view asked,
                        const std::shared_ptr<CachedFile>& file, http::Coding coding,
                        Waiter& waiter) {
  const auto under_way = std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& job) {
    return job.file == file && job.coding == coding;
  });
  if (under_way != jobs_.end()) {
    under_way->waiters.push_back(waiter);
    return true;
  }
  if (jobs_.size() == kMostJobs) return false;
  Job& job = jobs_.emplace_back(*this, tree, asked);
  job.file = file;
  job.coding = coding;
  job.made = std::make_shared<std::optional<Result<std::string>>>();
  job.waiters.push_back(waiter);
  job.task.start([made = job.made, content = file->identity().content, coding] {
    made->emplace(http::encode_whole(coding, *content));
  });
  return true;
}

void VariantMaker::finish(Job& job) {
  Result<std::string>& made = **job.made;
  Representation& variant = *job.file->in(job.coding);
  if (made && is_worth_it(made->size(), job.file->identity().content->size())) {
    variant.content = std::make_shared<const std::string>(std::move(*made));
    job.tree.update(job.asked, job.file);
  } else {
    job.file->makeable &= ~bit_of(job.coding);
    if (!made) {
      log_.error("compress", "{}: {}", escape_for_log(variant.path), made.error().message);
    }
  }
  // The job must be gone before anybody is called, who may ask for the next one.
  IntrusiveList<Waiter> waiting;
  job.waiters.for_each([&](Waiter& waiter) {
    waiter.unlink();
    waiting.push_back(waiter);
  });
  jobs_.remove_if([&](const Job& each) { return &each == &job; });
  while (!waiting.empty()) {
    Waiter& waiter = waiting.front();
    waiter.unlink();
    waiter.decided_(waiter.owner_);
  }
}

}  // namespace uvhttpd
