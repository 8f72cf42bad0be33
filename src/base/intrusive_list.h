// SPDX-License-Identifier: MIT
// base/intrusive_list.h: a doubly linked list whose links are members of its elements.
#pragma once

#include "base/assert.h"

namespace uvhttpd {

struct ListNode {
  ListNode* before = nullptr;
  ListNode* after = nullptr;

  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { ASSERT(!is_linked()); }

  bool is_linked() const { return before != nullptr; }
  // No effect when not linked.
  void unlink() {
    if (!is_linked()) return;
    before->after = after;
    after->before = before;
    before = after = nullptr;
  }
};

// T derives from ListNode. The list owns nothing; elements unlink themselves in O(1).
template <class T>
class IntrusiveList {
 public:
  IntrusiveList() { head_.before = head_.after = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    ASSERT(empty());
    head_.before = head_.after = nullptr;
  }

  bool empty() const { return head_.after == &head_; }
  T& front() {
    ASSERT(!empty());
    return static_cast<T&>(*head_.after);
  }
  void push_back(T& element) {
    ListNode& node = element;
    ASSERT(!node.is_linked());
    node.before = head_.before;
    node.after = &head_;
    head_.before->after = &node;
    head_.before = &node;
  }
  // Calls use(element) for each; the element given may unlink itself, others may not go.
  template <class Fn>
  void for_each(Fn&& use) {
    for (ListNode* node = head_.after; node != &head_;) {
      ListNode* next = node->after;
      use(static_cast<T&>(*node));
      node = next;
    }
  }

 private:
  ListNode head_;
};

}  // namespace uvhttpd
