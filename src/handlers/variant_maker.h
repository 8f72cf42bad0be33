// SPDX-License-Identifier: MIT
// handlers/variant_maker.h: compressed variants of kept files, each made once, off the loop,
// however many wait for it.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "base/intrusive_list.h"
#include "base/log.h"
#include "handlers/file_tree.h"
#include "io/background.h"

namespace uvhttpd {

// One for all static routes of a worker.
class VariantMaker {
 public:
  // Who waits for a variant. Stops waiting when it dies. Never moved.
  class Waiter : public ListNode {
   public:
    using Callback = void (*)(void* owner);
    // `decided` is called once, from the loop, after make() took the waiter: the variant is there,
    // or cannot be had and is no longer among what is makeable.
    Waiter(Callback decided, void* owner) : decided_(decided), owner_(owner) {}
    ~Waiter() { unlink(); }

   private:
    friend class VariantMaker;
    Callback decided_;
    void* owner_;
  };

  VariantMaker(EventLoop& loop, Log& log);
  VariantMaker(const VariantMaker&) = delete;
  VariantMaker& operator=(const VariantMaker&) = delete;
  // Nobody may be waiting any more.
  ~VariantMaker();

  // Makes what describe_made() described, unless that is under way already. `asked` is the path
  // that the tree knows the file by. False when kMostJobs are: then nothing happens.
  bool make(FileTree& tree, std::string_view asked, const std::shared_ptr<CachedFile>& file,
            http::Coding coding, Waiter& waiter);

  // Few, so that nobody waits long: what comes on top is sent plain.
  static constexpr std::size_t kMostJobs = 8;

 private:
  struct Job;
  void finish(Job& job);

  EventLoop& loop_;
  Log& log_;
  std::list<Job> jobs_;
};

}  // namespace uvhttpd
