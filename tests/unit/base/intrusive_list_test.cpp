// SPDX-License-Identifier: MIT
// unit/base/intrusive_list_test.cpp: elements link and unlink themselves.
#include "base/intrusive_list.h"

#include <doctest/doctest.h>

#include <vector>

namespace uvhttpd {
namespace {

struct Item : ListNode {
  explicit Item(int n) : number(n) {}
  int number;
};

std::vector<int> numbers(IntrusiveList<Item>& list) {
  std::vector<int> all;
  list.for_each([&](Item& item) { all.push_back(item.number); });
  return all;
}

}  // namespace

TEST_CASE("A list keeps the order in which elements came") {
  Item one(1);
  Item two(2);
  Item three(3);
  IntrusiveList<Item> list;
  CHECK(list.empty());
  for (Item* item : {&one, &two, &three}) list.push_back(*item);
  CHECK_FALSE(list.empty());
  CHECK(list.front().number == 1);
  CHECK(numbers(list) == std::vector<int>{1, 2, 3});
  list.for_each([](Item& item) { item.unlink(); });
  CHECK(list.empty());
}

TEST_CASE("An element leaves from any place and may come back") {
  Item one(1);
  Item two(2);
  Item three(3);
  IntrusiveList<Item> list;
  for (Item* item : {&one, &two, &three}) list.push_back(*item);
  two.unlink();
  CHECK_FALSE(two.is_linked());
  CHECK(numbers(list) == std::vector<int>{1, 3});
  two.unlink();
  one.unlink();
  list.push_back(one);
  CHECK(numbers(list) == std::vector<int>{3, 1});
  three.unlink();
  one.unlink();
  CHECK(list.empty());
}

TEST_CASE("An element may leave while the list is walked, or move to another") {
  Item items[] = {Item(0), Item(1), Item(2), Item(3)};
  IntrusiveList<Item> list;
  IntrusiveList<Item> odd;
  for (Item& item : items) list.push_back(item);
  list.for_each([&](Item& item) {
    if (item.number % 2 == 0) return;
    item.unlink();
    odd.push_back(item);
  });
  CHECK(numbers(list) == std::vector<int>{0, 2});
  CHECK(numbers(odd) == std::vector<int>{1, 3});
  for (Item& item : items) item.unlink();
}

TEST_CASE("A list is emptied from the front") {
  Item items[] = {Item(0), Item(1), Item(2)};
  IntrusiveList<Item> list;
  for (Item& item : items) list.push_back(item);
  for (int expected = 0; !list.empty(); ++expected) {
    CHECK(list.front().number == expected);
    list.front().unlink();
  }
}

}  // namespace uvhttpd
