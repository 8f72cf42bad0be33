// SPDX-License-Identifier: MIT
// base/arena.h: memory for one exchange. Allocation moves a pointer, everything goes at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/assert.h"

namespace uvhttpd {

// The first block is part of the object, so a usual request allocates nothing on the heap.
// Pointers live until clear() or destruction, which run destructors of make() in reverse order.
class Arena {
 public:
  static constexpr std::size_t kInlineBytes = 4096;

  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { clear(); }

  void* allocate(std::size_t bytes, std::size_t alignment) {
    const std::uintptr_t at =
        (reinterpret_cast<std::uintptr_t>(next_) + alignment - 1) & ~(alignment - 1);
    const auto end = reinterpret_cast<std::uintptr_t>(end_);
    if (at > end || bytes > end - at) return allocate_block(bytes, alignment);
    next_ = reinterpret_cast<std::byte*>(at + bytes);
    return reinterpret_cast<void*>(at);
  }

  // An object that is destroyed with the arena's content.
  template <class T, class... Args>
  T& make(Args&&... args) {
    T* object = new (allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
    if constexpr (!std::is_trivially_destructible_v<T>) {
      auto* last = static_cast<Finalizer*>(allocate(sizeof(Finalizer), alignof(Finalizer)));
      *last = {[](void* p) { static_cast<T*>(p)->~T(); }, object, finalizers_};
      finalizers_ = last;
    }
    return *object;
  }

  template <class T>
  std::span<T> make_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (count == 0) return {};
    ASSERT(count < SIZE_MAX / sizeof(T));
    T* first = static_cast<T*>(allocate(sizeof(T) * count, alignof(T)));
    for (std::size_t i = 0; i < count; ++i) new (first + i) T();
    return {first, count};
  }

  std::span<char> allocate_text(std::size_t bytes) {
    return {static_cast<char*>(allocate(bytes, 1)), bytes};
  }

  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    const std::span<char> to = allocate_text(text.size());
    std::memcpy(to.data(), text.data(), text.size());
    return {to.data(), to.size()};
  }

  template <class... Views>
  std::string_view concat(Views... views) {
    const std::size_t total = (std::string_view(views).size() + ... + 0);
    const std::span<char> to = allocate_text(total);
    char* at = to.data();
    const auto append = [&at](std::string_view view) {
      if (view.empty()) return;
      std::memcpy(at, view.data(), view.size());
      at += view.size();
    };
    (append(std::string_view(views)), ...);
    return {to.data(), to.size()};
  }

  void clear() {
    while (finalizers_ != nullptr) {
      Finalizer* last = std::exchange(finalizers_, finalizers_->before);
      last->run(last->object);
    }
    while (blocks_ != nullptr) {
      Block* block = std::exchange(blocks_, blocks_->before);
      ::operator delete(block);
    }
    next_ = inline_;
    end_ = inline_ + kInlineBytes;
  }

 private:
  struct Finalizer {
    void (*run)(void*);
    void* object;
    Finalizer* before;
  };
  struct Block {
    Block* before;
  };

  void* allocate_block(std::size_t bytes, std::size_t alignment) {
    ASSERT(bytes < SIZE_MAX / 2);
    const std::size_t size = bytes + alignment < kBlockBytes ? kBlockBytes : bytes + alignment;
    auto* block = static_cast<Block*>(::operator new(sizeof(Block) + size));
    block->before = blocks_;
    blocks_ = block;
    next_ = reinterpret_cast<std::byte*>(block + 1);
    end_ = next_ + size;
    return allocate(bytes, alignment);
  }

  static constexpr std::size_t kBlockBytes = 16384;

  Finalizer* finalizers_ = nullptr;
  Block* blocks_ = nullptr;
  std::byte* next_ = inline_;
  std::byte* end_ = inline_ + kInlineBytes;
  alignas(std::max_align_t) std::byte inline_[kInlineBytes];
};

}  // namespace uvhttpd
